"""A state directory that can't be used, a disk that fills up in mid-run, and files that aren't whole or aren't ours."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from bulkprof.sandbox import Hypotheses
from bulkprof.statuses import RunStatus
from bulkprof.store.run import RunFile
from tests.cli.driver import CommandLine
from tests.faults.killing import APPLY, PATIENCE_S, RESUME, Victim
from tests.faults.scenarios import chosen_parameters

AGAINST_US = Hypotheses(unique_names=False, token_memory_s=0, list_lag_s=0.3)


@pytest.fixture
def victim(commands: CommandLine) -> Iterator[Victim]:
    """One whose folder is that of `commands`, which talks to its sandbox."""
    with Victim(commands.folder, AGAINST_US, seed=0, rows=30) as found:
        commands.connect(found.sandbox)
        yield found


def on_full_disk(victim: Victim, *command: str, kilobytes: int) -> tuple[int, str]:
    """Exit code and stderr of a process whose files can't grow beyond `kilobytes`."""
    with victim.start(*command, file_size=kilobytes * 1024) as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    return process.wait(), err


def run_files(victim: Victim) -> list[Path]:
    return sorted((victim.folder / ".bulkprof" / "runs").glob("*.db"))


def one_line(err: str) -> str:
    """What the user is told, which is one line that says error."""
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("error")]
    assert len(lines) == 1, err
    return lines[0]


def is_a_file(state: Path) -> None:
    state.write_text("not a directory")


def holds_a_file(state: Path) -> None:
    state.mkdir()
    (state / "runs").write_text("not a directory")


def is_elsewhere(state: Path) -> None:
    state.symlink_to("/proc/nowhere")


@pytest.mark.parametrize("spoil", [is_a_file, holds_a_file, is_elsewhere])
def test_a_state_directory_that_cannot_be_used(
    victim: Victim, commands: CommandLine, spoil: Callable[[Path], None]
) -> None:
    spoil(victim.folder / ".bulkprof")
    ended = commands(*APPLY, "--yes")
    assert ended.code == 1
    assert ".bulkprof" in one_line(ended.err)
    assert victim.calls() == 0


def test_a_disk_that_is_full_from_the_start(victim: Victim) -> None:
    code, err = on_full_disk(victim, *APPLY, kilobytes=4)
    assert code == 1
    assert "disk full" in one_line(err)
    assert victim.calls() == 0
    victim.check(victim.finish(APPLY))


ROOMS = (220, 290, 320)
"""Kilobytes that no file may outgrow: some are met while planning, some among the creations, some never."""


@pytest.fixture(scope="module")
def ends(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, Future[tuple[int, int]]]]:
    """What `fill_up` returns for each of the rooms that are tested: they wait most of their time."""
    tested = chosen_parameters(request)
    rooms = [room for room in ROOMS if any(given.get("kilobytes", room) == room for given in tested)]
    with ThreadPoolExecutor(len(ROOMS)) as pool:
        folder = tmp_path_factory.mktemp("full")
        yield {room: pool.submit(fill_up, folder, room) for room in rooms}


def fill_up(folder: Path, kilobytes: int) -> tuple[int, int]:
    """Run with so little room, and then with enough of it; returns the first exit code and what existed by then."""
    with Victim(folder / str(kilobytes), AGAINST_US, seed=kilobytes, rows=60) as victim:
        code, err = on_full_disk(victim, *APPLY, kilobytes=kilobytes)
        made = len(victim.sandbox.ledger().live)
        if code:
            assert "disk full" in one_line(err), err
        for path in run_files(victim):
            with closing(RunFile.open(path)) as run:
                assert run.details().status in (
                    RunStatus.INTAKE,
                    RunStatus.PLANNING,
                    RunStatus.RUNNING,
                    RunStatus.INTERRUPTED,
                    RunStatus.FINISHED,
                )
        again = RESUME if code and ROOMS.index(kilobytes) % 2 else APPLY
        victim.check(victim.finish(again))
        return code, made


@pytest.mark.parametrize("kilobytes", ROOMS)
def test_a_disk_that_fills_up_costs_nothing(ends: dict[int, Future[tuple[int, int]]], kilobytes: int) -> None:
    ends[kilobytes].result()


def test_the_disk_fills_up_while_planning_and_among_the_creations(ends: dict[int, Future[tuple[int, int]]]) -> None:
    """A limit that is never met, or always before the first creation, would prove nothing."""
    found = [end.result() for end in ends.values()]
    assert (1, 0) in found, found
    assert any(code == 1 and made for code, made in found), found


def corrupt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[: len(data) // 2] = os.urandom(len(data) // 2)
    path.write_bytes(data)


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


SPOILT = {
    corrupt: "not a database",
    foreign: "not a bulkprof run file",
    newer: "newer bulkprof",
    cut_off: "malformed",
}


def killed(victim: Victim) -> Path:
    """The whole run file of a run that was killed among its creations."""
    assert victim.kill_one(APPLY, after_calls=20)
    (whole,) = run_files(victim)
    with closing(sqlite3.connect(whole)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return whole


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Victim, Path]]:
    """A victim that was killed, and its run file, which tests copy."""
    with Victim(tmp_path_factory.mktemp("killed"), AGAINST_US, seed=0, rows=30) as victim:
        yield victim, killed(victim)


@pytest.mark.parametrize("spoil", SPOILT)
def test_resume_tells_what_a_run_file_is_before_any_call(
    whole: tuple[Victim, Path], commands: CommandLine, spoil: Callable[[Path], None]
) -> None:
    victim, run_file = whole
    commands.connect(victim.sandbox)
    commands.monkeypatch.chdir(victim.folder)
    # The first call of any run; what the killed one had under way may be answered meanwhile.
    first = victim.sandbox.ledger().count("GetCallerIdentity")
    assert first
    path = run_file.with_name(f"{spoil.__name__}.db")
    shutil.copy(run_file, path)
    spoil(path)
    ended = commands("resume", path.stem, "--yes")
    assert (ended.code, victim.sandbox.ledger().count("GetCallerIdentity")) == (1, first), ended.err
    assert SPOILT[spoil] in one_line(ended.err)
    assert path.name in one_line(ended.err)


def test_a_new_apply_beside_spoilt_run_files_finds_out_what_there_is(victim: Victim) -> None:
    run_file = killed(victim)
    spoilt = [run_file.with_name(f"{spoil.__name__}.db") for spoil in SPOILT]
    for spoil, path in zip(SPOILT, spoilt, strict=True):
        shutil.copy(run_file, path)
        spoil(path)
    run_file.unlink()
    summary = victim.finish(APPLY)
    for path in spoilt:
        path.unlink()  # `check` opens all there are
    victim.check(summary)
