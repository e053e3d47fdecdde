"""The plan that a run's file holds, in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bulkprof.model import Action, ActionKind, Target
from bulkprof.store.run import RunFile
from bulkprof.totals import Plan


def plan_of(run: RunFile) -> Plan:
    """The plan that a run's file holds. Blocks."""
    totals = dict.fromkeys(ActionKind, 0)
    for of_target in run.plan_counts().values():
        for kind, count in of_target.items():
            totals[kind] += count
    return Plan(
        run_id=run.details().id,
        path=run.path,
        desired=run.action_counts()[0],
        targets=len(run.targets()),
        actions=totals,
        refused=run.refused_count(),
        invalid=run.invalid_count(),
        read=_changes,
        canary=tuple(Target(*place) for place in run.details().canary),
    )


def _changes(path: Path) -> Iterator[Action]:
    with RunFile.look_at(path) as run:
        yield from run.changes()
