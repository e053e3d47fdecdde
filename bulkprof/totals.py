"""Plans and runs in numbers: what is shown, asked about, and told to sinks. The rows stay in the run's file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bulkprof.errors import UsageError
from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind, Target

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


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do."""

    run_id: str
    path: Path | None
    """The file that holds it: `apply` takes it as its manifest. None where it wasn't kept."""
    desired: int
    """Profiles that the manifests want."""
    targets: int
    """Accounts and Regions that it is about."""
    actions: Mapping[ActionKind, int]
    """How many of each kind; refused ones are not among them."""
    refused: int
    """Actions that can't be done, such as all of an account that can't be entered. Each says why."""
    invalid: int
    """Manifest rows that were left out because of their problems."""
    read: Callable[[Path], Iterator[Action]] = field(repr=False, compare=False)
    """Reads the changes out of the file."""
    canary: tuple[Target, ...] = ()
    """Targets that are changed first, and the others only where no more fails there than is tolerated."""
    unwanted: int = 0
    """Profiles of the estate that no manifest wants, where the plan doesn't delete them."""
    sandbox: bool = False
    """Whether it is about the sandbox, and not about AWS."""

    @property
    def has_changes(self) -> bool:
        """Whether carrying it out would change anything."""
        return any(count for kind, count in self.actions.items() if kind is not ActionKind.NONE)

    @property
    def in_order(self) -> bool:
        """Whether no row is refused or invalid."""
        return not self.refused and not self.invalid

    def changes(self) -> Iterator[Action]:
        """What would change or is refused, one by one, read from the file as you go. Blocks.

        Raises `UsageError` where the plan wasn't kept.
        """
        if self.path is None:
            raise UsageError(f"plan {self.run_id} was not kept; name a file for it: plan(..., out=Path('plan.db'))")
        yield from self.read(self.path)

    def unkept(self) -> Plan:
        """The numbers of a plan whose file is about to go."""
        return replace(self, path=None)

    def as_json(self) -> dict[str, Any]:
        """The numbers as JSON-ready values, every kind of action named."""
        return {
            "run_id": self.run_id,
            "command": "plan",
            "desired": self.desired,
            "deletions": self.actions.get(ActionKind.DELETE, 0),
            "actions": {str(kind): self.actions.get(kind, 0) for kind in ActionKind},
            "refused": self.refused,
            "invalid": self.invalid,
            **({"canary": [str(target) for target in self.canary]} if self.canary else {}),
            "unwanted": self.unwanted,
            **({"sandbox": True} if self.sandbox else {}),
        }


@dataclass(slots=True)
class CallCount:
    """Calls of one AWS operation in a run: each attempt counts once in `sent`."""

    sent: int = 0
    throttled: int = 0
    failed: int = 0

    @property
    def accepted(self) -> int:
        """How many were answered as wished. Those that are still in flight are among them."""
        return self.sent - self.throttled - self.failed


Slices = Mapping[str, Mapping[int, CallCount]]
"""Calls by operation and by the slice of time in which they were answered, which begins at that epoch second."""


class CallTimes:
    """Counts how calls are answered, second by second, until the counts are taken to be kept."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives epoch seconds."""
        self._clock = clock
        self._counts: dict[str, dict[int, CallCount]] = {}

    def answered(self, operation: str, *, throttled: bool = False, failed: bool = False) -> None:
        """Count an answer that came just now."""
        seconds = self._counts.setdefault(operation, {})
        count = seconds.setdefault(int(self._clock()), CallCount())
        count.sent += 1
        count.throttled += throttled
        count.failed += failed

    def take(self) -> Slices:
        """Return what was counted since the last time, in slices of a second."""
        taken, self._counts = self._counts, {}
        return taken


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
    sandbox: bool = False
    """Whether it worked in the sandbox, and not in AWS; in the JSON summary where it did."""

    @property
    def changed(self) -> int:
        """How many profiles were created, adopted, updated, replaced or deleted."""
        return sum(count for kind, count in self.outcomes.items() if kind.is_change)

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
            **({"sandbox": True} if self.sandbox else {}),
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
