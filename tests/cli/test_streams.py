"""Standard streams that are closed or full, temporary folders that are, and what others say on standard error."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli import warm
from tests.cli.driver import CommandLine, Ended, outcomes_of, read_json

BULKPROF = f"{shlex.quote(sys.executable)} -m bulkprof"


def shell(commands: CommandLine, command: str, *before: str) -> Ended:
    """Run a line of a shell script with an interpreter of its own: only so streams can be closed."""
    done = subprocess.run(
        [*before, "/bin/sh", "-c", command.replace("bulkprof", BULKPROF, 1)],
        cwd=commands.folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


FULL = "error: standard output can't be written: No space left on device"
STREAMS = [
    ("bulkprof validate - --json <&-", 65, "error: -: standard input is closed"),
    ("bulkprof apply teams.csv <&-", 64, "error: nobody can be asked without a terminal"),
    ("bulkprof validate teams.csv --json >&-", 1, "error: standard output can't be written: Bad file descriptor"),
    ("bulkprof validate teams.csv --json >/dev/full", 1, FULL),
    ("bulkprof validate absent.csv --json >/dev/full", 65, FULL),
    ("bulkprof --help >/dev/full", 1, FULL),
    ("bulkprof iam-policy >/dev/full", 1, FULL),
    ("bulkprof validate teams.csv | :", 0, ""),
    ("bulkprof validate teams.csv 2>&-", 0, ""),
    ("bulkprof validate absent.csv 2>/dev/full", 65, ""),
    ("bulkprof runs <&- 2>&-", 0, ""),
]


@pytest.mark.parametrize(("command", "code", "said"), STREAMS)
def test_a_stream_that_is_of_no_use(
    commands: CommandLine, sandbox: Sandbox, command: str, code: int, said: str
) -> None:
    commands.manifest("team-a")
    ended = shell(commands, command)
    assert ended.code == code, ended.err
    assert said in ended.err
    assert ended.err.count("error: ") <= (2 if "absent" in command else 1)
    if "--json" in command and not command.endswith((">&-", ">/dev/full")):
        assert read_json(ended.out)["exit_code"] == code


def test_what_was_done_is_done_also_where_it_can_not_be_printed(commands: CommandLine, sandbox: Sandbox) -> None:
    ended = shell(commands, f"bulkprof apply {commands.manifest('team-a')} --yes --json >/dev/full")
    assert ended.code == 1
    assert FULL in ended.err
    assert [profile.name for profile in sandbox.ledger().profiles] == ["team-a"]
    assert "finished" in commands("runs").out


def test_a_full_temporary_folder(commands: CommandLine, sandbox: Sandbox) -> None:
    """Where a file can't grow any more, it is as if the disk was full."""
    (commands.folder / "stdin").write_text("name\n" + "".join(f"team-{number:06}\n" for number in range(100_000)))
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
        (commands.folder / "stdin").open() as given,
    ):
        streams = (given.fileno(), out.fileno(), err.fileno())
        arguments = ("plan", "-", "--json")
        with warm.Process(
            arguments, cwd=commands.folder, env=os.environ, streams=streams, file_size=400_000
        ) as process:
            code = process.wait(timeout=60)
        told, said = (file.seek(0) or file.read() for file in (out, err))
    assert code == 1
    assert said.count("\n") == 1
    assert f"temporary files can't be written in {tempfile.gettempdir()}: File too large; free some space" in said
    assert read_json(told) == {"error": said.removeprefix("error: ").strip(), "exit_code": 1}


def test_no_temporary_folder_at_all(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.write(
        "nowhere.py",
        "import tempfile\ntempfile.tempdir = '/nowhere'\nfrom bulkprof.plugins import hookimpl\n"
        "@hookimpl\ndef bulkprof_check_plan(plan):\n    return []\n",
    )
    commands.config('[plugins.nowhere]\npath = "nowhere.py"\n')
    commands.manifest("team-a")
    for command in (("validate", "teams.csv"), ("validate", "-")):
        ended = commands.process(*command, "--json")
        assert ended.code == 1, ended.err
        assert "temporary files can't be written in /nowhere: No such file or directory" in ended.err
        assert read_json(ended.out)["exit_code"] == 1


TALKATIVE = """\
import asyncio, logging, threading, warnings
import aiohttp
from bulkprof.plugins import Problem, hookimpl

warnings.warn("old\\nthing", UserWarning)

async def fail():
    raise ValueError("lost")

def in_thread():
    raise OSError("lost, too")

class Unruly:
    def __del__(self):
        raise KeyError("at its end")

@hookimpl
def bulkprof_prepare_request(request):
    Unruly()
    logging.getLogger("elsewhere").error("one line\\nand another")
    logging.getLogger("botocore.credentials").warning("Refreshing failed", exc_info=ValueError("x"))
    try:
        raise LookupError("logged")
    except LookupError:
        logging.getLogger("elsewhere").exception("with its place")
    thread = threading.Thread(target=in_thread, name="worker")
    thread.start()
    thread.join()
    return None

@hookimpl
def bulkprof_check_plan(plan):
    return []

@hookimpl
def bulkprof_run_finished(summary):
    task = asyncio.get_running_loop().create_task(fail())
    session = aiohttp.ClientSession()
"""
HEARD = (
    "UserWarning: old thing",
    "elsewhere: one line",
    "elsewhere: with its place: LookupError: logged",
    "uncaught in worker: OSError: lost, too",
    "KeyError: 'at its end'",
    "asyncio: Unclosed client session",
    "asyncio: Task exception was never retrieved: ValueError: lost",
)


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("debug", [False, True])
def test_what_others_say(commands: CommandLine, sandbox: Sandbox, log_format: str, debug: bool) -> None:
    commands.write("talkative.py", TALKATIVE)
    commands.config('[plugins.talkative]\npath = "talkative.py"\n')
    more = ("--debug",) if debug else ()
    ended = commands.process("apply", commands.manifest("team-a"), "--yes", "--json", "--log-format", log_format, *more)
    assert ended.code == 0, ended.err
    read_json(ended.out)
    lines = ended.err.splitlines()
    if log_format == "json":
        found = [json.loads(line) for line in lines]
        assert any("traceback" in line for line in found) == debug
        lines = [f"{line['level']}: {line['message']}" for line in found]
    for said in HEARD:
        assert any(line.startswith("warning: ") and said in line for line in lines), said
    assert ("Traceback" in ended.err) == debug
    assert any("Refreshing failed" in line for line in lines) == debug


def test_a_config_that_begins_with_a_byte_order_mark(commands: CommandLine, sandbox: Sandbox) -> None:
    path = commands.folder / "bulkprof.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    ended = commands("validate", commands.manifest("team-a"))
    assert ended.code == 0, ended.err


def test_commands_that_are_printed_can_be_pasted(commands: CommandLine, sandbox: Sandbox) -> None:
    folder = commands.folder / "quarter 1"
    folder.mkdir()
    commands.manifest("team-a", file="quarter 1/teams.csv")
    shutil.copy("bulkprof.toml", folder / "bulk prof.toml")
    flags = ("--config", "quarter 1/bulk prof.toml", "--state-dir", "quarter 1/state")
    ended = commands("plan", "quarter 1/teams.csv", "--out", "quarter 1/a plan.db", *flags)
    assert pasted(ended.err) == ["apply", "quarter 1/a plan.db", *flags]
    ended = commands("apply", "quarter 1/teams.csv", "--yes", *flags)
    assert pasted(ended.err)[2:] == list(flags)
    assert commands(*pasted(ended.err)).code == 0
    ended = commands("export", "--out", "quarter 1/found.csv", *flags)
    assert pasted(ended.err) == ["plan", "quarter 1/found.csv", *flags]


def pasted(err: str) -> list[str]:
    """The arguments of the command that is printed as the next one."""
    (line,) = [line for line in err.splitlines() if line.startswith("next: ")]
    program, *arguments = shlex.split(line.removeprefix("next: "))
    assert program == "bulkprof"
    return arguments


def read_only(folder: Path) -> tuple[str, ...]:
    """Make a folder read-only, and return what a command has to be run by for that to count."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid():
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("nothing is read-only to root, and setpriv isn't there")
    return ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")


@pytest.mark.parametrize("killed", [False, True])
def test_a_state_directory_that_is_read_only(commands: CommandLine, sandbox: Sandbox, killed: bool) -> None:
    run_id = commands.summary("apply", commands.manifest("team-a", "team-b"))["run_id"]
    state = commands.folder / ".bulkprof"
    if killed:
        # What a killed process leaves beside the file is part of it.
        path = state / "runs" / f"{run_id}.db"
        program = (
            "import sqlite3, os, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); "
            "db.execute('PRAGMA wal_autocheckpoint = 0'); "
            "db.execute(\"UPDATE outcome SET kind = 'failed' WHERE seq = 1\"); os._exit(0)"
        )
        subprocess.run([sys.executable, "-c", program, str(path)], check=True)
        path.with_name(f"{run_id}.db-shm").unlink(missing_ok=True)
        assert path.with_name(f"{run_id}.db-wal").stat().st_size
    by = read_only(state)
    try:
        listed = shell(commands, "bulkprof runs --json", *by)
        shown = shell(commands, f"bulkprof report {run_id} --json", *by)
        refused = shell(commands, "bulkprof apply teams.csv --yes", *by)
    finally:
        for path in (state, *state.rglob("*")):
            path.chmod(0o755)
    outcomes = {"created": 1, "failed": 1} if killed else {"created": 2}
    assert listed.code == shown.code == 0, (listed.err, shown.err)
    (row,) = read_json(listed.out)["runs"]
    assert (row["run_id"], outcomes_of(row)) == (run_id, outcomes)
    assert sorted(result["outcome"] for result in read_json(shown.out)["results"]) == sorted(
        kind for kind, count in outcomes.items() for _ in range(count)
    )
    assert refused.code == 1
    assert "choose another --state-dir" in refused.err
    assert refused.err.count("\n") == 1


def test_a_plan_is_shown_and_applied_where_it_is_read_only(commands: CommandLine, sandbox: Sandbox) -> None:
    folder = commands.folder / "artifacts"
    folder.mkdir()
    assert commands("plan", commands.manifest("team-a", "team-b"), "--out", "artifacts/plan.db").code == 0
    by = read_only(folder)
    try:
        shown = [
            shell(commands, f"bulkprof report artifacts/plan.db {how}", *by) for how in ("", "--json", "--markdown")
        ]
        applied = shell(commands, "bulkprof apply artifacts/plan.db --yes --json", *by)
    finally:
        folder.chmod(0o755)
    assert [ended.code for ended in shown] == [0, 0, 0], [ended.err for ended in shown]
    assert [change["name"] for change in read_json(shown[1].out)["changes"]] == ["team-a", "team-b"]
    assert "| team-b | create |" in shown[2].out
    assert applied.code == 0, applied.err
    assert read_json(applied.out)["outcomes"]["created"] == 2
