"""Every exit code of the command line, each as its user would meet it."""

from __future__ import annotations

import socket

import pytest

from bulkprof.locks.local import StateLock
from bulkprof.sandbox import Fault, Sandbox
from tests.cli.driver import CommandLine, outcomes_of

VETO = """\
from bulkprof.plugins import Problem, hookimpl

@hookimpl
def bulkprof_check_plan(plan):
    return [Problem("no changes on Fridays")]
"""


def test_done(commands: CommandLine, sandbox: Sandbox) -> None:
    ended = commands("apply", commands.manifest("team-a"), "--yes")
    assert (ended.code, [profile.name for profile in sandbox.ledger().live]) == (0, ["team-a"])
    assert commands.cold_process("validate", "teams.csv").code == 0


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[defaults", "bulkprof.toml: "),
        ("regoin = 1\n", "regoin: is not a known key; there are estate, "),
        ("esate = 'x'\n", "esate: is not a known key; did you mean estate?"),
        ("[defalts]\nregion = 'x'\n", "defalts: is not a known key; did you mean defaults?"),
        ("[run]\natempts = 3\n", "run.atempts: is not a known key; did you mean attempts?"),
        ("[organization]\nAlias = 3\n", "organization.Alias: is not a known key; did you mean aliases?"),
        ("[plugin.naming]\ntemplate = '{team}'\n", "plugin: is not a known key; did you mean plugins?"),
        ("[plugins.nameing]\n", "did you mean naming?"),
        ("[[plugins.tags.lookup]]\nfiel = 'x'\n", "plugins.tags.lookup.0.fiel: is not a known key; did you mean file?"),
        (
            "[models]\na = 'sonnet'\nb = 'anthropic.b-v1:0'\n",
            "models.a: 'sonnet' is not a model id or ARN; a model id looks",
        ),
        ("[defaults]\nregion = 'us-east-1, us-west-2'\n", 'write a list: ["us-east-1", "us-west-2"]'),
        ("[defaults]\naccount = '111122223333|444455556666'\n", 'write a list: ["111122223333", "444455556666"]'),
        ("[defaults]\nmodel = 'a, b'\n[models]\na = 'x.a-v1:0'\nb = 'x.b-v1:0'\n", 'write a list: ["a", "b"]'),
        ("[organization.aliases]\nprod = '111122223333, 444455556666'\n", 'write a list: ["111122223333", "444455'),
        ("[run]\nattempts = 0\n", "run.attempts"),
        ("[plugins.nowhere]\n", "plugin 'nowhere'"),
        ('[plugins.rules]\npath = "absent.py"\n', "absent.py: no such file"),
        ("[plugins.naming]\ntemplte = 'x'\n", "templte"),
    ],
)
def test_a_config_that_cannot_be_used(commands: CommandLine, config: str, said: str) -> None:
    commands.config(config, base="")
    for command in ("validate", "plan", "apply", "sync"):
        ended = commands(command, commands.manifest("team-a"))
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith("error: ")
        assert said in ended.err


def test_a_config_that_is_not_there(commands: CommandLine) -> None:
    ended = commands("validate", commands.manifest("team-a"), "--config", "other.toml")
    assert ended.code == 1
    assert "other.toml: no such file" in ended.err


def test_no_credentials(commands: CommandLine) -> None:
    ended = commands("apply", commands.manifest("team-a"), "--yes")
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "no AWS credentials were found" in ended.err


def test_an_endpoint_where_nothing_listens(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config("attempts = 1\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        commands.connect(sandbox, AWS_ENDPOINT_URL=f"http://127.0.0.1:{taken.getsockname()[1]}")
        ended = commands("plan", commands.manifest("team-a"))
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "GetCallerIdentity" in ended.err
    assert "127.0.0.1" in ended.err


def test_no_region(commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    commands.config("", base='[defaults]\nmodel = "amazon.nova-lite-v1:0"\n')
    ended = commands("apply", commands.manifest("team-a"), "--yes")
    assert ended.code == 1
    assert "error: NoRegion: no Region: give rows a `region` column" in ended.err
    assert sandbox.ledger().count() == 0


def test_declined_or_unwritable_state(commands: CommandLine, sandbox: Sandbox) -> None:
    ended = commands("apply", commands.manifest("team-a"), "--yes", "--state-dir", "teams.csv")
    assert ended.code == 1
    assert "teams.csv: can't be written" in ended.err
    assert sandbox.ledger().count() == 0


def test_changes_pending(commands: CommandLine, sandbox: Sandbox) -> None:
    manifest = commands.manifest("team-a")
    assert commands("plan", manifest).code == 0
    assert commands("plan", manifest, "--detailed-exitcode").code == 2
    assert commands.apply(manifest) == {"created": 1}
    assert commands("plan", manifest, "--detailed-exitcode").code == 0


def test_a_row_that_aws_refuses(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", name="team-b")])
    ended = commands("apply", commands.manifest("team-a", "team-b"), "--yes")
    assert ended.code == 3
    assert "teams.csv:3 123456789012/us-east-1 team-b: failed: AccessDeniedException" in ended.out
    assert [profile.name for profile in sandbox.ledger().live] == ["team-a"]


def test_invalid_rows_that_are_skipped(commands: CommandLine, sandbox: Sandbox) -> None:
    summary = commands.summary("apply", commands.manifest("team-a", "team.b", "team-c"), "--skip-invalid", code=3)
    assert (summary["desired"], summary["invalid"]) == (2, 1)
    assert {profile.name for profile in sandbox.ledger().live} == {"team-a", "team-c"}
    assert commands("plan", "teams.csv", "--skip-invalid").code == 3


def test_pruning_stops_at_its_cap(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config("[prune]\npercent = 50\ncount = 1\n")
    assert commands.apply(commands.manifest("a", "b", "c", "d")) == {"created": 4}
    ended = commands("sync", commands.manifest("a"), "--prune", "--yes")
    assert ended.code == 4
    assert "the plan deletes 3 of 4 profiles, and at most 2 may go in one run" in ended.err
    assert sandbox.ledger().count("DeleteInferenceProfile") == 0
    commands.manifest("a", "b")
    assert outcomes_of(commands.summary("sync", "teams.csv", "--prune")) == {"unchanged": 2, "deleted": 2}
    assert {profile.name for profile in sandbox.ledger().live} == {"a", "b"}


def test_a_plugin_vetoes_the_plan(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.write("rules.py", VETO)
    commands.config('[plugins.rules]\npath = "rules.py"\n')
    for command in (("plan",), ("apply", "--yes"), ("sync", "--yes")):
        ended = commands(*command, commands.manifest("team-a"))
        assert ended.code == 4
        assert "no changes on Fridays (plugin 'rules')" in ended.err
    assert not sandbox.ledger().profiles


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Usage: bulkprof"),
        ("--frobnicate", "No such option: --frobnicate"),
        ("frobnicate", "No such command 'frobnicate'"),
        ("runs frobnicate", "No such command 'frobnicate'"),
        ("apply", "Missing argument"),
        ("validate", "Missing argument"),
        ("validate teams.csv --yes", "No such option: --yes"),
        ("apply teams.csv --results results.txt", "must end in .csv, .jsonl or .xlsx"),
        ("apply teams.csv --results nowhere/results.csv", "there is no folder"),
        ("apply teams.csv --results folder.csv", "is a folder"),
        (
            "apply teams.csv --results s3://b/r.csv",
            "--results s3://b/r.csv: must be on a disk; copy it to S3 afterwards",
        ),
        ("plan teams.csv --out s3://b/plan.db", "--out s3://b/plan.db: must be on a disk; copy it to S3 afterwards"),
        (
            "runs --state-dir s3://b/state",
            "--state-dir s3://b/state: must be on a disk; `s3` in [state] keeps runs in S3",
        ),
        ("sandbox --state-file s3://b/state", "--state-file s3://b/state: must be on a disk; copy it to S3 afterwards"),
        ("init s3://b/new", "init s3://b/new: must be on a disk; copy it to S3 afterwards"),
        ("report 2026", "no run '2026'"),
        ("resume", "no interrupted run"),
        ("runs redeliver 2026", "no run '2026'"),
        ("sandbox --port many", "'--port'"),
        ("init", "bulkprof.toml is there already; nothing of it was changed. Name another folder"),
    ],
)
def test_wrong_usage(commands: CommandLine, arguments: str, said: str) -> None:
    commands.manifest("team-a")
    (commands.folder / "folder.csv").mkdir()
    ended = commands(*arguments.split())
    assert (ended.code, ended.out) == (64, "")
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not (commands.folder / "s3:").exists()


def test_without_a_terminal_no_question_can_be_asked(commands: CommandLine, sandbox: Sandbox) -> None:
    ended = commands("apply", commands.manifest("team-a"))
    assert ended.code == 64
    assert "+ team-a" in ended.out
    assert "add --yes" in ended.err
    assert sandbox.ledger().count("CreateInferenceProfile") == 0


@pytest.mark.parametrize("text", ["", "name\n", "nmae\nteam-a\n", "name\nteam.a\n", "name\nteam-a\nteam-a\n", "name\0"])
def test_an_invalid_manifest_costs_no_call(commands: CommandLine, sandbox: Sandbox, text: str) -> None:
    commands.write("teams.csv", text)
    for command in (("validate",), ("plan",), ("apply", "--yes"), ("sync", "--prune", "--yes")):
        ended = commands(*command, "teams.csv")
        assert ended.code == 65
        assert "teams.csv" in ended.err
        assert "Traceback" not in ended.err
    assert sandbox.ledger().calls == ()


def test_exit_codes_reach_the_shell(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands.cold_process("apply", "absent.csv", "--yes").code == 65
    assert commands.process("apply").code == 64
    assert commands.process("plan", commands.manifest("team-a"), "--detailed-exitcode").code == 2
    assert commands.process("plan", "teams.csv", AWS_ACCESS_KEY_ID="").code == 1


def test_another_run_holds_the_lock(commands: CommandLine, sandbox: Sandbox) -> None:
    with StateLock(commands.folder / ".bulkprof", "tests", run_id="20261101-000000-abcd", command="sync") as held:
        for command in ("apply", "sync"):
            ended = commands(command, commands.manifest("team-a"), "--yes", "--json")
            assert (ended.code, ended.json()["exit_code"]) == (5, 5)
            for part in (f"pid {held.holder.pid}", held.holder.host, "20261101-000000-abcd"):
                assert part in ended.err
    assert sandbox.ledger().count() == 0
    assert commands.apply("teams.csv") == {"created": 1}
