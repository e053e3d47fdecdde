"""What went wrong in a run, for people: rows that failed alike are said once, with their number and the first of them.

The results file has them all, one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bulkprof.aws.errors.codes import CODES
from bulkprof.errors import AccessDeniedError
from bulkprof.model import Outcome, OutcomeKind, Target
from bulkprof.reports import denials
from bulkprof.store.codec import NOT_REACHED
from bulkprof.store.run import RunFile

EACH = 3
"""Up to how many rows that failed alike are shown one by one."""
_BAD = frozenset({OutcomeKind.FAILED, OutcomeKind.UNKNOWN, OutcomeKind.SKIPPED})


@dataclass(slots=True)
class _Alike:
    """Outcomes of one kind with the same error of the same operation."""

    first: list[Outcome] = field(default_factory=list)
    count: int = 0
    targets: set[Target] = field(default_factory=set)

    def take(self, outcome: Outcome, each: int) -> None:
        self.count += 1
        self.targets.add(outcome.target)
        if len(self.first) < each:
            self.first.append(outcome)

    def lines(self, action: str) -> Iterator[str]:
        if self.count == len(self.first):
            yield from map(_line, self.first)
            return
        first = self.first[0]
        places = f"in {len(self.targets)} targets" if len(self.targets) > 1 else f"in {first.target}"
        # Their messages may differ in the resource that they name; one is enough to know what to do.
        yield (
            f"{self.count} profiles {places}: {first.kind}: {first.error_code}{f' on {action}' if action else ''} "
            f"(the first: {_place(first)}{first.target} {first.name}): {first.error_message}"
        )


def failure_lines(run: RunFile, each: int = EACH) -> Iterator[str]:
    """What people have to look at, in manifest order, with a remedy for missing permissions. Blocks.

    Up to `each` rows that failed alike are shown one by one; rows that were never reached only count.
    """
    yield from _grouped(run.results(_BAD), each)
    for lost in run.lost():
        yield f"{lost}; apply or sync its row: that makes it before anything else"


def _grouped(outcomes: Iterable[Outcome], each: int) -> Iterator[str]:
    groups: dict[tuple[OutcomeKind, str, str, str], _Alike] = {}
    for outcome in outcomes:
        if outcome.kind in _BAD and outcome.error_code != NOT_REACHED:
            remedy = denials.remedy_kind(outcome.error_message) if _is_denied(outcome) else ""
            key = (outcome.kind, outcome.error_code, denied_action(outcome), remedy)
            groups.setdefault(key, _Alike()).take(outcome, each)
    denied: dict[str, set[str]] = {}
    for (_, _, action, remedy), alike in groups.items():
        yield from alike.lines(action)
        if remedy:
            denied.setdefault(remedy, set()).add(action)
    for remedy, actions in denied.items():
        yield denials.remedy(remedy, actions)


def _is_denied(outcome: Outcome) -> bool:
    return CODES.get(outcome.error_code) is AccessDeniedError


def denied_action(outcome: Outcome) -> str:
    """What IAM calls the operation that was denied, where the answer says so."""
    return denials.action(outcome.error_message) if _is_denied(outcome) else ""


def _line(outcome: Outcome) -> str:
    what = f"{outcome.kind}: {outcome.error_code}: {outcome.error_message}"
    return f"{_place(outcome)}{outcome.target} {outcome.name}: {what}"


def _place(outcome: Outcome) -> str:
    return f"{outcome.file}:{outcome.line} " if outcome.file else ""
