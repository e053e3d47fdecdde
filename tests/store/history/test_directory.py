"""The state directory: runs by id, the one to resume, and plans that become runs once."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from bulkprof.errors import StateError, UsageError
from bulkprof.statuses import UNFINISHED, RunStatus
from bulkprof.store.history.directory import StateDirectory, is_run_file, new_run_id
from bulkprof.store.run import RunFile
from tests.factories import desire, make_run


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    return state


def put(state: StateDirectory, run_id: str, status: RunStatus = RunStatus.FINISHED) -> Path:
    path = state.run_path(run_id)
    make_run(path, id=run_id, status=status).close()
    return path


def test_ids_sort_by_time_and_do_not_collide() -> None:
    now = datetime(2026, 11, 23, 14, 30, 12, tzinfo=timezone(timedelta(hours=2)))
    ids = {new_run_id(now) for _ in range(200)}
    assert len(ids) == 200
    assert all(re.fullmatch(r"20261123T123012Z-[0-9a-f]{9}", run_id) for run_id in ids)
    assert max(ids) < new_run_id(now.astimezone(UTC) + timedelta(milliseconds=1))
    assert max(ids) < new_run_id(now.astimezone(UTC) + timedelta(seconds=1))


def test_the_directory_is_made_and_kept_out_of_git(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "a" / "b")
    assert state.run_ids() == []
    state.prepare()
    state.prepare()
    assert state.runs.is_dir()
    assert (state.path / ".gitignore").read_text() == "*\n"


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="choose another --state-dir"):
        StateDirectory(tmp_path / "file").prepare()


def test_a_read_only_directory_is_found_out_before_anything_else(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(StateError, match="is read-only; choose another --state-dir"):
        state.prepare()


def test_runs_are_found_by_the_beginning_of_their_id(state: StateDirectory) -> None:
    first, second = put(state, "20260101T000000Z-aaaaaa"), put(state, "20260102T000000Z-bbbbbb")
    assert state.run_ids() == ["20260102T000000Z-bbbbbb", "20260101T000000Z-aaaaaa"]
    assert state.find("20260101") == first
    assert state.find("20260102T000000Z-bbbbbb") == second


def test_an_id_that_begins_another_is_itself(state: StateDirectory) -> None:
    short = put(state, "20260101T000000Z-aa")
    put(state, "20260101T000000Z-aabb")
    assert state.find("20260101T000000Z-aa") == short


@pytest.mark.parametrize(
    ("prefix", "says"), [("2026", "could be any of"), ("", "could be any of"), ("1999", "no run '1999'")]
)
def test_an_unclear_run_is_an_error(state: StateDirectory, prefix: str, says: str) -> None:
    put(state, "20260101T000000Z-aaaaaa")
    put(state, "20260102T000000Z-bbbbbb")
    with pytest.raises(UsageError, match=says):
        state.find(prefix)


def test_a_run_is_found_by_its_path_too(state: StateDirectory, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.db"
    make_run(path).close()
    assert state.find(str(path)) == path


def test_the_newest_interrupted_run_is_the_one_to_resume(state: StateDirectory) -> None:
    put(state, "20260101T000000Z-aaaaaa", RunStatus.INTERRUPTED)
    wanted = put(state, "20260102T000000Z-bbbbbb", RunStatus.RUNNING)
    put(state, "20260103T000000Z-cccccc", RunStatus.REFUSED)
    state.run_path("20260104T000000Z-dddddd").write_text("damaged")
    assert state.latest_unfinished() == wanted


@pytest.mark.parametrize("status", [RunStatus.FINISHED, RunStatus.PLANNED, RunStatus.DECLINED, RunStatus.REFUSED])
def test_nothing_to_resume_is_an_error(state: StateDirectory, status: RunStatus) -> None:
    assert status not in UNFINISHED
    put(state, "20260101T000000Z-aaaaaa", status)
    with pytest.raises(UsageError, match="no interrupted run"):
        state.latest_unfinished()


def test_a_run_that_a_later_one_has_overtaken_is_resumed_only_by_name(state: StateDirectory) -> None:
    put(state, "20260101T000000Z-aaaaaa", RunStatus.INTERRUPTED)
    put(state, "20260102T000000Z-bbbbbb", RunStatus.FINISHED)
    with pytest.raises(UsageError, match="bulkprof resume 20260101T000000Z-aaaaaa"):
        state.latest_unfinished()
    put(state, "20260103T000000Z-cccccc", RunStatus.INTERRUPTED)
    assert state.latest_unfinished() == state.run_path("20260103T000000Z-cccccc")


def test_all_runs_are_opened_in_turn_or_say_why_not(state: StateDirectory) -> None:
    put(state, "20260101T000000Z-aaaaaa")
    state.run_path("20260102T000000Z-bbbbbb").write_text("damaged")
    seen = {run_id: run if isinstance(run, StateError) else run.details().id for run_id, run in state.open_all()}
    assert seen["20260101T000000Z-aaaaaa"] == "20260101T000000Z-aaaaaa"
    assert isinstance(seen["20260102T000000Z-bbbbbb"], StateError)


def test_a_plan_becomes_a_run_once(state: StateDirectory, tmp_path: Path) -> None:
    plan = tmp_path / "plan.db"
    with closing(make_run(plan, id="20260101T000000Z-aaaaaa", status=RunStatus.PLANNED)) as run:
        desire(run, "a", "b")
        planned = list(run.actions())
        # What the writer left beside the file, as if it had been killed, belongs to the plan.
        adopted = state.adopt_plan(plan)
    assert adopted == state.run_path("20260101T000000Z-aaaaaa")
    with closing(RunFile.open(adopted)) as run:
        assert (list(run.actions()), run.details().status) == (planned, RunStatus.PLANNED)
    _set_status(adopted, RunStatus.RUNNING)
    with pytest.raises(UsageError, match="was applied already as run 20260101T000000Z-aaaaaa"):
        state.adopt_plan(plan)
    assert state.run_ids() == ["20260101T000000Z-aaaaaa"]


@pytest.mark.parametrize("status", [RunStatus.PLANNED, RunStatus.DECLINED])
def test_a_plan_that_nobody_agreed_to_may_be_shown_again(
    state: StateDirectory, tmp_path: Path, status: RunStatus
) -> None:
    plan = tmp_path / "plan.db"
    make_run(plan, id="20260101T000000Z-aaaaaa", status=RunStatus.PLANNED).close()
    adopted = state.adopt_plan(plan)
    _set_status(adopted, status)
    assert state.adopt_plan(plan) == adopted
    with closing(RunFile.open(adopted)) as run:
        assert run.details().status == RunStatus.PLANNED


def _set_status(path: Path, status: RunStatus) -> None:
    with closing(RunFile.open(path)) as run:
        run.note(status=status)


@pytest.mark.parametrize("status", [RunStatus.PLANNING, RunStatus.RUNNING, RunStatus.FINISHED, RunStatus.DECLINED])
def test_only_a_plan_becomes_a_run(state: StateDirectory, tmp_path: Path, status: RunStatus) -> None:
    plan = tmp_path / "plan.db"
    make_run(plan, status=status).close()
    with pytest.raises(UsageError, match=f"it is {status}"):
        state.adopt_plan(plan)
    assert state.run_ids() == []


def test_a_copy_that_is_cut_short_is_no_run(
    state: StateDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tmp_path / "plan.db"
    make_run(plan, id="x", status=RunStatus.PLANNED).close()

    def full(_: RunFile, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(RunFile, "copy_to", full)
        with pytest.raises(StateError, match="No space left"):
            state.adopt_plan(plan)
    assert list(state.runs.iterdir()) == []
    RunFile.open(state.adopt_plan(plan)).close()


def test_a_run_file_is_told_from_a_manifest(tmp_path: Path) -> None:
    make_run(tmp_path / "run.csv").close()
    (tmp_path / "teams.csv").write_text("name,model\n")
    assert is_run_file(tmp_path / "run.csv")
    assert [is_run_file(tmp_path / name) for name in ("teams.csv", "missing", ".")] == [False] * 3
