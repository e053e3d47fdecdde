"""A run file that can't be used says so in one line; one whose writer was killed is whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.errors import StateError
from bulkprof.model import OutcomeKind
from bulkprof.statuses import RunStatus
from bulkprof.store.details import RunDetails
from bulkprof.store.migrations import NEWEST
from bulkprof.store.run import RunFile
from bulkprof.store.schema import APPLICATION_ID
from tests.factories import TARGET, desire, make_run, plan_all

KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from bulkprof.engine.outcomes import closed_outcome
from bulkprof.store.run import RunFile
from bulkprof.model import OutcomeKind, Target
run = RunFile.open(Path(sys.argv[1]))
first, second = run.pending(Target(*sys.argv[2:]), 0, 10)
run.record([closed_outcome(first, OutcomeKind.CREATED)])
sqlite3.connect(sys.argv[1]).execute("DELETE FROM action")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed run file with two planned rows."""
    path = tmp_path / "run.db"
    run = make_run(path)
    desire(run, "a", "b")
    plan_all(run)
    run.close()
    return path


def test_a_second_connection_reads_what_is_committed(path: Path) -> None:
    writer, reader = RunFile.open(path), RunFile.open(path)
    first, _ = writer.pending(TARGET, 0, 10)
    writer.record([closed_outcome(first, OutcomeKind.CREATED)])
    assert reader.outcome_counts() == {OutcomeKind.CREATED: 1}
    reader.close()
    writer.close()
    writer.close()


def test_a_copy_of_the_files_under_a_live_writer_is_whole(path: Path, tmp_path: Path) -> None:
    # What a lost machine leaves behind: the file and its log, whatever the process held in memory.
    writer = RunFile.open(path)
    first, _ = writer.pending(TARGET, 0, 10)
    writer.record([closed_outcome(first, OutcomeKind.CREATED)])
    (tmp_path / "rescued").mkdir()
    for name in ("run.db", "run.db-wal"):
        shutil.copyfile(tmp_path / name, tmp_path / "rescued" / name)
    rescued = RunFile.open(tmp_path / "rescued" / "run.db")
    assert [action.name for action in rescued.pending(TARGET, 0, 10)] == ["b"]
    rescued.close()
    writer.close()


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_killed_writer_loses_nothing_committed_and_leaves_nothing_half_done(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, path, TARGET.account, TARGET.region], check=False)
    assert done.returncode == -9
    run = RunFile.open(path)
    assert run.outcome_counts() == {OutcomeKind.CREATED: 1}
    assert run.action_counts() == (2, 0)
    run.close()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no such run file"):
        RunFile.open(tmp_path / "run.db")
    assert not (tmp_path / "run.db").exists()
    with pytest.raises(StateError, match="no such run file"):
        RunFile.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"name,model\na,b\n", b"SQLite format 3\x00 and then nothing of the kind"])
def test_a_file_that_is_none_of_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.db"
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"run\.db: .*(not a bulkprof run file|not a database|can't be used)"):
        RunFile.open(path)
    assert path.read_bytes() == content


def test_somebody_elses_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (x)")
    other.close()
    content = path.read_bytes()
    with pytest.raises(StateError, match="is not a bulkprof run file"):
        RunFile.open(path)
    assert path.read_bytes() == content


def test_a_newer_version_asks_for_an_upgrade(path: Path) -> None:
    _pragma(path, f"user_version = {NEWEST + 1}")
    content = path.read_bytes()
    with pytest.raises(StateError, match=rf"newer bulkprof \(format {NEWEST + 1}\); upgrade"):
        RunFile.open(path)
    assert path.read_bytes() == content


def test_the_mark_of_a_run_file_alone_is_not_enough(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    _pragma(path, f"application_id = {APPLICATION_ID}")
    with pytest.raises(StateError, match="no such table"):
        RunFile.open(path)


def _pragma(path: Path, setting: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA {setting}")
    connection.close()


def test_damage_inside_is_one_line_at_the_latest_where_it_is_met(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    async def read() -> None:
        with closing(RunFile.open(path)) as run:
            await run.off_loop(run.action_counts)

    with pytest.raises(StateError, match=r"run\.db: .*malformed"):
        anyio.run(read)


async def test_a_read_that_fails_in_mid_run_is_one_line(path: Path) -> None:
    run = RunFile.open(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE outcome")
    with pytest.raises(StateError, match="no such table: outcome"):
        await run.off_loop(run.pending_targets)
    run.close()


def test_a_full_disk_is_one_line_and_undoes_the_batch(path: Path) -> None:
    run = RunFile.open(path)
    pages = run._db.execute("PRAGMA page_count").fetchone()[0]
    run._db.execute(f"PRAGMA max_page_count = {pages}")
    outcomes = [closed_outcome(action, OutcomeKind.FAILED, "X", "x" * 50_000) for action in run.pending(TARGET, 0, 10)]
    with pytest.raises(StateError, match=r"run\.db: .*full: disk full; free some space"):
        run.record(outcomes)
    assert run.outcome_counts() == {}
    run.close()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="choose another place"):
        RunFile.create(tmp_path / "file" / "runs" / "run.db", RunDetails("1"))


def test_a_run_file_is_never_written_over(path: Path) -> None:
    with pytest.raises(StateError, match="is there already"):
        RunFile.create(path, RunDetails("1"))
    run = RunFile.open(path)
    assert run.action_counts() == (2, 0)
    run.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_file_is_one_line(path: Path) -> None:
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with pytest.raises(StateError, match="read-only"):
            RunFile.open(path).note(status=RunStatus.RUNNING)
    finally:
        path.parent.chmod(0o700)


async def test_work_off_the_loop_is_one_at_a_time_on_another_thread(path: Path) -> None:
    run = RunFile.open(path)
    busy = threading.Lock()
    threads = set()

    def work() -> None:
        assert busy.acquire(blocking=False)
        threads.add(threading.get_ident())
        run.outcome_counts()
        busy.release()

    async def again_and_again() -> None:
        for _ in range(20):
            await run.off_loop(work)

    async with anyio.create_task_group() as group:
        # Two: who has just ended asks again before the only one who waits has begun.
        group.start_soon(again_and_again)
        group.start_soon(again_and_again)
    assert threading.get_ident() not in threads
    run.close()
