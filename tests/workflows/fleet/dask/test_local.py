"""`--engine dask` without an address: workers of this machine, which end with the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bulkprof.workflows.fleet.dask.local import unreached_by_ctrl_c
from tests.cli.driver import CommandLine, until

ROWS = tuple(f"row-{number},11112222{number % 4:04}" for number in range(40))


def children(pid: int) -> set[int]:
    """The processes that a process has started, and those that these have."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child, *children(child)}
    return found


def is_there(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_ctrl_c_of_a_terminal_ends_workers_in_order_and_leaves_none(commands: CommandLine) -> None:
    """A terminal sends it to all of them; the sandbox's keys go to the workers."""
    manifest = commands.manifest(*ROWS, header="name,account")
    flags = ("--sandbox", "--sandbox-rate", "2", "--yes", "--engine", "dask")
    temporary = commands.folder / "temporary"
    temporary.mkdir()
    commands.monkeypatch.setenv("TMPDIR", str(temporary))
    with commands.started("apply", manifest, *flags) as process:
        workers = until(lambda: children(process.pid))
        journal = commands.folder / ".bulkprof" / "sandbox.journal"
        until(lambda: journal.exists() and journal.stat().st_size > 2000)
        workers = children(process.pid)
        for pid in (process.pid, *workers):
            os.kill(pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.wait() == 130, err
    until(lambda: not any(map(is_there, workers)))
    assert not list(temporary.iterdir())
    assert "Traceback" not in err
    assert "distributed" not in err
    summary = commands.summary("resume", "--sandbox-rate", "1000")
    assert summary["outcomes"]["created"] == len(ROWS)


@pytest.mark.skipif(sys.platform == "win32", reason="signals can't be blocked there")
def test_ctrl_c_does_not_reach_workers_that_are_still_starting() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('goes on')"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with unreached_by_ctrl_c():
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "goes on\n", "")
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
