"""The caller's own credentials in the middle of a run: a program that goes wrong or hangs, and errors that are bugs."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulkprof.sandbox import Fault, Rate, Sandbox
from bulkprof.statuses import RunStatus
from bulkprof.store.run import RunFile
from tests.cli.driver import CommandLine, outcomes_of, read_json, until
from tests.cli.test_interrupts import resume_command

CREATE = "CreateInferenceProfile"
NAMES = [f"team-{number:02}" for number in range(24)]
TELLING = """\
import json, pathlib
from bulkprof.plugins import Sink, hookimpl

class Told(Sink):
    name = "told"

    async def finish(self, run):
        pathlib.Path("told.json").write_text(json.dumps(run.summary.as_json()))

@hookimpl
def bulkprof_sinks(run):
    return [Told()]
"""
BREAKING = """
from bulkprof.engine import actions

perform_well = actions.Performer.perform

async def perform_badly(self, action):
    if pathlib.Path("break").exists() and action.name.endswith("9"):
        raise KeyError("what nobody foresaw")
    return await perform_well(self, action)

actions.Performer.perform = perform_badly
"""
PLUGIN = '[plugins.telling]\npath = "telling.py"\n'
GOOD = '{"Version": 1, "AccessKeyId": "AKIAHELPER", "SecretAccessKey": "s"}'


def credentials_from(commands: CommandLine, script: str, *, through_role: bool = False) -> None:
    """Let the caller's keys come from a shell script, run in the commands' folder."""
    commands.write("helper.sh", script)
    profile = "source" if through_role else "default"
    lines = [f"[{'profile ' if through_role else ''}{profile}]", f"credential_process = sh {commands.folder}/helper.sh"]
    if through_role:
        lines += ["[default]", "role_arn = arn:aws:iam::111122223333:role/example", f"source_profile = {profile}"]
    commands.write("aws-config", "\n".join([*lines, ""]))
    commands.monkeypatch.setenv("AWS_CONFIG_FILE", str(commands.folder / "aws-config"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        commands.monkeypatch.delenv(name, raising=False)


def status_of(commands: CommandLine) -> tuple[RunStatus, str]:
    """The newest run's status, and why it ended."""
    path = max((commands.folder / ".bulkprof" / "runs").glob("*.db"))
    with closing(RunFile.open(path)) as run:
        return run.details().status, run.details().stopped


def told(commands: CommandLine) -> dict[str, Any]:
    """What the sink was told at the end."""
    found: dict[str, Any] = json.loads((commands.folder / "told.json").read_text())
    return found


def test_a_program_that_goes_wrong_in_mid_run(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.write("telling.py", TELLING)
    commands.config(PLUGIN)
    # It answers once, and nonsense when it is asked again, since AWS says that the first keys have run out.
    credentials_from(commands, f"if mkdir asked 2>/dev/null; then echo '{GOOD}'; else echo nonsense; fi\n")
    sandbox.set_rate(Rate(20, 4), operation=CREATE)
    sandbox.set_faults([Fault("expired_token", CREATE, nth=9)])
    ended = commands.process("apply", commands.manifest(*NAMES), "--yes", "--json", "--state-dir", ".bulkprof")
    assert ended.code == 1, ended.err
    assert "Traceback" not in ended.err
    summary = read_json(ended.out)
    assert summary["exit_code"] == 1
    assert "the profile's credential_process can't be used: what it printed is not JSON" in summary["stopped"]
    counts = outcomes_of(summary)
    assert set(counts) == {"created", "skipped"}
    assert counts["skipped"] > 0
    assert sum(counts.values()) == len(NAMES)
    assert told(commands)["stopped"] == summary["stopped"]
    assert status_of(commands) == (RunStatus.INTERRUPTED, summary["stopped"])
    again = resume_command(ended.err)
    # Somebody mends the program.
    credentials_from(commands, f"echo '{GOOD}'\n")
    sandbox.set_faults([])
    sandbox.set_rate(Rate(1000, 1000), operation=CREATE)
    resumed = commands(*again, "--json", "--yes")
    assert resumed.code == 0, resumed.err
    assert outcomes_of(resumed.json()) == {"created": len(NAMES)}
    assert sorted(profile.name for profile in sandbox.ledger().profiles) == NAMES


@pytest.mark.parametrize("debug", [False, True])
def test_what_nobody_foresaw(commands: CommandLine, sandbox: Sandbox, debug: bool) -> None:
    commands.write("telling.py", TELLING + BREAKING)
    commands.config(PLUGIN)
    commands.write("break", "")
    sandbox.set_rate(Rate(40, 4), operation=CREATE)
    variables = {"BULKPROF_DEBUG": "1"} if debug else {}
    ended = commands.process("apply", commands.manifest(*NAMES), "--yes", "--json", **variables)
    assert ended.code == 1, ended.err
    summary = read_json(ended.out)
    assert summary["exit_code"] == 1
    assert summary["stopped"] == (
        "an unexpected error: KeyError: 'what nobody foresaw'; --debug shows where it comes from"
    )
    assert ("perform_badly" in ended.err) == ("Traceback" in ended.err) == debug
    assert sum(outcomes_of(summary).values()) == len(NAMES)
    assert told(commands)["stopped"] == summary["stopped"]
    assert status_of(commands) == (RunStatus.INTERRUPTED, summary["stopped"])
    again = resume_command(ended.err)
    (commands.folder / "break").unlink()
    sandbox.set_rate(Rate(1000, 1000), operation=CREATE)
    assert commands(*again, "--yes").code == 0
    assert sorted(profile.name for profile in sandbox.ledger().profiles) == NAMES


BEFORE = """\
from bulkprof.plugins import hookimpl
from bulkprof.workflows.steps import execute, planner

def broken(*_, **__):
    raise LookupError("two\\nlines")

{name} = broken

@hookimpl
def bulkprof_check_plan(plan):
    return []
"""


@pytest.mark.parametrize(
    ("name", "status"), [("planner.Planner.plan", RunStatus.REFUSED), ("execute.summarize", RunStatus.INTERRUPTED)]
)
def test_what_nobody_foresaw_elsewhere(commands: CommandLine, sandbox: Sandbox, name: str, status: RunStatus) -> None:
    commands.write("telling.py", BEFORE.format(name=name))
    commands.config(PLUGIN)
    ended = commands.process("apply", commands.manifest("team-a"), "--yes", "--json", "--log-format", "json")
    assert ended.code == 1, ended.err
    lines = [json.loads(line) for line in ended.err.splitlines()]
    answer = read_json(ended.out)
    assert answer["error"] == "an unexpected error: LookupError: two lines; --debug shows where it comes from"
    assert [line["message"] for line in lines if line["level"] == "error"] == [answer["error"]]
    assert status_of(commands)[0] == status
    assert ("run_id" in answer) == (status == RunStatus.INTERRUPTED)
    assert any("to go on: bulkprof resume" in line["message"] for line in lines) == (status == RunStatus.INTERRUPTED)


HANGING = "echo $$ > pid; exec sleep 600\n"


@pytest.mark.parametrize("through_role", [False, True])
@pytest.mark.parametrize("how", ["signal", "deadline"])
def test_a_program_that_hangs(commands: CommandLine, sandbox: Sandbox, how: str, through_role: bool) -> None:
    credentials_from(commands, HANGING, through_role=through_role)
    commands.manifest("team-a")
    until_when = ("--deadline", "1s") if how == "deadline" else ()
    with commands.started("apply", "teams.csv", "--yes", "--json", *until_when) as process:
        pid = int(until(lambda: read(commands.folder / "pid")))
        if how == "signal":
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == (130 if how == "signal" else 3), err
    assert "Traceback" not in err
    assert "before anything was changed" in read_json(out)["error"]
    assert resume_command(err)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    credentials_from(commands, f"echo '{GOOD}'\n")
    # The lock went with the run.
    assert commands("apply", "teams.csv", "--yes").code == 0
    assert [profile.name for profile in sandbox.ledger().profiles] == ["team-a"]


def read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""
