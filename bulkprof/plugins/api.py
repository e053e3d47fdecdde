"""The types that hooks take and answer: what a plugin author needs besides the values in `bulkprof.model`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from bulkprof.model import Action, ActionKind, Outcome, Problem, RawRow, Target
from bulkprof.totals import RunSummary


class PluginSettings(BaseModel):
    """The base for a plugin's `Settings`: unknown keys are refused, values don't change."""

    # A value that doesn't fit may be a secret in the wrong place: pydantic's errors must not repeat it.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class PluginContext:
    """Where a plugin stands: given to its constructor beside its settings."""

    name: str
    """The plugin's name in the config: `naming` for `[plugins.naming]`."""
    directory: Path
    """The config file's folder; relative paths in settings start here."""


@dataclass(frozen=True, slots=True)
class NeededField:
    """A field of the row that a plugin's settings name, so that a run whose manifests all lack it is a mistake.

    A plugin lists them in its attribute `fields_needed`, where a row without the field would pass unnoticed.
    """

    field: str
    """As `field_reader` takes it; the profile's own fields and its tags are always there."""
    setting: str
    """Where the settings name it: `columns`."""
    tags: frozenset[str] = frozenset()
    """The tags that are made from it: manifests that give them themselves (`tag:KEY`) need no such field."""


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest to read: its name in messages, and where its bytes are."""

    label: str
    """As the user wrote it: a path, or `-` for standard input."""
    path: Path
    """A readable file; standard input was copied to one."""


class Reader(Protocol):
    """Reads one manifest format. Yields batches, so that a file is never whole in memory."""

    def read(self, source: Source) -> AsyncIterator[Sequence[RawRow | Problem]]:
        """Yield the rows in file order, and a `Problem` in the place of each unreadable one."""
        ...


class ClientFactory(Protocol):
    """Makes AWS clients with the run's own credentials and endpoint settings."""

    def __call__(self, service: str, *, region: str | None = None) -> AbstractAsyncContextManager[Any]:
        """An aioboto3 client of `service` (`"s3"`), in `region` or the SDK's default Region."""
        ...


@dataclass(frozen=True, slots=True)
class RunContext:
    """A run as its sinks see it when it starts."""

    run_id: str
    command: str
    estate: str
    started_at: str
    """UTC, ISO 8601, to the second."""
    client: ClientFactory


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run as its sinks see it at its end."""

    summary: RunSummary
    outcomes: Callable[[], AsyncIterator[Sequence[Outcome]]]
    """Opens the run's outcomes anew, in batches, in the order in which they were recorded."""
    links: Mapping[str, str]
    """What earlier sinks published, by sink name: `{"s3": "https://…"}`."""


class GiveUpError(RuntimeError):
    """Raise it (or a class of yours that derives from it) from a sink where another try now would only fail again.

    The delivery stays open for `bulkprof runs redeliver`, as after any other exception, and isn't tried again before.
    """


class Sink:
    """Where outcomes and the summary go. Derive from it and override what you need.

    Every method may be called again after a failure (at-least-once delivery): make them repeatable.
    An exception marks the delivery as open for `bulkprof runs redeliver`; it never harms the run. It is tried again a
    few times before that, unless it is a `GiveUpError`.
    """

    name: str = ""
    """Unique in a run; the plugin's name where it has one sink."""

    async def deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Take a batch while the run goes on. Sinks that only report the end leave this as it is."""

    async def finish(self, run: FinishedRun) -> str | None:
        """Take the end of the run; called once all batches are delivered. A URL answered becomes a link."""
        return None

    async def close(self) -> None:
        """Release what the sink holds. Called once, whatever happened before."""


@dataclass(frozen=True, slots=True)
class PlanOverview:
    """A plan as `bulkprof_check_plan` sees it."""

    run_id: str
    command: str
    estate: str
    counts: Mapping[ActionKind, int]
    targets: Mapping[Target, Mapping[ActionKind, int]]
    actions: Callable[[], Iterator[Action]]
    """Opens the plan's actions anew, read from the run file one by one."""
