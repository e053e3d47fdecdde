"""Uploads a run's results, its summary and its report to an S3 bucket.

```toml
[plugins.s3]
bucket = "example-reports"
prefix = "bulkprof/{date}/{run_id}/"
format = "csv"
sse = "aws:kms"
kms_key_id = "alias/reports"
```

At the end of each run, `results.csv` (or `.jsonl`), `summary.json` and `report.html` are under the prefix. Delivering a
run again writes the same objects again.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from bulkprof.plugins import PluginContext, PluginSettings, PolicyRequest, RunContext, Sink, hookimpl
from bulkprof_s3.permissions import statements
from bulkprof_s3.sink import S3Sink

__all__ = ["Plugin", "S3Settings"]

_PREFIX_FIELDS = frozenset({"date", "run_id", "estate", "command"})


class S3Settings(PluginSettings):
    """`[plugins.s3]`."""

    bucket: str = Field(min_length=3)
    """A bucket's name, or the ARN of an access point."""
    prefix: str = "bulkprof/{date}/{run_id}/"
    """The beginning of keys; fields are `date` (UTC, of the run's start), `run_id`, `estate` and `command`."""
    format: Literal["jsonl", "csv"] = "jsonl"
    csv_cells: Literal["safe", "raw"] = "safe"
    """As the flag `--csv-cells`: cells that no spreadsheet runs as a formula, or the values as they are."""
    region: str | None = None
    """The bucket's Region, if it isn't the SDK's default one."""
    sse: Literal["AES256", "aws:kms"] | None = None
    """Server-side encryption to ask for; without it, the bucket's default applies."""
    kms_key_id: str | None = None
    storage_class: str | None = None
    report: bool = True
    """Whether the report is uploaded, too: one page for browsers."""
    report_url: str | None = Field(default=None, pattern="^https://")
    """Where people open what is in the bucket, with the field `key`: `https://reports.example.com/{key}`.

    It is the link that the sinks after this one show, such as Slack's message.
    """

    @field_validator("prefix")
    @classmethod
    def _known_fields(cls, prefix: str) -> str:
        _check_fields(prefix, _PREFIX_FIELDS)
        if prefix.startswith("/"):
            raise ValueError("must not begin with '/': S3 would make a folder without a name")
        return prefix

    @field_validator("report_url")
    @classmethod
    def _known_field(cls, url: str | None) -> str | None:
        if url is not None:
            _check_fields(url, {"key"})
            if "{key}" not in url:
                raise ValueError("needs {key}, which stands for the report's key in the bucket")
        return url

    @model_validator(mode="after")
    def _url_needs_report(self) -> S3Settings:
        if self.report_url and not self.report:
            raise ValueError("`report_url` needs `report = true`")
        return self

    @model_validator(mode="after")
    def _key_needs_kms(self) -> S3Settings:
        if self.kms_key_id and self.sse != "aws:kms":
            raise ValueError('`kms_key_id` needs `sse = "aws:kms"`')
        return self

    def put_arguments(self) -> dict[str, str]:
        """Return the arguments of PutObject besides key and content."""
        arguments = {
            "ServerSideEncryption": self.sse,
            "SSEKMSKeyId": self.kms_key_id,
            "StorageClass": self.storage_class,
        }
        return {name: value for name, value in arguments.items() if value}


def _check_fields(template: str, known: Collection[str]) -> None:
    """Raise `ValueError` unless all fields of the template are known, and plain."""
    for _, field, specification, conversion in string.Formatter().parse(template):
        if field is not None and (field not in known or specification or conversion):
            raise ValueError(f"{{{field}}} can't be used; the fields are {', '.join(sorted(known))}")


class Plugin:
    """The plugin: implements `bulkprof_sinks`."""

    Settings = S3Settings

    def __init__(self, settings: S3Settings, context: PluginContext) -> None:
        self._settings = settings
        self._name = context.name

    @hookimpl
    def bulkprof_sinks(self, run: RunContext) -> Iterable[Sink]:
        """Return one sink, with the prefix of this run."""
        prefix = self._settings.prefix.format(
            date=run.started_at[:10], run_id=run.run_id, estate=run.estate, command=run.command
        )
        return [
            S3Sink(
                name=self._name,
                bucket=self._settings.bucket,
                prefix=prefix,
                file_format=self._settings.format,
                raw_cells=self._settings.csv_cells == "raw",
                region=self._settings.region,
                put_arguments=self._settings.put_arguments(),
                report=self._settings.report,
                report_url=self._settings.report_url,
                client=run.client,
            )
        ]

    @hookimpl
    def bulkprof_permissions(self, policy: PolicyRequest) -> Iterable[Mapping[str, Any]]:
        """Return what uploading needs, in the role that runs bulkprof."""
        if policy.holder != "runner" or not policy.changes:
            return []
        settings = self._settings
        return statements(policy, settings.bucket, settings.prefix.partition("{")[0], settings.kms_key_id or "")
