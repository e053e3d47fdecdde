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
    """Return what needs attention, in manifest order, with a remedy for missing permissions. Blocks.

    Up to `each` rows that failed alike are shown one by one; rows that were never reached only count.
    """
    yield from grouped_lines(run.results(NEED_ATTENTION), each)
    for lost in run.lost():
        yield f"{lost}; apply or sync its row: that makes it before anything else"


def grouped_lines(outcomes: Iterable[Outcome], each: int) -> Iterator[str]:
    """Return a line for outcomes that failed alike, one for each of them where they are few, and the remedies."""
    groups: dict[tuple[OutcomeKind, str, str, str], _Alike] = {}
    for outcome in outcomes:
        if outcome.kind.needs_attention and outcome.error_code != NOT_REACHED:
            remedy = remedies.remedy_kind(outcome.error_message) if _is_denied(outcome) else ""
            key = (outcome.kind, outcome.error_code, _denied_action(outcome), remedy)
            groups.setdefault(key, _Alike()).take(outcome, each)
    denied: dict[str, set[str]] = {}
    for (_, _, action, remedy), alike in groups.items():
        yield from alike.lines(action)
        if remedy:
            denied.setdefault(remedy, set()).add(action)
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
