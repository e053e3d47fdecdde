"""`--sandbox` and `bulkprof sandbox` can be slow, throttled, full or faulty, and have the buckets of the config."""

from __future__ import annotations

import json
import signal
import urllib.request

import botocore.session
import pytest

from bulkprof.cli.flags import SANDBOX
from tests.cli.driver import CommandLine
from tests.cli.test_flags import ORDER


def test_a_sandbox_can_be_full(commands: CommandLine) -> None:
    teams = commands.manifest("one", "two", "three")
    assert commands.apply(teams, "--sandbox", "--sandbox-quota", "2", code=3) == {"created": 2, "failed": 1}
    assert {line["error_code"] for line in commands.results()} == {"", "ServiceQuotaExceededException"}


def test_a_sandbox_can_throttle(commands: CommandLine) -> None:
    teams = commands.manifest("one", "two")
    faults = ["--sandbox-rate", "20", "--sandbox-latency", "1", "--sandbox-fault", "throttle=0.3"]
    summary = commands.summary("apply", teams, "--sandbox", *faults)
    assert summary["outcomes"]["created"] == 2
    assert sum(count["throttled"] for count in summary["calls"].values())


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--sandbox-rate", "5"], "--sandbox-rate: only for a sandbox; add --sandbox, or leave it out"),
        (["--sandbox-latency", "1", "--sandbox-fault", "throttle"], "--sandbox-latency, --sandbox-fault: only for"),
        (["--sandbox", "--sandbox-latency=-1"], "--sandbox-latency -1: must be milliseconds from 0 to 60000"),
        (["--sandbox", "--sandbox-quota", "many"], "Invalid value for '--sandbox-quota'"),
        (
            ["--sandbox", "--sandbox-fault", "boom"],
            "--sandbox-fault boom: unknown fault 'boom'; known are access_denied",
        ),
    ],
)
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_wrong_usage_is_told_before_anything_is_read(
    commands: CommandLine, command: str, flags: list[str], said: str
) -> None:
    ended = commands(command, "missing.csv", *flags)
    assert ended.code == 64
    assert said in ended.err
    assert not list(commands.folder.glob(".bulkprof/runs/*"))


def test_each_command_that_works_in_a_sandbox_has_all_of_its_flags(commands: CommandLine) -> None:
    flags = {f"--{name.replace('_', '-')}" for name in SANDBOX}
    found = {}
    for command in ORDER:
        words = set(commands(command, "--help").out.split())
        found[command] = words & flags
    assert set(map(len, found.values())) == {0, len(flags)}, found
    assert found["disown"] == flags


def test_a_run_in_aws_is_not_resumed_in_such_a_sandbox(commands: CommandLine, sandbox: object) -> None:
    assert commands("plan", commands.manifest("one"), "--out", "plan.db").code == 0
    for arguments in (["apply", "plan.db"], ["export"]):
        ended = commands(*arguments, "--sandbox-rate", "5")
        assert ended.code == 64
        assert "--sandbox-rate: only for a sandbox" in ended.err


def test_a_plan_that_was_made_in_a_sandbox_takes_them(commands: CommandLine) -> None:
    assert commands("plan", commands.manifest("one", "two"), "--sandbox", "--out", "plan.db").code == 0
    assert commands.apply("plan.db", "--sandbox-quota", "1", code=3) == {"created": 1, "failed": 1}


def test_the_sandbox_has_the_buckets_of_the_config(commands: CommandLine) -> None:
    commands.config('[plugins.s3]\nbucket = "example-reports"\nregion = "eu-central-1"\n')
    commands.apply(commands.manifest("one"), "--sandbox")
    assert commands("runs", "--json").json()["runs"][0]["sinks_missing"] == []


def test_a_sandbox_that_is_served_is_like_that_too(commands: CommandLine) -> None:
    commands.write("other.toml", '[plugins.s3]\nbucket = "example-reports"\n')
    commands.write("use.json", '[{"model": "amazon.nova-lite-v1:0", "invocations": 3}]')
    flags = ["--config", "other.toml", "--fault", "access_denied=1", "--usage", "use.json"]
    with commands.started("sandbox", *flags) as server:
        assert server.stdout is not None
        environment = {}
        while "no_proxy" not in environment:
            name, _, value = server.stdout.readline().removeprefix("export ").rstrip("\n").partition("=")
            environment[name] = value
        for name, value in environment.items():
            commands.monkeypatch.setenv(name, value)
        ended = commands("plan", commands.manifest("one"))
        assert ended.code == 1
        assert "User is not authorized to perform this action" in ended.err
        s3 = botocore.session.get_session().create_client("s3")
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["example-reports"]
        s3.close()
        with urllib.request.urlopen(f"{environment['AWS_ENDPOINT_URL']}/_sandbox/usage") as answer:
            assert [row["invocations"] for row in json.load(answer)] == [3]
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--fault", "boom"], 64, "--fault boom: unknown fault 'boom'; known are access_denied, conflict, cut_after"),
        (["--latency", "nan"], 64, "--latency nan: must be milliseconds from 0 to 60000"),
        (["--config", "none.toml"], 1, "none.toml: no such file"),
        (["--usage", "none.json"], 64, "--usage none.json: can't be read: No such file or directory"),
    ],
)
def test_a_sandbox_that_can_not_be_served(commands: CommandLine, flags: list[str], code: int, said: str) -> None:
    ended = commands("sandbox", *flags)
    assert (ended.code, said in ended.err) == (code, True), ended.err
