"""A run's file where nothing is to be done in a target: all of it is closed at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bulkprof.engine.outcomes import closed_outcome, without_call
from bulkprof.model import ActionKind, OutcomeKind, Refusal, Target
from tests.factories import TARGET, desire, make_run, plan_all

QUIET, CHANGING, REFUSED = (Target("111122223333", region) for region in ("eu-west-1", "eu-west-2", "eu-west-3"))
ALL = (TARGET, QUIET, CHANGING, REFUSED)


def test_only_targets_without_a_change_are_closed_as_action_by_action(tmp_path: Path) -> None:
    with make_run(tmp_path / "run.db") as run:
        for target in ALL:
            desire(run, "a", "b", "c", target=target)
        plan_all(run, kind=ActionKind.NONE)
        changed, refused = run.pending(CHANGING, 0, 1)[0], run.pending(REFUSED, 0, 1)[0]
        refusal = Refusal("Capped", "too many")
        run.save_plan([replace(changed, kind=ActionKind.UPDATE), replace(refused, refusal=refusal)])
        first = run.pending(QUIET, 0, 1)[0]
        run.record([closed_outcome(first, OutcomeKind.FAILED)])
        expected = [without_call(action) for target in (TARGET, QUIET) for action in run.pending(target, 0, 10)]
        assert run.close_unchanged(ALL, 3) == expected[3:]
        assert run.close_unchanged(ALL, 4) == expected[:3]
        assert run.close_unchanged(ALL, 4) == []
        assert run.pending_targets() == [CHANGING, REFUSED]
        assert run.outcome_counts() == {OutcomeKind.FAILED: 1, OutcomeKind.UNCHANGED: 5}
