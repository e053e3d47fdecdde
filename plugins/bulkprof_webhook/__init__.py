"""Posts a run's end, or each batch of its outcomes, to a server of yours as signed JSON, or as a template writes it.

```toml
[plugins.webhook]
url = "https://hooks.example.com/bulkprof"      # or url_env, or url_secret, where the URL is secret
signing_key_env = "WEBHOOK_SIGNING_KEY"         # or signing_key_secret, in AWS Secrets Manager
when = "run"                                    # or "batch"
send = "change"                                 # or "always", or "failure"
template = "teams.json.j2"                      # beside the config: what to post instead
```

The server checks the signature with the same key, and knows by the header `Idempotency-Key` what it has already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bulkprof.plugins import PluginContext, PolicyRequest, RunContext, Sink, hookimpl, secret_permissions
from bulkprof_webhook.samples import samples
from bulkprof_webhook.settings import WebhookSettings
from bulkprof_webhook.sink import WebhookSink
from bulkprof_webhook.template import BodyTemplate

__all__ = ["Plugin", "WebhookSettings"]


class Plugin:
    """The plugin: implements `bulkprof_sinks` and `bulkprof_permissions`."""

    Settings = WebhookSettings

    def __init__(self, settings: WebhookSettings, context: PluginContext) -> None:
        """Read the template, and try it with made-up runs. Raises `ValueError` where it is wrong."""
        self._settings = settings
        self._name = context.name
        self._template: BodyTemplate | None = None
        if settings.template:
            self._template = BodyTemplate(
                context.directory / settings.template,
                settings.template,
                is_json=settings.is_json,
                values=[*settings.values_env, *settings.values_secret],
                samples=list(samples(settings.when)),
            )

    @hookimpl
    def bulkprof_sinks(self, run: RunContext) -> Iterable[Sink]:
        """Return one sink. Raises `ValueError` if a variable isn't set, which only a run needs."""
        settings = self._settings
        return [
            WebhookSink(
                name=self._name,
                run=run,
                url=settings.where(run.client),
                key=settings.signing_key(run.client),
                values=settings.values(run.client),
                template=self._template,
                settings=settings,
            )
        ]

    @hookimpl
    def bulkprof_permissions(self, policy: PolicyRequest) -> Iterable[Mapping[str, Any]]:
        """Return what reading the secrets needs, in the role that runs bulkprof."""
        return secret_permissions(policy, "ReadWebhookSecrets", self._settings.secrets())
