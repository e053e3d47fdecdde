"""Systems other than Linux, as far as they can be told from here: modules and functions that Windows lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from bulkprof.errors import LockHeldError
from bulkprof.locks.local import Seen, StateLock, look
from bulkprof.system import files, signals
from tests.system.as_windows import Msvcrt, StandIn

ROOT = Path(__file__).parents[2]
SESSION = """
import sys
from tests.system.as_windows import pretend

pretend()
from bulkprof.cli.app import run
from tools.smoke import SESSION

for line, code in SESSION:
    if run(line.split()) != code:
        sys.exit(f"bulkprof {line}: not {code}")
"""


def test_a_session_without_what_windows_lacks(tmp_path: Path) -> None:
    """The one of `tools/smoke.py`, in one process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BULKPROF_"))}
    done = subprocess.run(
        [sys.executable, "-c", SESSION],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "report.html").exists()
    # Two runs have changed something or looked whether they have to, and the plan is one of them.
    assert len(list((tmp_path / ".bulkprof" / "runs").glob("*.db"))) >= 3


@pytest.fixture
def windows_locks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Msvcrt]:
    """Locks are those of Windows."""
    msvcrt = Msvcrt()
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    monkeypatch.setattr("bulkprof.system.file_locks.sys", StandIn(sys, set(), platform="win32"))
    yield msvcrt
    assert not msvcrt.held


def test_locks_on_windows(tmp_path: Path, windows_locks: Msvcrt) -> None:
    assert look(tmp_path, "prod") == Seen(held=False, holder=None)
    with StateLock(tmp_path, "prod", run_id="run-1", command="apply") as held:
        # Who looks can read who holds it: no byte of the record is locked.
        assert look(tmp_path, "prod") == Seen(held=True, holder=held.holder)
        with pytest.raises(LockHeldError, match="run run-1"), StateLock(tmp_path, "prod"):
            pytest.fail("two runs at once")
        assert held.path.stat().st_size < 1000
    assert look(tmp_path, "prod") == Seen(held=False, holder=None)


@pytest.mark.parametrize("listens", [signals.received, signals.by_handlers])
async def test_signals_reach_the_loop(listens: type[object]) -> None:
    before = signals.signal.getsignal(signals.signal.SIGTERM)
    with anyio.fail_after(20), listens(signals.signal.SIGTERM) as received:
        for _ in range(2):
            signals.signal.raise_signal(signals.signal.SIGTERM)
            assert await anext(received) == signals.signal.SIGTERM
    assert signals.signal.getsignal(signals.signal.SIGTERM) is before


def test_a_file_that_is_not_completed_is_closed_before_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows would not remove it."""
    opened = []

    def fail(file: object) -> None:
        opened.append(file)
        raise RuntimeError("in the middle")

    remove = Path.unlink
    closed = []
    monkeypatch.setattr(Path, "unlink", lambda path: (closed.append(opened[0].closed), remove(path)))
    with pytest.raises(RuntimeError):
        files.write_whole(tmp_path / "results.csv", fail)
    assert closed == [True]
    assert not list(tmp_path.iterdir())
