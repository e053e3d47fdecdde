"""The words of the domain as frozen values: request, target, profile, action, outcome.

They hold no behaviour beyond what follows from their own fields, so that every part of the package,
and every plugin, can share them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from bulkprof.printable import printable

EMPTY: Mapping[str, str] = MappingProxyType({})


def _empty() -> Mapping[str, str]:
    """`EMPTY` as a field's default: Python 3.11 refuses the value itself, since it can't be hashed."""
    return EMPTY


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One account in one Region. An empty `account` stands for the caller's own, not yet looked up.

    Offline, `account` may be a selector (`ou:OU-ID`, `org:*`, `tag:KEY=VALUE`), not yet resolved.
    """

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account or '(caller)'}/{self.region or '(default)'}"


@dataclass(frozen=True, slots=True)
class Directory:
    """An organization, as far as the selectors of a run need it."""

    statuses: Mapping[str, str] = field(default_factory=_empty)
    """Every account's id to its status: `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, …"""
    units: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of the units that were asked for: the ids of the accounts in each and in its children. Unknown ones lack."""
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The tags of active accounts by id; empty where nobody asked for them."""


class Severity(StrEnum):
    """Whether a problem makes its row unusable."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a cell, a row, a file or a plan; `str()` is the line that people read."""

    message: str
    file: str = ""
    line: int = 0
    """1-based; 0 where a whole file or plan is meant."""
    column: str = ""
    value: str = ""
    remedy: str = ""
    """What would be right, or what to do next."""
    severity: Severity = Severity.ERROR

    @property
    def is_error(self) -> bool:
        """True when the row or plan can't be used as it is."""
        return self.severity is Severity.ERROR

    @property
    def place(self) -> tuple[str, int, str, str]:
        """File, line, column and value: what the problem is about."""
        return self.file, self.line, self.column, self.value

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        shown = self.value if len(self.value) <= 80 else self.value[:77] + "..."
        cell = f"{self.column} {shown!r}" if self.value else self.column
        text = ": ".join(part for part in (place, cell, self.message) if part)
        text = f"{text}; {self.remedy}" if self.remedy else text
        return printable(text if self.is_error else f"warning: {text}")


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as a reader found it: column names to cells, before anything is understood.

    Cells of text formats are strings; JSON's may be numbers, booleans, lists and objects too.
    Tags come as `tag:KEY` columns or as an object (or AWS's list of Key/Value) under `tags`.
    """

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One row of a manifest. Empty tuples and None mean "not given": the config's defaults apply."""

    file: str
    line: int
    name: str | None = None
    models: tuple[str, ...] = ()
    description: str | None = None
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=_empty)
    attributes: Mapping[str, str] = field(default_factory=_empty)
    """The row's other columns (`team`, `app`, `env`, …), for rules to use."""


@dataclass(frozen=True, slots=True)
class DesiredProfile:
    """What should exist in one target.

    Rules build it in steps, and plugins see each step: `name` is empty until a naming rule answered,
    and `tags` holds what is merged so far.
    """

    request: Request
    target: Target
    model: str
    """As the manifest writes it: an alias, an id or an ARN."""
    source: str
    """`model` with the config's alias resolved: a model id, a system profile id or an ARN."""
    name: str = ""
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class ObservedProfile:
    """What AWS says exists. `tags` is None while they are not known."""

    arn: str
    name: str
    model_arns: tuple[str, ...]
    description: str | None = None
    tags: Mapping[str, str] | None = None


class ActionKind(StrEnum):
    """What a plan means to do with one profile."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    NONE = "none"


class OutcomeKind(StrEnum):
    """What became of an action. Every action ends as exactly one of these."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    ADOPTED = "adopted"
    UPDATED = "updated"
    REPLACED = "replaced"
    DELETED = "deleted"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an action can't be done; its outcome, failed or another, takes no call."""

    code: str
    message: str
    outcome: OutcomeKind = OutcomeKind.FAILED


@dataclass(frozen=True, slots=True)
class Action:
    """One planned change of one profile in one target: a row of the run file."""

    id: int
    target: Target
    kind: ActionKind
    name: str
    file: str = ""
    line: int = 0
    model: str = ""
    """As the manifest writes it."""
    source: str = ""
    """`model` with its alias resolved: a model id, a system profile id or an ARN."""
    source_arn: str = ""
    """What `copyFrom` gets; resolved by the target's catalogue."""
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=_empty)
    """All tags that the manifest and rules declare, the ownership tag among them."""
    arn: str = ""
    """The observed profile's ARN, for every kind but create."""
    set_tags: Mapping[str, str] = field(default_factory=_empty)
    remove_tags: tuple[str, ...] = ()
    reason: str = ""
    """Why, for people: the tag keys that differ, or the old and new model."""
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action, with everything that a results line needs."""

    action_id: int
    target: Target
    name: str
    kind: OutcomeKind
    file: str = ""
    line: int = 0
    arn: str = ""
    old_arn: str = ""
    """The ARN that a replacement took out of use."""
    model: str = ""
    tags: Mapping[str, str] = field(default_factory=_empty)
    attempts: int = 0
    """Calls sent for this action, throttled ones included."""
    error_code: str = ""
    error_message: str = ""


@dataclass(slots=True)
class CallCount:
    """Calls of one AWS operation in a run: each attempt counts once in `sent`."""

    sent: int = 0
    throttled: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class SinceLast:
    """What is new in a run against the last one of its estate. Failures are rows that failed, are unknown or skipped.

    Rows that a stopped run didn't reach are none.
    """

    run_id: str
    """The last run's."""
    started_at: str
    new_failures: int
    gone_failures: int
    """Failures of the last run that are in order now."""
    still_failing: int
    outcomes: Mapping[OutcomeKind, int]
    """The last run's."""
    first_new: tuple[Outcome, ...] = ()
    """The first few of the new failures."""

    @property
    def has_news(self) -> bool:
        """Whether something failed in either run: two good nights are no news."""
        return bool(self.new_failures or self.gone_failures or self.still_failing)

    def __str__(self) -> str:
        counts = f"{self.new_failures} new, {self.gone_failures} gone, {self.still_failing} as before"
        return f"failures since run {self.run_id}: {counts}"


@dataclass(frozen=True, slots=True)
class LostProfile:
    """A name that is without a profile, or may be: a replacement deleted the old one and didn't make the new one."""

    target: Target
    name: str
    old_arn: str
    run_id: str
    """The run that deleted it."""

    def __str__(self) -> str:
        return f"{self.target} {self.name}: no profile since run {self.run_id} deleted {self.old_arn} to replace it"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run's end in numbers: what `--json` prints and sinks get."""

    run_id: str
    command: str
    desired: int
    outcomes: Mapping[OutcomeKind, int]
    """Every kind of outcome, with the number of its profiles."""
    invalid: int
    """Manifest rows that were left out because of their problems."""
    elapsed_s: float
    """Seconds at work, from reading the manifests on, over all executions; not those of waiting for approval."""
    calls: Mapping[str, CallCount] = field(default_factory=dict)
    exit_code: int = 0
    since_last: SinceLast | None = None
    """None where no earlier run of the estate is in the state directory; not part of the JSON summary."""
    stopped: str = ""
    """Why the run stopped early, where it did so by itself; not part of the JSON summary."""
    lost: tuple[LostProfile, ...] = ()
    """Names that a replacement left without a profile, by this run or one before; in the JSON summary where any are."""

    @property
    def changed(self) -> int:
        """How many profiles were created, adopted, updated, replaced or deleted."""
        quiet = {OutcomeKind.UNCHANGED, OutcomeKind.FAILED, OutcomeKind.SKIPPED, OutcomeKind.UNKNOWN}
        return sum(count for kind, count in self.outcomes.items() if kind not in quiet)

    def as_json(self) -> dict[str, Any]:
        """The summary as JSON-ready values, every outcome named, in a fixed order."""
        return {
            "run_id": self.run_id,
            "command": self.command,
            "desired": self.desired,
            "outcomes": {str(kind): count for kind, count in every_kind(self.outcomes).items()},
            "invalid": self.invalid,
            "elapsed_s": round(self.elapsed_s, 3),
            "calls": {
                name: {"sent": count.sent, "throttled": count.throttled, "failed": count.failed}
                for name, count in sorted(self.calls.items())
            },
            # Why it stopped, where it wasn't people who wished it.
            **({"stopped": self.stopped} if self.stopped else {}),
            "exit_code": self.exit_code,
            **({"without_profile": [_lost_json(each) for each in self.lost]} if self.lost else {}),
        }


def _lost_json(lost: LostProfile) -> dict[str, str]:
    return {
        "account": lost.target.account,
        "region": lost.target.region,
        "name": lost.name,
        "old_arn": lost.old_arn,
        "run_id": lost.run_id,
    }


JSON_OUTCOME_ORDER = (
    OutcomeKind.CREATED,
    OutcomeKind.UNCHANGED,
    OutcomeKind.ADOPTED,
    OutcomeKind.UPDATED,
    OutcomeKind.REPLACED,
    OutcomeKind.DELETED,
    OutcomeKind.FAILED,
    OutcomeKind.SKIPPED,
    OutcomeKind.UNKNOWN,
)
"""The order in which outcomes are always listed."""


def every_kind(counts: Mapping[OutcomeKind, int]) -> dict[OutcomeKind, int]:
    """The counts with a zero for each kind of outcome that there is none of, in the fixed order."""
    return {kind: counts.get(kind, 0) for kind in JSON_OUTCOME_ORDER}
