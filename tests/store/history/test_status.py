"""Whether somebody is at work on a run is told by the kernel's lock, and looking harms nobody."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkprof.locks import local as lock
from bulkprof.locks.local import Seen, StateLock, look
from bulkprof.statuses import RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.status import status_of
from bulkprof.store.run import RunFile
from tests.factories import ESTATE, make_run

RUN = "20260101T000000Z-aaaaaa"


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    state = StateDirectory(tmp_path)
    state.prepare()
    return state


@pytest.fixture
def run(state: StateDirectory) -> Iterator[RunFile]:
    with make_run(state.run_path(RUN), status=RunStatus.RUNNING, id=RUN) as run:
        yield run


@pytest.mark.parametrize("status", [RunStatus.INTAKE, RunStatus.PLANNING, RunStatus.RUNNING])
def test_a_run_is_at_work_while_it_holds_the_lock(state: StateDirectory, run: RunFile, status: RunStatus) -> None:
    run.note(status=status)
    with StateLock(state.path, ESTATE, run_id=RUN, command="apply"):
        assert status_of(run, state) == status
    assert status_of(run, state) == RunStatus.KILLED
    run.note(interrupted=True)
    assert status_of(run, state) == RunStatus.INTERRUPTED


def test_the_lock_of_another_run_says_that_this_one_is_over(state: StateDirectory, run: RunFile) -> None:
    with StateLock(state.path, ESTATE, run_id="another", command="apply"):
        assert status_of(run, state) == RunStatus.KILLED
    with StateLock(state.path, "another estate", run_id=RUN, command="apply"):
        assert status_of(run, state) == RunStatus.KILLED


@pytest.mark.parametrize(
    "status", [RunStatus.FINISHED, RunStatus.INTERRUPTED, RunStatus.REFUSED, RunStatus.PLANNED, RunStatus.DECLINED]
)
def test_what_a_run_said_at_its_end_stands(state: StateDirectory, run: RunFile, status: RunStatus) -> None:
    run.note(status=status)
    assert status_of(run, state) == status


def test_the_file_of_a_plan_that_is_being_made_is_judged_by_itself(state: StateDirectory, tmp_path: Path) -> None:
    with make_run(tmp_path / "plan.db", status=RunStatus.PLANNING) as run:
        assert status_of(run, state) == RunStatus.PLANNING


def test_where_nobody_can_tell_the_file_has_the_last_word(
    state: StateDirectory, run: RunFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object, **__: object) -> bool:
        raise OSError(38, "Function not implemented")

    with StateLock(state.path, ESTATE, run_id=RUN, command="apply"):
        pass
    monkeypatch.setattr(lock, "lock", no_locks)
    assert look(state.path, ESTATE) is None
    assert status_of(run, state) == RunStatus.RUNNING


def test_a_look_leaves_the_lock_free(tmp_path: Path) -> None:
    assert look(tmp_path, ESTATE) == Seen(held=False, holder=None)
    with StateLock(tmp_path, ESTATE, run_id=RUN, command="apply") as held:
        assert look(tmp_path, ESTATE) == Seen(held=True, holder=held.holder)
    assert look(tmp_path, ESTATE) == Seen(held=False, holder=None)
    with StateLock(tmp_path, ESTATE):
        pass


def test_a_run_that_starts_while_somebody_looks_starts_nevertheless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StateLock(tmp_path, ESTATE) as made, made.path.open() as looking:
        pass
    with made.path.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        monkeypatch.setattr(lock.time, "sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
        with StateLock(tmp_path, ESTATE):
            assert look(tmp_path, ESTATE) is not None
