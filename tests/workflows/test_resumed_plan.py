"""A plan that is brought up to date after a kill: what was done counts, and nothing is added to what was approved."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bulkprof.engine.outcomes import closed_outcome, without_call
from bulkprof.errors import UnreachableError
from bulkprof.model import Action, ActionKind, OutcomeKind, Refusal
from bulkprof.store.run import RunFile
from bulkprof.workflows.steps.replan import STALE_PLAN, Replanning, only_approved, refuse_target, save_plan
from tests.factories import TARGET, desire, make_run

CREATE, UPDATE, REPLACE = ActionKind.CREATE, ActionKind.UPDATE, ActionKind.REPLACE
DELETE, ADOPT, NONE = ActionKind.DELETE, ActionKind.ADOPT, ActionKind.NONE
AWAY = UnreachableError("no route", code="ConnectTimeout")
NEEDED = Refusal("ReplacementNeeded", "no")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFile]:
    run = make_run(tmp_path / "run.db")
    yield run
    run.close()


def approve(run: RunFile, *kinds: ActionKind, deletes: Collection[str] = (), refusal: Refusal | None = None) -> None:
    """Rows named by their number, planned; all but creations have the ARN `arn:old-NUMBER`."""
    desire(run, *(str(number) for number in range(len(kinds))))
    rows = [
        replace(row, kind=kind, arn="" if kind is CREATE else f"arn:old-{row.name}", refusal=refusal)
        for row, kind in zip(run.wanted(TARGET), kinds, strict=True)
    ]
    run.save_plan([*rows, *map(deletion, deletes)])


def deletion(arn: str) -> Action:
    return Action(0, TARGET, DELETE, "x", arn=arn)


def plan_again(run: RunFile, kind: ActionKind, arn: str, *more: Action, there: Collection[str] = ()) -> None:
    """What is found after a kill: all rows are of one kind now."""
    rows = [replace(row, kind=kind, arn=arn, refusal=None) for row in run.wanted(TARGET)]
    save_plan(run, TARGET, [*rows, *more], {arn, *there}, Replanning(resumed=True))


@pytest.mark.parametrize(
    ("kind", "end", "old_arn"),
    [
        (CREATE, OutcomeKind.CREATED, ""),
        (UPDATE, OutcomeKind.UPDATED, ""),
        (ADOPT, OutcomeKind.ADOPTED, ""),
        (REPLACE, OutcomeKind.REPLACED, "arn:old-0"),
    ],
)
def test_what_was_done_without_being_recorded_is_recorded(
    run: RunFile, kind: ActionKind, end: OutcomeKind, old_arn: str
) -> None:
    approve(run, kind)
    plan_again(run, NONE, "arn:now")
    assert [(o.kind, o.arn, o.old_arn) for o in run.results()] == [(end, "arn:now", old_arn)]


def test_what_was_refused_was_not_done_by_this_run(run: RunFile) -> None:
    approve(run, REPLACE, refusal=NEEDED)
    plan_again(run, NONE, "arn:now")
    assert run.outcome_counts() == {}


def test_a_deletion_whose_profile_is_gone_was_done(run: RunFile) -> None:
    approve(run, NONE, deletes=["arn:gone", "arn:there"])
    plan_again(run, NONE, "arn:old-0", deletion("arn:there"), there=["arn:there"])
    assert run.outcome_counts() == {OutcomeKind.DELETED: 1}
    assert [each.arn for each in run.deletions(TARGET)] == ["arn:gone", "arn:there"]


def test_a_replacement_that_was_cut_in_half_goes_on_with_its_deletion(run: RunFile) -> None:
    approve(run, REPLACE)
    plan_again(run, NONE, "arn:new", deletion("arn:old-0"), there=["arn:old-0"])
    assert [each.arn for each in run.deletions(TARGET)] == ["arn:old-0"]


def test_deletions_that_were_not_approved_are_left_out(run: RunFile) -> None:
    approve(run, UPDATE, deletes=["arn:approved"])
    found = [deletion("arn:approved"), deletion("arn:more"), deletion("arn:old-0")]
    plan_again(run, UPDATE, "arn:old-0", *found, there=["arn:approved", "arn:more"])
    assert [each.arn for each in run.deletions(TARGET)] == ["arn:approved"]


@pytest.mark.parametrize(
    ("before", "now", "approved"),
    [
        (CREATE, CREATE, True),
        (CREATE, NONE, True),
        (UPDATE, UPDATE, True),
        (UPDATE, CREATE, True),
        (REPLACE, CREATE, True),
        (ADOPT, UPDATE, True),
        (UPDATE, ADOPT, False),
        (CREATE, UPDATE, False),
        (CREATE, REPLACE, False),
        (NONE, UPDATE, False),
        (UPDATE, REPLACE, False),
    ],
)
def test_no_more_is_done_than_was_approved(before: ActionKind, now: ActionKind, approved: bool) -> None:
    def row(kind: ActionKind) -> Action:
        return Action(1, TARGET, kind, "a", arn="arn:a", reason="model x -> y")

    action = only_approved(row(before), row(now))
    assert (action.refusal is None) == approved
    if not approved:
        assert action.refusal.code == STALE_PLAN
        # Asking twice is no approval.
        assert only_approved(action, row(now)).refusal is not None


@pytest.mark.parametrize(
    ("again", "ends"),
    [
        (None, "failed failed failed"),
        (Replanning(resumed=False), "failed failed failed"),
        (Replanning(resumed=True), "unknown failed failed"),
    ],
)
def test_what_may_have_been_sent_before_a_target_was_away_is_unknown(
    run: RunFile, again: Replanning | None, ends: str
) -> None:
    desire(run, "maybe sent", "in order", "never sent")
    run.save_plan(
        [replace(row, kind=kind) for row, kind in zip(run.wanted(TARGET), (CREATE, NONE, CREATE), strict=True)]
    )
    run.take_up(TARGET, 0, 2)
    # However often it is tried.
    for _ in range(2):
        refuse_target(run, TARGET, AWAY, again)
        assert [action.refusal.outcome for action in run.wanted(TARGET)] == ends.split()


def test_a_target_that_is_away_for_a_while_keeps_what_was_approved(run: RunFile) -> None:
    approve(run, UPDATE, deletes=["arn:gone", "arn:there"])
    run.record([closed_outcome(run.deletions(TARGET)[0], OutcomeKind.DELETED)])
    assert refuse_target(run, TARGET, AWAY, Replanning(resumed=True)) == 1
    assert {each.refusal.code for each in run.actions()} == {"ConnectTimeout"}
    assert run.action_counts() == (1, 2)
    # The next resume finds it again, and goes on as if nothing had been.
    plan_again(run, UPDATE, "arn:old-0", deletion("arn:there"), there=["arn:there"])
    assert [(a.kind, a.arn, a.refusal) for a in run.pending(TARGET, 0, 9)] == [
        (UPDATE, "arn:old-0", None), (DELETE, "arn:there", None),
    ]  # fmt: skip


def test_what_a_replacement_deleted_before_a_target_was_away_is_no_arn_any_more(run: RunFile) -> None:
    approve(run, REPLACE, REPLACE)
    run.take_up(TARGET, 0, 9)
    run.note_open(run.wanted(TARGET)[0])
    refuse_target(run, TARGET, AWAY, Replanning(resumed=True))
    run.record([without_call(action) for action in run.wanted(TARGET)])
    assert [(o.kind, o.arn) for o in run.results()] == [(OutcomeKind.UNKNOWN, ""), (OutcomeKind.UNKNOWN, "arn:old-1")]
    assert [(each.name, each.old_arn) for each in run.lost()] == [("0", "arn:old-0")]
