"""The types that hooks take and return: what a plugin author needs besides the values in `bulkprof.model`."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

from bulkprof.catalog.entries import CatalogEntry, CatalogFormat
from bulkprof.model import Action, ActionKind, Outcome, Problem, RawRow, Target
from bulkprof.totals import RunSummary

LOG = logging.getLogger(__name__)


class PluginSettings(BaseModel):
    """The base class for a plugin's `Settings`: unknown keys are refused, and settings can't be changed."""

    # A wrong value may be a secret in the wrong place: pydantic's errors must not repeat it.
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class PluginContext:
    """A plugin's name and folder: given to its constructor with its settings."""

    name: str
    """The plugin's name in the config: `naming` for `[plugins.naming]`."""
    directory: Path
    """The config file's folder; relative paths in settings start here."""


@dataclass(frozen=True, slots=True)
class NeededField:
    """A field of the row that a plugin's settings name: if no manifest of a run has it, that is a mistake.

    A plugin lists them in its attribute `fields_needed`, if a row without the field would otherwise go unnoticed.
    """

    field: str
    """As `field_reader` takes it; the profile's own fields and its tags are always there."""
    setting: str
    """The setting that names it: `columns`."""
    tags: frozenset[str] = frozenset()
    """The tags that are made from it: manifests that give them themselves (`tag:KEY`) need no such field."""
    names: bool = False
    """Whether names alone are made from it: rows that have a name themselves need no such field."""


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest to read: its name in messages, and where its bytes are."""

    label: str
    """As the user wrote it: a path, a workbook's sheet (`teams.xlsx#North`), or `-` for standard input."""
    path: Path
    """A readable file; standard input was copied to one."""


class Reader(Protocol):
    """Reads one manifest format. Yields batches, so that a file is never whole in memory."""

    def read(self, source: Source) -> AsyncIterator[Sequence[RawRow | Problem]]:
        """Yield the rows in file order, and a `Problem` in the place of each unreadable one."""
        ...


class ClientFactory(Protocol):
    """Makes AWS clients with the run's own credentials and endpoint settings."""

    def __call__(
        self, service: str, *, region: str | None = None, account: str | None = None
    ) -> AbstractAsyncContextManager[Any]:
        """Return an aioboto3 client of `service` (`"s3"`), in `region` or the SDK's default Region.

        It works in the account that the run starts from, or in `account`, with the role that the run assumes there.
        """
        ...


class PacedClient(Protocol):
    """The calls of one AWS service in one account and Region, as fast as AWS takes them."""

    async def call(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        """Send `operation`, by AWS's name (`PutParameter`), with its arguments, and return its answer.

        It waits for its turn, and is sent again after a throttle, a lost connection, or an answer that doesn't tell
        whether it was done: so it has to be one that may be sent twice. Raises `AwsError`.
        """
        ...


class PacedFactory(Protocol):
    """Makes clients whose calls are paced as the run's own are."""

    def __call__(
        self, service: str, *, region: str | None = None, account: str | None = None
    ) -> AbstractAsyncContextManager[PacedClient]:
        """Return the calls of `service`; the arguments are those of `ClientFactory`."""
        ...


def _no_calls(
    service: str, *, region: str | None = None, account: str | None = None
) -> AbstractAsyncContextManager[PacedClient]:
    raise RuntimeError("this RunContext belongs to no run; give it a `paced` of your own")


@dataclass(frozen=True, slots=True)
class RunContext:
    """A run at its start, for its sinks."""

    run_id: str
    command: str
    estate: str
    started_at: str
    """UTC, ISO 8601, to the second."""
    client: ClientFactory
    paced: PacedFactory = field(default=_no_calls, repr=False)
    """For sinks that send many calls: what AWS takes is learned, and kept for the next run, as for the run's own."""
    formats: Mapping[str, CatalogFormat] = field(default_factory=dict)
    """The formats of catalogs by name: bulkprof's own, and those of plugins."""
    warn: Callable[[str], None] = field(default=LOG.warning, repr=False)
    """Tells people what a later delivery can't mend, such as a profile that lacks a tag; each message once."""


async def _nothing() -> AsyncIterator[Sequence[CatalogEntry]]:
    """Yield no entries: a run without a catalog."""
    no_batches: tuple[Sequence[CatalogEntry], ...] = ()
    for batch in no_batches:
        yield batch


async def _no_page() -> str:
    raise RuntimeError("this FinishedRun belongs to no run, so there is no page; give it an `html` of your own")


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run at its end, for its sinks."""

    summary: RunSummary
    outcomes: Callable[[], AsyncIterator[Sequence[Outcome]]]
    """Reads the run's outcomes from the start, in batches, in the order in which they were recorded."""
    links: Mapping[str, str]
    """The links of earlier sinks, by sink name: `{"s3": "https://…"}`."""
    html: Callable[[], Awaitable[str]] = field(default=_no_page, repr=False)
    """Makes the run's report as one HTML page, as `bulkprof report --html` writes it. Made anew at each call."""
    entries: Callable[[], AsyncIterator[Sequence[CatalogEntry]]] = _nothing
    """Reads what a catalog says of the profiles that are wanted and exist, from the start, in batches.

    Where an older run is delivered late, they are as later runs left them: replaced ones with their new ARN, and
    without those that are deleted.
    """
    gone: Callable[[], AsyncIterator[Sequence[CatalogEntry]]] = _nothing
    """Reads what a catalog said of the profiles that the run deleted, in batches."""
    kept: Callable[[], AsyncIterator[Sequence[CatalogEntry]]] = _nothing
    """Reads what other runs know of profiles that this one says nothing of, in batches.

    They are wanted ones in accounts that it couldn't enter, and the rest where it was about a part of the estate.
    For sinks that write many profiles into one file, in which they have to stay.
    """
    later: Callable[[], AsyncIterator[Sequence[CatalogEntry]]] = _nothing
    """Reads `entries` and `gone` of the later runs that changed something, where an older run is delivered late.

    Otherwise it reads nothing. A file that holds many profiles was written by them since, if any of their profiles
    belongs into it.
    """


class GiveUpError(RuntimeError):
    """Raise it (or a class derived from it) from a sink if another try now would only fail again.

    The delivery stays open for `bulkprof runs redeliver`, as after any other exception, and isn't tried again before.
    """


class Sink:
    """Receives outcomes and the summary of a run. Derive from it and override what you need.

    Every method may be called again after a failure (at-least-once delivery): make them repeatable.
    An exception marks the delivery as open for `bulkprof runs redeliver`; it never harms the run. It is tried again a
    few times before that, unless it is a `GiveUpError`.
    """

    name: str = ""
    """Unique in a run; the plugin's name where it has one sink."""
    same_batches: bool = False
    """Whether a batch that it may not have taken comes again with the very same outcomes, also in a later delivery.

    For receivers that know a batch again. Without it, the outcomes since then come with it.
    """
    end_timeout_s: float = 0.0
    """Seconds that a run waits for this sink after its last action, where that is more than the usual minute."""

    async def deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Take a batch during the run. Sinks that only report the end leave this as it is."""

    async def finish(self, run: FinishedRun) -> str | None:
        """Take the end of the run; called when all batches are delivered. A URL that is returned becomes a link."""
        return None

    async def close(self) -> None:
        """Release resources. Called once, also after errors."""


@dataclass(frozen=True, slots=True)
class PlanOverview:
    """A plan, for `bulkprof_check_plan`."""

    run_id: str
    command: str
    estate: str
    counts: Mapping[ActionKind, int]
    targets: Mapping[Target, Mapping[ActionKind, int]]
    actions: Callable[[], Iterator[Action]]
    """Reads the plan's actions from the start, from the run file one by one."""


PolicyHolder: TypeAlias = Literal["runner", "member"]
"""Whose permissions: those of the role that runs bulkprof, or of the role that it assumes in each account."""


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """An IAM policy that is being written, for `bulkprof_permissions`."""

    holder: PolicyHolder
    """Without `[organization] role`, one role gets the statements of both."""
    partition: str
    """What ARNs begin with: `aws`, `aws-us-gov`; in a template, a variable of CloudFormation."""
    account: str
    """The account in ARNs: `*` for any; in a template, a variable of CloudFormation."""
    changes: bool
    """Whether the runs change something. `plan` and `export` don't, and have no sinks."""
