"""Whatever happens to the processes, the same is found in the manifests."""

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
from bulkprof.manifests.parallel import interpreters
from bulkprof.manifests.parallel.interpreters import FROM_BYTES
from bulkprof.model import Problem
from bulkprof.stop import Stop
from bulkprof.ui import Ui
from bulkprof.workflows.options import Options
from bulkprof.workflows.validate import Validation, validate
from tests.workflows.processes import HEADER, ROWS, Processes, Told, spoilt, use_rule, validated, write


@pytest.mark.parametrize(
    "does",
    [
        "raise KeyError('x')",
        "raise SystemExit('x')",
        "os.kill(os.getpid(), 9) if APART else None",
        "os._exit(0) if APART else None",
        "return [Odd('a', 'b')]",
    ],
)
def test_what_goes_wrong_there_goes_wrong_here_and_is_told_once(processes: Processes, does: str) -> None:
    use_rule(does)
    manifest = write("a.csv", spoilt(ROWS))
    one, several = Told(), Told()
    alone = outcome(lambda ui: validated(manifest, processes=1, ui=ui), one)
    assert outcome(lambda ui: validated(manifest, ui=ui), several) == alone
    assert list(map(str, several.problems)) == list(map(str, one.problems))
    assert len(processes.started) == 2
    assert processes.all_ended()


def outcome(work: Callable[[Ui], Validation], ui: Ui) -> Validation | str:
    try:
        return work(ui)
    except PluginError as error:
        return str(error)


def test_a_manifest_that_another_takes_the_place_of_is_read_again(processes: Processes) -> None:
    class Replaces(Told):
        def problem(self, problem: Problem) -> None:
            super().problem(problem)
            Path(write("new.csv", ROWS)).replace("a.csv")

    found = validated(write("a.csv", spoilt(ROWS)), ui=(ui := Replaces()))
    assert (found.rows, found.problems) == (1600, 0)
    assert ui.notes == ["the manifests changed while they were read: they are read again, by one process"]


def test_columns_that_no_rule_reads_are_told_also_after_a_second_reading(processes: Processes) -> None:
    use_rule("os._exit(0) if APART else None")
    with Path("mine.py").open("a") as file:
        file.write("fields_read = ()\n")
    manifest = write("a.csv", [f"{row}," for row in ROWS], HEADER.replace("name", "name,Notes"))
    validated(manifest, ui=(ui := Told()))
    assert [note.partition(":")[0] for note in ui.notes] == [
        "a process that read the manifests has failed",
        "column read by no rule",
    ]


def test_processes_that_cannot_be_started_are_done_without(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = interpreters.Popen

    def refused(*arguments: Any, **options: Any) -> Any:
        if processes.started:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return start(*arguments, **options)

    monkeypatch.setattr(interpreters, "Popen", refused)
    assert validated(write("a.csv", ROWS), ui=(ui := Told())).desired == 1600
    assert "no more processes can be started" in ui.notes[0]
    assert len(processes.started) == 1
    assert processes.all_ended()


def test_an_interpreter_that_does_not_start_is_done_without(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert validated(write("a.csv", ROWS), ui=(ui := Told())).desired == 1600
    assert len(ui.notes) == 1
    assert processes.all_ended()
    assert capfd.readouterr() == ("", "")


def test_a_plugin_that_cannot_be_loaded_there_is_used_here(
    processes: Processes, capfd: pytest.CaptureFixture[str]
) -> None:
    use_rule("pass")
    with Path("mine.py").open("a") as file:
        file.write("if APART:\n    print('not here')\n    raise ImportError('x')\n")
    assert validated(write("a.csv", ROWS), ui=(ui := Told())).desired == 1600
    assert ui.notes == ["a process that read the manifests has failed: they are read again, by one process"]
    assert len(processes.started) == 2
    assert processes.all_ended()
    assert capfd.readouterr() == ("", "")


def test_who_ignores_the_end_of_processes_has_them_ended_too(processes: Processes) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert validated(write("a.csv", ROWS)).desired == 1600
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert len(processes.started) == 2
    assert processes.all_ended()


def test_a_program_without_a_guard_is_not_run_again(processes: Processes) -> None:
    use_rule("pass")
    write("a.csv", ROWS)
    Path("program.py").write_text(PROGRAM)
    ended = subprocess.run([sys.executable, "program.py"], capture_output=True, check=True, text=True)
    assert (ended.stdout, ended.stderr) == ("begun\n1600 rows, and 1 process besides\n", "")


PROGRAM = """\
import os
import anyio
import bulkprof
from bulkprof.manifests.parallel import interpreters, parts

print("begun", flush=True)
os.sched_getaffinity = lambda _: {0, 1}
interpreters.FROM_BYTES, parts.SIZE, started = 1, 5000, []
class Noted(interpreters.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        started.append(self)
interpreters.Popen = Noted
options = bulkprof.Options(config=bulkprof.load_config(), processes=2)
found = anyio.run(bulkprof.validate, "a.csv", options)
print(f"{found.rows} rows, and {len(started)} process besides")
"""


def test_what_plugins_print_is_printed_once(processes: Processes) -> None:
    use_rule("print('checked')")
    with Path("mine.py").open("a") as file:
        file.write("print('loaded')\n")
    ended = subprocess.run(validate_large(), env=buffered(), capture_output=True, check=True, text=True)
    assert (ended.stderr.count("loaded"), ended.stderr.count("checked"), ended.stdout.count("\n")) == (1, 1, 1)
    assert "read again" not in ended.stderr


def validate_large() -> list[str]:
    """A manifest large enough for the command's own measure, and the command: another process reads `ROWS`."""
    more = [f"t-{'x' * 40}{number},nova,111122223333,us-east-1," for number in range(FROM_BYTES // 70)]
    write("a.csv", [*more[:4500], *ROWS, *more[4500:]])
    assert Path("a.csv").stat().st_size > FROM_BYTES
    return [sys.executable, "-m", "bulkprof", "validate", "a.csv"]


def buffered() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core reads by one process")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_none_is_left_of_a_command_that_a_signal_ends(processes: Processes, number: int, code: int) -> None:
    use_rule("(print('hangs', file=sys.stderr, flush=True), signal.pause()) if APART else None")
    started = subprocess.Popen(validate_large(), stderr=subprocess.PIPE, text=True, start_new_session=True)
    with started as command:
        assert command.stderr
        assert command.stderr.readline() == "hangs\n"
        # As Ctrl-C does it: to the command, and to all others of its session.
        os.killpg(command.pid, number)
        # Its end is read when the last process that writes there has ended.
        said = command.stderr.read()
    assert command.returncode == code
    assert "Traceback" not in said


def test_a_stop_does_not_wait_for_one_that_hangs(processes: Processes) -> None:
    hang = "(os.kill(os.getppid(), signal.SIGUSR1), signal.pause()) if APART else None"
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
    assert processes.all_ended()


def test_a_stop_ends_them(processes: Processes) -> None:
    stop, before = Stop(), open_pipes()

    class Stops(Told):
        def problem(self, problem: Problem) -> None:
            stop.request(ExitCode.INTERRUPTED)

    with pytest.raises(RunInterruptedError):
        validated(write("a.csv", spoilt(ROWS)), ui=Stops(), stop=stop)
    assert len(processes.started) == 2
    assert processes.all_ended()
    assert open_pipes() == before


def open_pipes() -> int:
    descriptors = Path("/proc/self/fd").iterdir()
    return sum(descriptor.is_fifo() for descriptor in descriptors)
