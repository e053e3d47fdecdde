"""SIGINT and SIGTERM while a run is at work: it stops in order, and the command that it prints goes on with it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess

import pytest

from bulkprof.sandbox import Fault, Rate, Sandbox
from tests.cli.driver import CommandLine, add_up, outcomes_of, read_json, until

NAMES = [f"team-{number:03}" for number in range(16)]


def resume_command(err: str) -> list[str]:
    (line,) = [line for line in err.splitlines() if line.startswith("to go on: ")]
    command = shlex.split(line.removeprefix("to go on: "))
    assert command[:2] == ["bulkprof", "resume"]
    return command[1:]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_at_work(commands: CommandLine, sandbox: Sandbox, number: signal.Signals, code: int) -> None:
    sandbox.set_rate(Rate(12, 3), operation="CreateInferenceProfile")
    manifest = commands.manifest(*NAMES)
    extra = ("--state-dir", "state of things", "--results", "partial.jsonl")
    with commands.started("apply", manifest, "--yes", "--json", *extra) as process:
        until(lambda: sandbox.ledger().count("CreateInferenceProfile", "ok") >= 3)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "stopping: calls in flight end first" in err
    summary = read_json(out)
    assert summary["exit_code"] == code
    assert 0 < summary["outcomes"]["created"] == len(sandbox.ledger().live) < len(NAMES)
    add_up(summary, commands.results("partial.jsonl"))
    sandbox.set_rate(Rate(1000, 1000), operation="CreateInferenceProfile")
    ended = commands(*resume_command(err), "--json", "--results", "whole.jsonl", "--yes")
    assert ended.code == 0, ended.err
    assert outcomes_of(ended.json()) == {"created": len(NAMES)}
    add_up(ended.json(), commands.results("whole.jsonl"))
    assert sorted(profile.name for profile in sandbox.ledger().profiles) == NAMES


def test_a_run_that_has_sent_nothing(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_faults([Fault("delay_before", operation="ListFoundationModels", delay_s=1, times=1)])
    with commands.started("apply", commands.manifest("team-a", "team-b"), "--yes", "--json") as process:
        until(lambda: sandbox.ledger().count("GetCallerIdentity"))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "interrupted before anything was changed" in err
    told = read_json(out)
    assert set(told) == {"error", "run_id", "exit_code"}
    assert told["exit_code"] == 143
    assert told["run_id"] in resume_command(err)
    assert not sandbox.ledger().profiles
    ended = commands(*resume_command(err), "--yes")
    assert ended.code == 0
    assert sorted(profile.name for profile in sandbox.ledger().live) == ["team-a", "team-b"]


def test_a_run_at_work_is_not_resumed_beside_itself(commands: CommandLine, sandbox: Sandbox) -> None:
    """Whoever tries is told who is at work, and the run can still be resumed when it was stopped."""
    sandbox.set_faults([Fault("delay_before", operation="ListFoundationModels", delay_s=20)])
    with commands.started("apply", commands.manifest("team-a"), "--yes") as process:
        until(lambda: sandbox.ledger().count("GetCallerIdentity"))
        (path,) = commands.folder.glob(".bulkprof/runs/*.db")
        for arguments in ((), (path.stem,)):
            ended = commands("resume", *arguments, "--yes")
            assert ended.code == 5
            assert f"pid {process.pid}" in ended.err
        process.kill()
    sandbox.set_faults([])
    # Another directory has another lock.
    ended = commands("resume", str(path), "--yes", "--state-dir", "another")
    assert (ended.code, "say where it is: --state-dir" in ended.err) == (64, True)
    assert commands("resume", str(path), "--yes").code == 0
    assert [profile.name for profile in sandbox.ledger().profiles] == ["team-a"]


def test_twice_stops_at_once(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_faults([Fault("delay_after", operation="CreateInferenceProfile", delay_s=20)])
    with commands.started("apply", commands.manifest("team-a"), "--yes", "--json") as process:
        until(lambda: sandbox.ledger().live)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "stopping" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    answer = read_json(out)
    assert (answer["error"], answer["exit_code"]) == ("stopped at once", 130)
    assert answer["run_id"]
    assert "stopped at once" in err
    sandbox.set_faults([])
    ended = commands(*resume_command(err), "--yes")
    assert ended.code == 0, ended.err
    assert [profile.name for profile in sandbox.ledger().profiles] == ["team-a"]


def test_while_it_waits_for_standard_input(commands: CommandLine, sandbox: Sandbox) -> None:
    with commands.started("apply", "-", "--yes", stdin=subprocess.PIPE) as process:
        until(lambda: list(commands.folder.glob(".bulkprof/runs/*.db")))
        process.send_signal(signal.SIGTERM)
        # The pipe stays open: nothing may wait for its end.
        assert process.wait(timeout=30) == 143
        _, err = process.communicate()
    assert "interrupted before anything was changed" in err
    assert sandbox.ledger().calls == ()
    ended = commands(*resume_command(err), "--yes", stdin=b"name\nteam-a\n")
    assert ended.code == 0
    assert "the manifest is read from standard input again" in ended.err
    assert [profile.name for profile in sandbox.ledger().profiles] == ["team-a"]


def test_a_finished_run_cannot_be_resumed(commands: CommandLine, sandbox: Sandbox) -> None:
    run_id = commands.summary("apply", commands.manifest("team-a"))["run_id"]
    ended = commands("resume", run_id, "--yes")
    assert ended.code == 64
    assert "is finished: there is nothing to resume" in ended.err


def test_a_pipe_without_a_writer(commands: CommandLine) -> None:
    path = commands.folder / "pipe.csv"
    os.mkfifo(path)
    with commands.started("apply", str(path), "--yes", "--json") as process:
        # Nothing is told meanwhile: the run's file shows that reading has begun.
        until(lambda: list((commands.folder / ".bulkprof").rglob("*.db")))
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert read_json(out)["exit_code"] == 130


def test_a_pipe_of_the_shell_is_read_as_often_as_it_takes(commands: CommandLine, sandbox: Sandbox) -> None:
    path = commands.folder / "pipe"
    os.mkfifo(path)
    with commands.started("apply", str(path), "--yes", "--json") as process:
        path.write_text("name,model\nteam-a,amazon.nova-lite-v1:0\n")
        out, err = process.communicate(timeout=30)
    assert outcomes_of(read_json(out)) == {"created": 1}, err
