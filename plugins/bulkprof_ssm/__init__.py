"""Keeps the ARN of each profile in a parameter of the Systems Manager Parameter Store.

```toml
[plugins.ssm]
parameter = "/bedrock/{tag:Team}/{name}"
where = "target"
```

At the end of each run, every profile that the manifests want has a String parameter with its ARN. Those that are right
already aren't written; ARNs of replaced profiles move; parameters of deleted profiles go. A parameter of the same name
that bulkprof didn't make is left, and told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from bulkprof.plugins import PluginContext, PluginSettings, PolicyRequest, RunContext, Sink, hookimpl
from bulkprof_ssm.names import ParameterTemplate
from bulkprof_ssm.permissions import statements
from bulkprof_ssm.sink import SsmSink

__all__ = ["Plugin", "SsmSettings"]


class SsmSettings(PluginSettings):
    """`[plugins.ssm]`."""

    parameter: str = Field(min_length=1)
    """The parameters' name, with the fields `name`, `account`, `region` and `tag:KEY` in braces."""
    where: Literal["hub", "target"] = "hub"
    """`hub`: the account that runs start from. `target`: the account of each profile."""
    region: str = Field(default="target", min_length=1)
    """`target`: the Region of each profile; or one Region for all."""
    tier: Literal["Standard", "Advanced", "Intelligent-Tiering"] | None = None
    """Without it, the account's default applies. An account has room for 10,000 standard parameters in a Region."""
    wait_s: float = Field(default=600.0, ge=0, le=86_400)
    """Seconds that a run waits for its parameters after its last action: SSM takes few calls a second."""

    @field_validator("parameter")
    @classmethod
    def _usable(cls, parameter: str) -> str:
        ParameterTemplate(parameter)
        return parameter


class Plugin:
    """The plugin: implements `bulkprof_sinks` and `bulkprof_permissions`."""

    Settings = SsmSettings

    def __init__(self, settings: SsmSettings, context: PluginContext) -> None:
        self._settings = settings
        self._name = context.name

    @hookimpl
    def bulkprof_sinks(self, run: RunContext) -> Iterable[Sink]:
        """Return one sink."""
        settings = self._settings
        return [
            SsmSink(
                name=self._name,
                template=ParameterTemplate(settings.parameter),
                in_targets=settings.where == "target",
                region="" if settings.region == "target" else settings.region,
                tier=settings.tier,
                wait_s=settings.wait_s,
                run=run,
            )
        ]

    @hookimpl
    def bulkprof_permissions(self, policy: PolicyRequest) -> Iterable[Mapping[str, Any]]:
        """Return what parameters need, in the role that runs bulkprof or the one in each account."""
        settings = self._settings
        holder = "member" if settings.where == "target" else "runner"
        if policy.holder != holder or not policy.changes:
            return []
        region = "*" if settings.region == "target" else settings.region
        return statements(policy, region, ParameterTemplate(settings.parameter))
