"""What a run's end has to tell: whether it is to be told at all, and its first failures."""

from __future__ import annotations

from typing import Literal, TypeAlias

from bulkprof.model import Outcome, OutcomeKind
from bulkprof.plugins.api import FinishedRun
from bulkprof.totals import RunSummary

TellWhen: TypeAlias = Literal["always", "failure", "change"]
"""`failure`: rows failed, are unknown or were skipped, or the run was stopped; `change`: that, or a change."""
_BAD = tuple(kind for kind in OutcomeKind if kind.needs_attention)


def is_news(when: TellWhen, summary: RunSummary) -> bool:
    """Return whether a run's end is one of those that `when` asks for."""
    if when == "always":
        return True
    failed = summary.exit_code != 0 or any(summary.outcomes.get(kind, 0) for kind in _BAD) or bool(summary.lost)
    return failed or (when == "change" and summary.changed > 0)


async def first_failures(run: FinishedRun, most: int) -> list[Outcome]:
    """Return at most so many failures; those that the last run didn't have come first, as the others are known."""
    first_new = run.summary.since_last.first_new if run.summary.since_last else ()
    found = {outcome.action_id: outcome for outcome in first_new}
    expected = min(most, sum(run.summary.outcomes.get(kind, 0) for kind in _BAD))
    if len(found) < expected:
        async for batch in run.outcomes():
            found |= {each.action_id: each for each in batch if each.kind in _BAD and each.action_id not in found}
            if len(found) >= expected:
                break
    return list(found.values())[:most]
