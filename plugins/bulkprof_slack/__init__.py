"""Posts one message for each run to a Slack channel, through an incoming webhook.

```toml
[plugins.slack]
webhook_env = "SLACK_WEBHOOK_URL"     # the variable that holds the URL
when = "failure"                      # or "change", or "always"
```

Anyone with a webhook's URL can post to its channel: it is read from the environment or from AWS Secrets Manager
when a run needs it, and is in no message, log or exception. Named after `[plugins.s3]`, the message links its report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field, model_validator

from bulkprof.plugins import (
    PluginContext,
    PluginSettings,
    PolicyRequest,
    RunContext,
    Sink,
    TellWhen,
    hookimpl,
    secret_from_environment,
    secret_from_manager,
    secret_permissions,
)
from bulkprof_slack.sink import SlackSink

__all__ = ["Plugin", "SlackSettings"]

DEFAULT_VARIABLE = "SLACK_WEBHOOK_URL"
_WHAT = "the Slack webhook's URL"


class SlackSettings(PluginSettings):
    """`[plugins.slack]`."""

    webhook_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The environment variable that holds the webhook's URL; `SLACK_WEBHOOK_URL` unless `webhook_secret` is given."""
    webhook_secret: str | None = None
    """The name or ARN of a secret in AWS Secrets Manager whose text is the URL."""
    when: TellWhen = "always"
    """`failure`: rows failed, are unknown or were skipped, or the run was stopped; `change`: that, or a change."""
    max_failures: int = Field(default=5, ge=0, le=20)
    """How many failed rows the message lists."""
    timeout_s: float = Field(default=10.0, gt=0, le=60)

    @model_validator(mode="after")
    def _one_webhook(self) -> SlackSettings:
        if self.webhook_env and self.webhook_secret:
            raise ValueError("`webhook_env` and `webhook_secret` exclude each other")
        return self


class Plugin:
    """The plugin: implements `bulkprof_sinks`."""

    Settings = SlackSettings

    def __init__(self, settings: SlackSettings, context: PluginContext) -> None:
        self._settings = settings
        self._name = context.name

    @hookimpl
    def bulkprof_sinks(self, run: RunContext) -> Iterable[Sink]:
        """Return one sink. Raises `ValueError` if the variable with the webhook isn't set, which only a run needs."""
        settings = self._settings
        if settings.webhook_secret:
            webhook = secret_from_manager(settings.webhook_secret, run.client, _WHAT, url=True)
        else:
            webhook = secret_from_environment(settings.webhook_env or DEFAULT_VARIABLE, _WHAT, url=True)
        return [
            SlackSink(
                name=self._name,
                run=run,
                webhook=webhook,
                when=settings.when,
                max_failures=settings.max_failures,
                timeout_s=settings.timeout_s,
            )
        ]

    @hookimpl
    def bulkprof_permissions(self, policy: PolicyRequest) -> Iterable[Mapping[str, Any]]:
        """Return what reading the webhook's secret needs, in the role that runs bulkprof."""
        secret = self._settings.webhook_secret
        return secret_permissions(policy, "ReadSlackWebhook", [secret] if secret else [])
