"""Shares are cut and come home: rows, outcomes, calls, lost names, problems; twice, in any order, and when damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.errors import DamagedError, StateError
from bulkprof.model import Action, ActionKind, DesiredProfile, OutcomeKind, Problem, Request, Target
from bulkprof.statuses import RunStatus
from bulkprof.store.details import RunDetails
from bulkprof.store.run import RunFile
from bulkprof.store.shares.carried import Carried, Phase
from bulkprof.totals import CallCount, LostProfile
from tests.factories import TARGET, desire, make_run, plan_all, take_in

ELSEWHERE = Target("444455556666", "us-east-1")
CREATED, FAILED, DELETED = OutcomeKind.CREATED, OutcomeKind.FAILED, OutcomeKind.DELETED


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFile]:
    """Two rows in each of two targets, planned."""
    with make_run(tmp_path / "run.db", token_seed="seed") as made:
        for target in (TARGET, ELSEWHERE):
            desire(made, "a", "b", target=target)
        made.end_intake()
        plan_all(made)
        yield made


def cut(run: RunFile, *targets: Target, index: int = 1, phase: Phase = Phase.APPLY, **more: Any) -> Path:
    """Cut a share. Return its file."""
    path = run.path.with_name(f"share-{index}.db")
    share = Carried(plan="run-1", cut="cut", index=index, of=2, phase=phase)
    values: dict[str, Any] = {
        "id": "run-1",
        "status": RunStatus.PLANNED,
        "token_seed": run.token_seed,
        "share": share.model_dump(mode="json"),
    }
    run.cut(path, RunDetails(**{**values, **more}), targets)
    return path


def carry_out(path: Path, kind: OutcomeKind = CREATED, *, some: int = 9, arn: str = "arn:new") -> None:
    """Give open actions of a share an outcome, with two calls each."""
    with RunFile.open(path) as share:
        opened = [action for target in share.pending_targets() for action in share.take_up(target, 0, 99)][:some]
        counted = {"CreateInferenceProfile": CallCount(2 * len(opened), 1)}
        share.record([closed_outcome(each, kind, arn=f"{arn}-{each.id}") for each in opened], counted)
        share.note(status=RunStatus.FINISHED if not share.open_count() else RunStatus.INTERRUPTED)


def test_a_share_has_what_is_its_targets_own(run: RunFile) -> None:
    run.record([closed_outcome(run.wanted(TARGET)[0], CREATED, arn="arn:old")])
    run.add_problems([Problem("no", "t.csv", 9)])
    run.take_over([LostProfile(TARGET, "b", "arn:b", "run-0"), LostProfile(ELSEWHERE, "a", "arn:a", "run-0")])
    with RunFile.open(cut(run, TARGET)) as share:
        share.check()
        assert share.targets() == [TARGET]
        assert share.wanted(TARGET) == run.wanted(TARGET)
        assert share.outcome_counts() == {CREATED: 1}
        assert [lost.name for lost in share.lost()] == ["b"]
        assert (share.invalid_count(), list(share.problems()), share.calls()) == (0, [], {})
        assert share.token_seed == "seed"


def test_rows_of_one_line_are_told_apart_in_a_share_and_at_home(tmp_path: Path) -> None:
    rows = [
        DesiredProfile(Request("t.json", 1, row=number), TARGET, "lite", "lite", f"n{number}") for number in (1, 2, 3)
    ]
    with make_run(tmp_path / "run.db", token_seed="seed") as home:
        take_in(home, *rows, replace(rows[1], target=ELSEWHERE))
        home.end_intake()
        problem = Problem("no such model", "t.json", 1, "model", "x", row=2)
        with RunFile.open(path := cut(home, TARGET, phase=Phase.PLAN)) as share:
            assert [action.row for action in share.wanted(TARGET)] == [1, 2, 3]
            share.add_problems([problem])
            share.note(status=RunStatus.PLANNED, seen={"left": 1})
        assert home.bring_home(path).problems == (problem,)
        home.drop_invalid()
        home.check()
        assert [action.name for action in home.actions()] == ["n1", "n3"]
        assert (home.invalid_count(), list(home.problems())) == (1, [problem])


def test_a_share_that_is_there_stays(run: RunFile) -> None:
    path = cut(run, TARGET)
    with pytest.raises(StateError, match="is there already"):
        cut(run, TARGET)
    assert path.exists()


def test_outcomes_and_calls_come_home_once(run: RunFile) -> None:
    paths = [cut(run, TARGET), cut(run, ELSEWHERE, index=2)]
    for path in paths:
        carry_out(path)
    for path in (*paths, *paths):
        assert run.bring_home(path).ended
    assert (run.outcome_counts(), run.open_count()) == ({CREATED: 4}, 0)
    assert run.calls() == {"CreateInferenceProfile": CallCount(8, 2)}
    run.check()


def test_a_share_that_goes_on_adds_what_is_new(run: RunFile) -> None:
    path = cut(run, TARGET)
    carry_out(path, some=1)
    home = run.bring_home(path)
    assert (home.ended, home.seq, run.open_count(), run.begun(TARGET)) == (False, 0, 3, 2)
    carry_out(path)
    home = run.bring_home(path)
    assert (home.ended, home.seq, run.open_count()) == (True, 1, 2)
    assert run.calls() == {"CreateInferenceProfile": CallCount(4, 2)}


def test_of_two_copies_the_first_outcome_stands(run: RunFile) -> None:
    path = cut(run, TARGET)
    carry_out(path, some=1, arn="arn:first")
    run.bring_home(path)
    path.unlink()
    # What a worker began that died, and another one did from the beginning.
    again = cut(run, TARGET)
    with closing(sqlite3.connect(again)) as db, db:
        db.execute("DELETE FROM outcome")
    carry_out(again, FAILED, arn="arn:second")
    run.bring_home(again)
    assert [(each.kind, each.arn) for each in run.results((CREATED, FAILED))] == [
        (CREATED, "arn:first-1"),
        (FAILED, "arn:second-2"),
    ]


def test_an_older_copy_takes_nothing_back(run: RunFile, tmp_path: Path) -> None:
    path = cut(run, TARGET)
    with RunFile.open(path) as share:
        share.copy_to(tmp_path / "older.db")
    carry_out(path)
    run.bring_home(path)
    assert run.bring_home(tmp_path / "older.db").ended is False
    assert run.outcome_counts() == {CREATED: 2}


def test_deletions_find_their_rows(run: RunFile) -> None:
    def gone(name: str) -> Action:
        return Action(0, TARGET, ActionKind.DELETE, name, arn=f"arn:{name}")

    run.save_plan([gone("x"), gone("y"), gone("z")])
    path = cut(run, TARGET)
    with RunFile.open(path) as share:
        # Observed anew there: x is gone by itself.
        share.save_plan([*share.wanted(TARGET), gone("z"), gone("y")], anew=TARGET)
    carry_out(path)
    with RunFile.open(path) as share:
        assert share.open_count() == 0
    run.bring_home(path)
    run.bring_home(path)
    ended = {each.arn: each.name for each in run.results((CREATED,)) if not each.file}
    assert sorted(ended.values()) == ["y", "z"]
    assert sorted(each.arn for each in run.deletions(TARGET)) == ["arn:y", "arn:z"]
    run.check()


def test_a_plan_comes_home(tmp_path: Path) -> None:
    with make_run(tmp_path / "run.db", token_seed="seed") as run:
        for target in (TARGET, ELSEWHERE):
            desire(run, "a", "b", target=target)
        run.end_intake()
        path = cut(run, TARGET, phase=Phase.PLAN, status=RunStatus.PLANNING)
        assert not run.bring_home(path).ended
        problem = Problem("no such model", "t.csv", 3, "model", "x")
        with RunFile.open(path) as share:
            share.add_problems([problem])
            rows = [replace(each, kind=ActionKind.CREATE) for each in share.wanted(TARGET)]
            share.save_plan([*rows, Action(0, TARGET, ActionKind.DELETE, "x", arn="arn:x")])
            share.drop_invalid()
            share.note(status=RunStatus.PLANNED, seen={"left": 1})
        home = run.bring_home(path)
        assert (home.ended, home.problems, home.details.seen) == (True, (problem,), {"left": 1})
        assert run.bring_home(path).problems == ()
        run.drop_invalid()
        # The row is left out whole, in the other target, too.
        assert [(each.name, each.kind) for each in run.wanted(TARGET)] == [("a", ActionKind.CREATE)]
        assert [each.name for each in run.wanted(ELSEWHERE)] == ["a"]
        assert [each.arn for each in run.deletions(TARGET)] == ["arn:x"]
        assert list(run.problems()) == [problem]
        run.check()


def test_names_without_a_profile_come_home(run: RunFile) -> None:
    run.take_over([LostProfile(TARGET, "x", "arn:x", "run-0"), LostProfile(ELSEWHERE, "y", "arn:y", "run-0")])
    path = cut(run, TARGET)
    with RunFile.open(path) as share:
        share.is_whole(TARGET, ["x"])
        share.note_open(share.wanted(TARGET)[1])
    run.bring_home(path)
    assert sorted((each.name, each.run_id) for each in run.lost()) == [("b", "run-1"), ("y", "run-0")]


def test_what_is_handed_out_may_have_been_sent(run: RunFile) -> None:
    run.hand_out([ELSEWHERE])
    assert (run.begun(TARGET), run.begun(ELSEWHERE)) == (0, 4)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"share": {}}, "is no share"),
        ({"share": {"plan": "run-2", "cut": "c", "index": 1, "of": 1, "phase": "apply"}}, "is a share of plan run-2"),
        ({"share": {"plan": 1}}, "what it says of itself as a share isn't what was written"),
        ({"token_seed": "another"}, "is of another cut"),
    ],
)
def test_what_does_not_belong_here_is_refused(run: RunFile, more: dict[str, Any], told: str) -> None:
    with pytest.raises(StateError, match=told):
        run.bring_home(cut(run, TARGET, **more))


def test_a_damaged_share_is_refused_whole(run: RunFile) -> None:
    path = cut(run, TARGET)
    carry_out(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE action SET name = 'other' WHERE id = 2")
    with pytest.raises(DamagedError, match="isn't what was planned"):
        run.bring_home(path)
    assert run.outcome_counts() == {}


def test_a_target_that_the_run_does_not_have(run: RunFile) -> None:
    path = cut(run, TARGET)
    with RunFile.open(path) as share:
        desire(share, "c", target=Target("777788889999", "us-east-1"))
    with pytest.raises(DamagedError, match="holds a target that its run doesn't have"):
        run.bring_home(path)
