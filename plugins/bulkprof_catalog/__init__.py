"""Writes the catalog after each run that changed something, in any number of files and formats.

```toml
[plugins.catalog]
files = [
  { format = "litellm", out = "litellm/{tag:Team}.yaml" },
  { format = "json", out = "s3://example-catalog/profiles.json" },
  { format = "claude-code", out = "search/settings.json", where = { "tag:Team" = "search" } },
]
```

A path is relative to the config's folder; a field in it makes a file for each of its values. The catalog is that of the
run: it names the profiles that the run's manifests want. Where a value has no profile any more since the run deleted
them, its file says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from bulkprof.plugins import (
    PathTemplate,
    PluginContext,
    PluginSettings,
    PolicyRequest,
    RunContext,
    Sink,
    Where,
    hookimpl,
)
from bulkprof_catalog.sink import CatalogFile, CatalogSink

__all__ = ["CatalogSettings", "Plugin"]


class FileSettings(PluginSettings):
    """A file, or a file for each value of a field."""

    format: str
    """As `bulkprof catalog --format` takes it."""
    out: str = Field(min_length=1)
    """A path, or `s3://bucket/key`, with fields such as `{tag:Team}` in it."""
    where: Mapping[str, str] = Field(default_factory=dict)
    """Fields and the values that entries must have."""

    @field_validator("out")
    @classmethod
    def _known_fields(cls, out: str) -> str:
        PathTemplate(out)
        return out

    @field_validator("where")
    @classmethod
    def _known_conditions(cls, where: Mapping[str, str]) -> Mapping[str, str]:
        Where(where)
        return where


class CatalogSettings(PluginSettings):
    """`[plugins.catalog]`."""

    files: tuple[FileSettings, ...] = Field(min_length=1)
    region: str | None = None
    """The Region of the buckets, where it isn't the SDK's default one."""


class Plugin:
    """The plugin: implements `bulkprof_sinks` and `bulkprof_permissions`."""

    Settings = CatalogSettings

    def __init__(self, settings: CatalogSettings, context: PluginContext) -> None:
        self._settings = settings
        self._name = context.name
        self._directory = context.directory

    @hookimpl
    def bulkprof_sinks(self, run: RunContext) -> Iterable[Sink]:
        """Return one sink for all files. Raises `ValueError` for a format that doesn't exist."""
        for one in self._settings.files:
            if one.format not in run.formats:
                raise ValueError(f"there is no format {one.format!r}; the formats are {', '.join(run.formats)}")
        files = [
            CatalogFile(one.format, PathTemplate(self._place(one.out)), Where(one.where), run.formats[one.format])
            for one in self._settings.files
        ]
        settings = self._settings
        return [CatalogSink(name=self._name, files=files, region=settings.region, client=run.client, warn=run.warn)]

    def _place(self, out: str) -> str:
        if out.startswith("s3://"):
            return out
        # Braces in the name of the config's folder are no fields.
        return str(Path(str(self._directory).replace("{", "{{").replace("}", "}}")) / out)

    @hookimpl
    def bulkprof_permissions(self, policy: PolicyRequest) -> Iterable[Mapping[str, Any]]:
        """Return what writing to S3 needs, in the role that runs bulkprof."""
        paths = [one.out.removeprefix("s3://") for one in self._settings.files if one.out.startswith("s3://")]
        if not paths or policy.holder != "runner" or not policy.changes:
            return []
        resources = [f"arn:{policy.partition}:s3:::{_with_wildcard(path)}" for path in dict.fromkeys(paths)]
        return [{"Sid": "WriteCatalog", "Effect": "Allow", "Action": ["s3:PutObject"], "Resource": resources}]


def _with_wildcard(path: str) -> str:
    """Return a path whose fields may be anything."""
    before, field, rest = path.partition("{")
    return f"{before}*{_with_wildcard(rest.partition('}')[2])}" if field else before
