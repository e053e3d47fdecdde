"""What went wrong in a run, for people: rows that failed alike are one line, with their number and the first of them.

The results file has them all, one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bulkprof.aws.errors.codes import CODES
from bulkprof.errors import AccessDeniedError
from bulkprof.model import NEED_ATTENTION, NOT_REACHED, Outcome, OutcomeKind, Target
from bulkprof.reports import remedies
from bulkprof.store.run import RunFile

EACH = 3
"""Up to how many rows that failed alike are shown one by one."""


@dataclass(slots=True)
class Alike:
    """Outcomes of one kind with the same error of the same operation."""

    kind: OutcomeKind
    code: str
    action: str
    """What IAM calls the operation, where it was denied and AWS says so; else empty."""
    remedy_kind: str
    """How the denial is mended, as `remedies` has it; empty where nothing was denied."""
    first: list[Outcome] = field(default_factory=list)
    count: int = 0
    targets: set[Target] = field(default_factory=set)

    @property
    def remedy(self) -> str:
        """How to mend it; empty where only the message says."""
        return remedies.remedy(self.remedy_kind, [self.action]) if self.remedy_kind else ""

    def take(self, outcome: Outcome, each: int) -> None:
        """Count an outcome, and keep it if it is one of the first `each`."""
        self.count += 1
        self.targets.add(outcome.target)
        if len(self.first) < each:
            self.first.append(outcome)

    def lines(self) -> Iterator[str]:
        """Return a line for all, or one for each where all of them were kept."""
        if self.count == len(self.first):
            yield from map(_line, self.first)
            return
        first = self.first[0]
        places = f"in {len(self.targets)} targets" if len(self.targets) > 1 else f"in {first.target}"
        # Their messages may differ in the resource that they name; one is enough to know what to do.
        yield (
            f"{self.count} profiles {places}: {self.kind}: {self.code}{f' on {self.action}' if self.action else ''} "
            f"(the first: {_place(first)}{first.target} {first.name}): {first.error_message}"
        )


class Failures:
    """Takes a run's outcomes one by one, and puts together those that failed alike."""

    def __init__(self, each: int) -> None:
        """`each` is how many of a group are kept one by one."""
        self._each = each
        self._groups: dict[tuple[OutcomeKind, str, str, str], Alike] = {}

    @property
    def groups(self) -> list[Alike]:
        """In the order of their first ones."""
        return list(self._groups.values())

    def take(self, outcome: Outcome) -> None:
        """Take an outcome; those in order, and rows that were never reached, are left out."""
        if outcome.kind.needs_attention and outcome.error_code != NOT_REACHED:
            remedy = remedies.remedy_kind(outcome.error_message) if _is_denied(outcome) else ""
            key = (outcome.kind, outcome.error_code, _denied_action(outcome), remedy)
            self._groups.setdefault(key, Alike(*key)).take(outcome, self._each)


def failure_lines(run: RunFile, each: int = EACH) -> Iterator[str]:
    """Return what needs attention, in manifest order, with a remedy for missing permissions. Blocks.

    Up to `each` rows that failed alike are shown one by one; rows that were never reached only count.
    """
    yield from grouped_lines(run.results(NEED_ATTENTION), each)
    for lost in run.lost():
        yield f"{lost}; apply or sync its row: that makes it before anything else"


def grouped_lines(outcomes: Iterable[Outcome], each: int) -> Iterator[str]:
    """Return a line for outcomes that failed alike, one for each of them where they are few, and the remedies."""
    failures = Failures(each)
    for outcome in outcomes:
        failures.take(outcome)
    denied: dict[str, set[str]] = {}
    for alike in failures.groups:
        yield from alike.lines()
        if alike.remedy_kind:
            denied.setdefault(alike.remedy_kind, set()).add(alike.action)
    for remedy, actions in denied.items():
        yield remedies.remedy(remedy, actions)


def _is_denied(outcome: Outcome) -> bool:
    return CODES.get(outcome.error_code) is AccessDeniedError


def _denied_action(outcome: Outcome) -> str:
    return remedies.denied_action(outcome.error_message) if _is_denied(outcome) else ""


def _line(outcome: Outcome) -> str:
    what = f"{outcome.kind}: {outcome.error_code}: {outcome.error_message}"
    arn = f" ({outcome.arn})" if outcome.arn and outcome.arn not in what else ""
    return f"{_place(outcome)}{outcome.target} {outcome.name}: {what}{arn}"


def _place(outcome: Outcome) -> str:
    return f"{outcome.file}:{outcome.line} " if outcome.file else ""
