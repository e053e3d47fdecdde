"""Sends an event to Amazon EventBridge for each change of a profile, and one for each run.

```toml
[plugins.eventbridge]
bus = "platform"
region = "eu-central-1"
```

Their source is `bulkprof`; their detail types are in `events`. Each has an `id` in its detail that a repeated one has,
too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from bulkprof.plugins import PluginContext, PluginSettings, PolicyRequest, RunContext, Sink, hookimpl
from bulkprof_eventbridge.sink import EventSink

__all__ = ["EventBridgeSettings", "Plugin"]


class EventBridgeSettings(PluginSettings):
    """`[plugins.eventbridge]`."""

    bus: str = Field(
        default="default", pattern=r"^(arn:[^:]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[/.0-9A-Za-z_-]+$"
    )
    """An event bus's name, or its ARN where it is in another account."""
    region: str | None = None
    """The bus's Region, where it isn't the SDK's default one."""


class Plugin:
    """The plugin: implements `bulkprof_sinks` and `bulkprof_permissions`."""

    Settings = EventBridgeSettings

    def __init__(self, settings: EventBridgeSettings, context: PluginContext) -> None:
        self._settings = settings
        self._name = context.name

    @property
    def _region(self) -> str | None:
        """The bus's Region; an ARN names it."""
        bus = self._settings.bus
        return self._settings.region or (bus.split(":")[3] if bus.startswith("arn:") else None)

    @hookimpl
    def bulkprof_sinks(self, run: RunContext) -> Iterable[Sink]:
        """Return one sink."""
        return [EventSink(name=self._name, bus=self._settings.bus, region=self._region, run=run)]

    @hookimpl
    def bulkprof_permissions(self, policy: PolicyRequest) -> Iterable[Mapping[str, Any]]:
        """Return what sending events needs, in the role that runs bulkprof."""
        if policy.holder != "runner" or not policy.changes:
            return []
        bus = self._settings.bus
        if not bus.startswith("arn:"):
            bus = f"arn:{policy.partition}:events:{self._region or '*'}:{policy.account}:event-bus/{bus}"
        return [{"Sid": "SendEvents", "Effect": "Allow", "Action": ["events:PutEvents"], "Resource": [bus]}]
