"""Whatever becomes of the processes, the manifests come to the same."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from bulkprof.config import load
from bulkprof.errors import ExitCode, PluginError, RunInterruptedError
from bulkprof.model import Problem
from bulkprof.stop import Stop
from bulkprof.ui import Ui
from bulkprof.workflows.options import Options
from bulkprof.workflows.validate import Validation, validate
from tests.workflows.processes import HEADER, ROWS, Forks, Told, spoilt, use_rule, validated, write


@pytest.mark.parametrize(
    "does",
    [
        "raise KeyError('x')",
        "raise SystemExit('x')",
        "os.kill(os.getpid(), 9) if os.getpid() != BEGAN else None",
        "os._exit(0) if os.getpid() != BEGAN else None",
        "return [Odd('a', 'b')]",
    ],
)
def test_what_goes_wrong_there_goes_wrong_here_and_is_told_once(forks: Forks, does: str) -> None:
    use_rule(does)
    manifest = write("a.csv", spoilt(ROWS))
    one, several = Told(), Told()
    alone = outcome(lambda ui: validated(manifest, processes=1, ui=ui), one)
    assert outcome(lambda ui: validated(manifest, ui=ui), several) == alone
    assert list(map(str, several.problems)) == list(map(str, one.problems))
    assert len(forks.processes) == 3
    assert forks.all_ended()


def outcome(work: Callable[[Ui], Validation], ui: Ui) -> Validation | str:
    try:
        return work(ui)
    except PluginError as error:
        return str(error)


def test_a_manifest_that_another_takes_the_place_of_is_read_again(forks: Forks) -> None:
    class Replaces(Told):
        def problem(self, problem: Problem) -> None:
            super().problem(problem)
            Path(write("new.csv", ROWS)).replace("a.csv")

    found = validated(write("a.csv", spoilt(ROWS)), ui=(ui := Replaces()))
    assert (found.rows, found.problems) == (1600, 0)
    assert ui.notes == ["the manifests changed while they were read: they are read again, by one process"]


def test_columns_that_no_rule_reads_are_told_also_after_a_second_reading(forks: Forks) -> None:
    use_rule("os._exit(0) if os.getpid() != BEGAN else None")
    with Path("mine.py").open("a") as file:
        file.write("fields_read = ()\n")
    manifest = write("a.csv", [f"{row}," for row in ROWS], HEADER.replace("name", "name,Notes"))
    validated(manifest, ui=(ui := Told()))
    assert [note.partition(":")[0] for note in ui.notes] == [
        "a process that read the manifests has failed",
        "column read by no rule",
    ]


def test_processes_that_cannot_be_started_are_done_without(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    fork, started = os.fork, []

    def refused() -> int:
        if started:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        started.append(fork())
        return started[0]

    monkeypatch.setattr(os, "fork", refused)
    assert validated(write("a.csv", ROWS), ui=(ui := Told())).desired == 1600
    assert "no more processes can be started" in ui.notes[0]
    assert forks.all_ended()


def test_what_a_process_cannot_open_is_not_the_manifests_fault(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    here, opened = os.getpid(), Path.open

    def limited(path: Path, *given: Any, **more: Any) -> Any:
        if os.getpid() != here and path.suffix == ".csv":
            raise OSError(errno.EMFILE, "Too many open files")
        return opened(path, *given, **more)

    monkeypatch.setattr(Path, "open", limited)
    assert validated(write("a.csv", ROWS)).desired == 1600
    assert len(forks.processes) == 3


def test_who_ignores_the_end_of_processes_gets_none(forks: Forks) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert validated(write("a.csv", ROWS)).desired == 1600
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert not forks.processes


def test_what_plugins_print_is_printed_once(forks: Forks) -> None:
    use_rule("print('checked')")
    with Path("mine.py").open("a") as file:
        file.write("print('loaded')\n")
    # Large enough for the command's own measure.
    more = [f"t-{'x' * 40}{number},nova,111122223333,us-east-1," for number in range(15_000)]
    write("a.csv", [*ROWS, *more])
    command = [sys.executable, "-m", "bulkprof", "validate", "a.csv"]
    ended = subprocess.run(command, env=buffered(), capture_output=True, check=True, text=True)
    assert (ended.stderr.count("loaded"), ended.stderr.count("checked"), ended.stdout.count("\n")) == (1, 1, 1)
    assert "read again" not in ended.stderr


def buffered() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def test_a_stop_does_not_wait_for_one_that_hangs(forks: Forks) -> None:
    hang = "(os.kill(os.getppid(), signal.SIGUSR1), signal.pause()) if os.getpid() != BEGAN else None"
    use_rule(hang)
    manifest, stop = write("a.csv", ROWS), Stop()

    async def stopped() -> None:
        with anyio.open_signal_receiver(signal.SIGUSR1) as signals:
            async with anyio.create_task_group() as group:
                group.start_soon(stop_at, signals)
                options = Options(config=load(), processes=8)
                with pytest.raises(RunInterruptedError):
                    await validate([manifest], options, None, stop)

    async def stop_at(signals: AsyncIterator[signal.Signals]) -> None:
        async for _ in signals:
            stop.request(ExitCode.INTERRUPTED)
            return

    anyio.run(stopped)
    assert forks.all_ended()


def test_a_stop_ends_them(forks: Forks) -> None:
    stop, before = Stop(), open_pipes()

    class Stops(Told):
        def problem(self, problem: Problem) -> None:
            stop.request(ExitCode.INTERRUPTED)

    with pytest.raises(RunInterruptedError):
        validated(write("a.csv", spoilt(ROWS)), ui=Stops(), stop=stop)
    assert len(forks.processes) == 3
    assert forks.all_ended()
    assert open_pipes() == before


def open_pipes() -> int:
    descriptors = Path("/proc/self/fd").iterdir()
    return sum(descriptor.is_fifo() for descriptor in descriptors)
