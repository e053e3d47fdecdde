"""A run's file: what intake, planning and execution write, and what is read back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.errors import DamagedError
from bulkprof.model import (
    Action,
    ActionKind,
    DesiredProfile,
    Outcome,
    OutcomeKind,
    Problem,
    Refusal,
    Request,
    Severity,
    Target,
)
from bulkprof.store import intake
from bulkprof.store.intake import Clash, SheetRow
from bulkprof.store.run import RunFile
from bulkprof.totals import CallCount
from tests.factories import OURS, TARGET, desire, make_run, plan_all, take_in

OTHER = Target("111122223333", "eu-west-1")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFile]:
    run = make_run(tmp_path / "run.db")
    yield run
    run.close()


def outcomes_of(run: RunFile, kind: OutcomeKind = OutcomeKind.CREATED, target: Target = TARGET) -> list[Outcome]:
    return [closed_outcome(action, kind) for action in run.pending(target, 0, 2000)]


def deletion(name: str, target: Target = TARGET) -> Action:
    return Action(0, target, ActionKind.DELETE, name, arn=f"arn:{name}")


def clashes_of(run: RunFile) -> list[Clash]:
    return list(chain.from_iterable(run.clashes()))


def test_two_rows_of_one_name_in_one_target_clash(run: RunFile) -> None:
    first, second, third = Request("a.csv", 2), Request("b.csv", 9), Request("b.csv", 12)
    take_in(
        run,
        DesiredProfile(first, TARGET, "m", "s", name="x"),
        DesiredProfile(second, OTHER, "m", "s", name="x"),
        DesiredProfile(second, TARGET, "m", "s", name="x"),
        DesiredProfile(second, TARGET, "m", "s", name="X"),
    )
    take_in(run, DesiredProfile(third, TARGET, "m", "s", name="x"))
    assert clashes_of(run) == [
        Clash(TARGET, "x", "b.csv", 9, 0, "a.csv", 2, 0),
        Clash(TARGET, "x", "b.csv", 12, 0, "a.csv", 2, 0),
    ]
    run.add_invalid([("a.csv", 2, 0), ("b.csv", 9, 0), ("b.csv", 12, 0)])
    run.end_intake()
    assert run.action_counts() == (0, 0)
    run.clear_intake()
    take_in(run, DesiredProfile(first, TARGET, "m", "s", name="x"))
    assert clashes_of(run) == []
    run.end_intake()
    assert [action.line for action in run.wanted(TARGET)] == [2]


def test_clashes_come_some_at_once_and_each_once(run: RunFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "CLASHES", 2)
    take_in(run, *(DesiredProfile(Request("a.csv", line), TARGET, "m", "s", name=f"n{line % 2}") for line in range(7)))
    assert [[clash.line for clash in page] for page in run.clashes()] == [[2, 3], [4, 5], [6]]
    assert clashes_of(run) == list(chain.from_iterable(run.clashes()))


def test_a_fleeting_file_counts_as_any_other(run: RunFile) -> None:
    run.make_fleeting()
    profile = DesiredProfile(Request("a.csv", 2), TARGET, "m", "source", name="x")
    take_in(run, profile, replace(profile, name="y"), replace(profile, target=OTHER))
    take_in(run, replace(profile, request=Request("a.csv", 3), name="z"), replace(profile, request=Request("a.csv", 3)))
    (clash,) = clashes_of(run)
    assert (clash.line, clash.first_file, clash.first_line) == (3, "a.csv", 2)
    run.add_invalid([("a.csv", 3, 0)])
    run.end_intake()
    assert (run.action_counts(), run.targets()) == ((3, 0), [OTHER, TARGET])
    assert run.sources(8) == [("source", TARGET)]


def test_a_row_with_a_problem_is_left_out_whole(run: RunFile) -> None:
    desire(run, "a", "b")
    desire(run, "a", target=OTHER)
    run.add_problems([Problem("bad", "t.csv", 2), Problem("odd", "t.csv", 3, severity=Severity.WARNING)])
    run.add_invalid([("t.csv", 77, 0)])
    run.drop_invalid()
    assert [action.name for action in run.actions()] == ["b"]
    assert (run.invalid_count(), run.error_count(), run.targets()) == (2, 1, [TARGET])
    assert [problem.message for problem in run.problems()] == ["bad", "odd"]


def test_what_was_done_for_an_invalid_row_stays_on_record(run: RunFile) -> None:
    desire(run, "a")
    desire(run, "a", target=OTHER)
    plan_all(run)
    run.record(outcomes_of(run))
    run.add_problems([Problem("no such model there", "t.csv", 2)])
    run.drop_invalid()
    assert run.action_counts() == (1, 0)
    assert run.outcome_counts() == {OutcomeKind.CREATED: 1}


def test_intake_can_be_taken_back(run: RunFile) -> None:
    desire(run, "a")
    run.add_problems([Problem("bad", "t.csv", 2)])
    run.clear_intake()
    assert (run.action_counts(), run.invalid_count(), run.targets(), list(run.problems())) == ((0, 0), 0, [], [])
    desire(run, "a", target=OTHER)
    assert run.targets() == [OTHER]


def test_sources_are_told_with_a_target_that_wants_them(run: RunFile) -> None:
    desire(run, "a", target=TARGET, source="lite")
    desire(run, "a", target=OTHER, source="lite")
    desire(run, "b", target=TARGET, source="pro")
    assert run.sources(5) == [("lite", TARGET), ("pro", TARGET)]
    assert run.sources(1) == [("lite", TARGET)]


def test_a_plan_is_written_and_counted(run: RunFile) -> None:
    desire(run, "a", "b", "c")
    first, second, third = run.wanted(TARGET)
    refusal = Refusal("NotOurs", "no")
    run.save_plan(
        [
            replace(first, kind=ActionKind.CREATE),
            replace(second, kind=ActionKind.REPLACE, refusal=refusal, arn="arn:b"),
            replace(third, kind=ActionKind.UPDATE, set_tags=OURS),
            deletion("old"),
        ]
    )
    assert run.plan_counts() == {TARGET: {ActionKind.CREATE: 1, ActionKind.UPDATE: 1, ActionKind.DELETE: 1}}
    assert (run.refused_count(), run.action_counts()) == (1, (3, 1))
    assert [action.name for action in run.deletions(TARGET)] == ["old"]
    assert run.wanted(TARGET)[1].refusal == refusal


def test_planning_anew_takes_back_only_deletions_without_an_outcome(run: RunFile) -> None:
    desire(run, "a")
    run.save_plan([deletion("done"), deletion("open"), deletion("elsewhere", OTHER)])
    run.record([closed_outcome(run.deletions(TARGET)[0], OutcomeKind.DELETED)])
    run.save_plan([deletion("again")], anew=TARGET)
    assert [action.name for action in run.deletions(TARGET)] == ["done", "again"]
    assert [action.name for action in run.deletions(OTHER)] == ["elsewhere"]


def test_a_plan_that_cannot_be_written_whole_is_not_written(run: RunFile) -> None:
    desire(run, "a")
    run.save_plan([deletion("old")])

    def failing() -> Iterator[Action]:
        yield replace(run.wanted(TARGET)[0], kind=ActionKind.CREATE)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run.save_plan(failing(), anew=TARGET)
    assert [action.name for action in run.deletions(TARGET)] == ["old"]
    assert run.plan_counts() == {TARGET: {ActionKind.DELETE: 1}}


def test_actions_are_read_in_pages_while_rows_are_written(run: RunFile) -> None:
    desire(run, *(f"p{number:04}" for number in range(1203)))
    plan_all(run)
    names = []
    for action in run.actions():
        names.append(action.name)
        if len(names) == 3:
            run.record(outcomes_of(run))
    assert names == [f"p{number:04}" for number in range(1203)]


def test_pending_actions_are_those_without_an_outcome(run: RunFile) -> None:
    desire(run, "a", "b", "c")
    desire(run, "d", target=OTHER)
    plan_all(run)
    first, second, third = run.pending(TARGET, 0, 10)
    run.record([closed_outcome(second, OutcomeKind.FAILED)])
    assert [action.id for action in run.pending(TARGET, 0, 10)] == [first.id, third.id]
    assert [action.id for action in run.pending(TARGET, first.id, 10)] == [third.id]
    assert len(run.pending(TARGET, 0, 1)) == 1
    assert run.pending_targets() == [OTHER, TARGET]
    run.record(outcomes_of(run))
    assert run.pending_targets() == [OTHER]


def test_what_was_taken_up_is_known_after_a_kill(run: RunFile) -> None:
    desire(run, "a", "b", "c")
    desire(run, "d", target=OTHER)
    plan_all(run)
    first, second, third = run.pending(TARGET, 0, 10)
    assert run.begun(TARGET) == 0
    assert run.take_up(TARGET, 0, 2) == [first, second]
    run.record([closed_outcome(first, OutcomeKind.CREATED)])
    with closing(RunFile.open(run.path)) as again:
        assert (again.begun(TARGET), again.begun(OTHER)) == (second.id, 0)
        assert again.take_up(TARGET, 0, 1) == [second]
        assert again.take_up(TARGET, second.id, 10) == [third]
        assert again.take_up(TARGET, third.id, 10) == []
        assert again.begun(TARGET) == third.id


def test_the_first_outcome_of_an_action_stands(run: RunFile) -> None:
    desire(run, "a")
    plan_all(run)
    (first,) = outcomes_of(run)
    run.record([replace(first, arn="arn:1")])
    run.record([replace(first, arn="arn:2", kind=OutcomeKind.FAILED)])
    assert [(outcome.kind, outcome.arn) for outcome in run.results()] == [(OutcomeKind.CREATED, "arn:1")]


def test_results_name_every_row_in_manifest_order(run: RunFile) -> None:
    desire(run, *(f"p{number}" for number in range(1001)))
    plan_all(run)
    run.record(reversed(outcomes_of(run)[500:]))
    results = list(run.results())
    assert [outcome.name for outcome in results] == [f"p{number}" for number in range(1001)]
    assert {(o.kind, o.error_code) for o in results[:500]} == {(OutcomeKind.SKIPPED, "NotReached")}
    assert {(o.kind, o.error_code) for o in results[500:]} == {(OutcomeKind.CREATED, "")}
    assert run.outcome_counts() == {OutcomeKind.CREATED: 501}


def test_outcomes_are_numbered_in_the_order_of_their_recording(run: RunFile) -> None:
    desire(run, "a", "b", "c")
    plan_all(run)
    run.record(reversed(outcomes_of(run)))
    numbered = run.outcomes_after(0, 10)
    assert [outcome.name for _, outcome in numbered] == ["c", "b", "a"]
    assert [outcome.name for _, outcome in run.outcomes_after(numbered[0][0], 1)] == ["b"]
    assert run.outcomes_after(numbered[-1][0], 10) == []


def test_calls_add_up_over_batches(run: RunFile) -> None:
    run.record([], {"Create": CallCount(3, 1, 0)})
    run.record([], {"Create": CallCount(2, 0, 1), "List": CallCount(1)})
    assert run.calls() == {"Create": CallCount(5, 1, 1), "List": CallCount(1)}


def test_deliveries_are_kept_by_sink(run: RunFile) -> None:
    assert run.delivered("s3") == (0, False)
    run.set_delivered("s3", 5)
    run.set_delivered("slack", 7, finished=True)
    run.set_delivered("s3", 9)
    assert (run.delivered("s3"), run.delivered("slack")) == ((9, False), (7, True))


def test_rows_of_some_outcomes_come_back_as_they_were_asked_for(run: RunFile) -> None:
    request = Request("t.csv", 2, attributes={"team": "x"})
    take_in(run, DesiredProfile(request, TARGET, "m", "s", "a", "about", {"k": "v"}))
    desire(run, "b", "c")
    plan_all(run)
    actions = run.pending(TARGET, 0, 10)
    run.record([closed_outcome(actions[0], OutcomeKind.FAILED), closed_outcome(actions[1], OutcomeKind.CREATED)])
    rows = list(run.desired([OutcomeKind.FAILED, OutcomeKind.SKIPPED]))
    assert [row.name for row in rows] == ["a", "c"]
    assert (rows[0].description, rows[0].tags, rows[0].attributes) == ("about", {"k": "v"}, {"team": "x"})


def test_what_was_changed_in_which_target(run: RunFile) -> None:
    desire(run, "a", "b", "c")
    desire(run, "a", target=OTHER)
    plan_all(run)
    a, b, c = outcomes_of(run)
    run.record([replace(a, arn="arn:a"), replace(b, kind=OutcomeKind.FAILED)])
    run.record([replace(c, kind=OutcomeKind.REPLACED, arn="arn:new", old_arn="arn:old")])
    run.record(outcomes_of(run, target=OTHER))
    here, there = (TARGET.account, TARGET.region), (OTHER.account, OTHER.region)
    assert list(run.done()) == [
        (*here, "a", "arn:a", "", "created"),
        (*here, "c", "arn:new", "arn:old", "replaced"),
        (*there, "a", "", "", "created"),
    ]


def test_rows_as_they_are_written_are_those_of_the_last_reading(run: RunFile) -> None:
    profiles = [run.form(DesiredProfile(Request("a.csv", line), TARGET, "m", "s", name=f"n{line}")) for line in (2, 3)]
    run.add_desired(profiles, [SheetRow(0, ("A",), '["x"]'), SheetRow(1, ("A", "B"), '["y", "z"]')])
    assert run.sheet_columns() == ["A", "B"]
    run.clear_intake()
    assert (run.sheet_columns(), run.sheet_row(1)) == ([], {})
    # A row that asks for nothing makes room for the next one; what follows a row's first profile is the row's, too.
    run.add_desired([], [SheetRow(0, ("A",), '["nothing"]')])
    run.add_desired(profiles, [SheetRow(0, ("C",), '["both"]')])
    assert [run.sheet_row(number) for number in (1, 2)] == [{"C": "both"}] * 2
    assert run.keeps_sheets is False


def test_a_damaged_row_is_damage(tmp_path: Path) -> None:
    profile = DesiredProfile(Request("a.csv", 2), TARGET, "m", "s", name="n")
    with make_run(tmp_path / "run.db") as run:
        run.add_desired([run.form(profile)], [SheetRow(0, ("A",), '"text"')])
    with pytest.raises(DamagedError, match="a value isn't a list"), RunFile.open(tmp_path / "run.db") as run:
        run.sheet_row(1)
    with make_run(tmp_path / "other.db") as run:
        run.add_desired([run.form(profile)], [SheetRow(0, ("A",), "[]")])
        run._db.execute("UPDATE sheet_row SET cells = x'00'")
        with pytest.raises(DamagedError, match="its table sheet_row holds what no run writes"):
            run.check()
