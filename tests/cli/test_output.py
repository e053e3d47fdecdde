"""What goes to stdout and what to stderr: one JSON object for programs, lines and tables for people."""

from __future__ import annotations

import json

import pytest

from bulkprof.sandbox import Fault, Sandbox
from tests.cli.driver import CommandLine, read_csv

SUMMARY = ["run_id", "command", "desired", "outcomes", "invalid", "elapsed_s", "calls", "exit_code"]
OUTCOMES = ["created", "unchanged", "adopted", "updated", "replaced", "deleted", "failed", "skipped", "unknown"]
TAGS = {"City": "Bern", "bulkprof:estate": "tests", "bulkprof:keys": "City"}
RESULT = ["file", "line", "account", "region", "name", "outcome", "arn", "model", "tags"]
RESULT += ["attempts", "error_code", "error_message", "source_arn", "description", "old_arn"]
PROBLEM = ["file", "line", "column", "value", "message", "remedy", "severity", "cell", "row"]


def test_json_of_a_run(commands: CommandLine, sandbox: Sandbox) -> None:
    ended = commands("apply", commands.manifest("team-a"), "--yes", "--json")
    summary = ended.json()
    assert list(summary) == SUMMARY
    assert sorted(summary["outcomes"]) == sorted(OUTCOMES)
    assert summary["calls"]["CreateInferenceProfile"] == {"sent": 1, "throttled": 0, "failed": 0}
    assert (summary["command"], summary["desired"], summary["invalid"], summary["exit_code"]) == ("apply", 1, 0, 0)
    assert "+ team-a" in ended.err
    assert list(commands("sync", "teams.csv", "--yes", "--json").json()) == SUMMARY
    plan = commands("plan", "teams.csv", "--json").json()
    assert (plan["command"], plan["actions"]["none"], plan["changes"]) == ("plan", 1, [])
    report = commands("report", summary["run_id"], "--json").json()
    assert {name: report[name] for name in SUMMARY} == summary
    assert [list(line) for line in report["results"]] == [RESULT]
    runs = commands("runs", "--json").json()["runs"]
    assert [(run["command"], run["status"]) for run in runs] == [("sync", "finished"), ("apply", "finished")]
    told = commands("runs", "redeliver", summary["run_id"], "--json").json()
    assert told == {"run_id": summary["run_id"], "delivered": [], "missing": []}


def test_json_needs_no_network(commands: CommandLine) -> None:
    assert commands("validate", commands.manifest("team-a"), "--json").json() == {
        "command": "validate",
        "rows": 1,
        "desired": 1,
        "invalid": 0,
        "problems": [],
        "unread_columns": [],
        "exit_code": 0,
    }
    found = commands("validate", commands.manifest("team.a"), "--json").json()
    assert (found["invalid"], found["exit_code"]) == (1, 65)
    assert [list(problem) for problem in found["problems"]] == [PROBLEM]
    plugins = commands("plugins", "--json").json()["plugins"]
    assert {"naming", "tags", "s3", "slack"} <= {plugin["name"] for plugin in plugins}
    assert commands("runs", "--json").json() == {"runs": []}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("apply absent.csv --yes", 65, "nothing was changed"),
        ("plan absent.csv", 65, "nothing was changed"),
        ("apply teams.csv --yes", 1, "no AWS credentials"),
        ("plan teams.csv", 1, "no AWS credentials"),
        ("sync teams.csv --results x.txt", 64, "must end in .csv, .jsonl or .xlsx"),
        ("resume", 64, "no interrupted run"),
        ("report 2026", 64, "no run '2026'"),
        ("runs redeliver 2026", 64, "no run '2026'"),
        ("validate teams.csv --config absent.toml", 1, "absent.toml: no such file"),
        ("plugins --config absent.toml", 1, "absent.toml: no such file"),
        ("apply --frobnicate", 64, "No such option"),
        ("validate", 64, "Missing argument"),
    ],
)
def test_json_of_a_failure(commands: CommandLine, arguments: str, code: int, said: str) -> None:
    commands.manifest("team-a")
    ended = commands(*arguments.split(), "--json")
    told = ended.json()
    assert ended.code == told["exit_code"] == code
    assert said in told["error"]
    assert said in ended.err
    assert list(told) == (["error", "problems", "exit_code"] if code == 65 else ["error", "exit_code"])
    assert all(list(problem) == PROBLEM for problem in told.get("problems", []))


def test_results_files(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", name="team-b")])
    commands.manifest("team-a,Bern", "team-b,Rome", header="name,tag:City", file="Zürich.csv")
    assert commands("apply", "Zürich.csv", "--yes", "--results", "results.csv").code == 3
    header, *_ = (commands.folder / "results.csv").read_text(encoding="utf-8").splitlines()
    assert header.split(",") == RESULT
    made, refused = read_csv(commands.folder / "results.csv")
    (profile,) = sandbox.ledger().live
    assert made == {
        "file": "Zürich.csv",
        "line": "2",
        "account": "123456789012",
        "region": "us-east-1",
        "name": "team-a",
        "outcome": "created",
        "arn": profile.arn,
        "model": "amazon.nova-lite-v1:0",
        "tags": json.dumps(TAGS),
        "attempts": "1",
        "error_code": "",
        "error_message": "",
        "source_arn": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        "description": "",
        "old_arn": "",
    }
    assert (refused["line"], refused["outcome"], refused["error_code"]) == ("3", "failed", "AccessDeniedException")
    (run_id,) = [run["run_id"] for run in commands("runs", "--json").json()["runs"]]
    assert commands("report", run_id, "--results", "again.jsonl").code == 0
    lines = commands.results("again.jsonl")
    assert [list(line) for line in lines] == [RESULT, RESULT]
    assert lines[0] == {
        **made,
        "line": 2,
        "attempts": 1,
        "tags": {"City": "Bern", "bulkprof:estate": "tests", "bulkprof:keys": "City"},
    }


def test_plan_signs(commands: CommandLine, sandbox: Sandbox) -> None:
    rows = ("same,x,1", "changed,x,1", "redescribed,x,1", "gone,x,1")
    commands.manifest(*rows, header="name,description,tag:Team")
    assert commands.apply("teams.csv") == {"created": 4}
    commands.manifest("same,x,1", "changed,x,2", "redescribed,y,1", "new,x,1", header="name,description,tag:Team")
    ended = commands("plan", "teams.csv", "--prune")
    assert "+ new " in ended.out
    assert "~ changed  tags ~Team" in ended.out
    assert "! redescribed  refused: description 'x' -> 'y'" in ended.out
    assert "- gone  no manifest wants it" in ended.out
    assert " same " not in ended.out
    assert ended.out.splitlines()[-1] == (
        "Plan: + 1 to create, ~ 1 to update, - 1 to delete, = 1 unchanged, ! 1 refused, in 1 target."
    )
    replacing = commands("plan", "teams.csv", "--replace", "--json").json()
    assert replacing["actions"] == {"create": 1, "update": 1, "replace": 1, "delete": 0, "adopt": 0, "none": 1}
    assert [change["action"] for change in replacing["changes"]] == ["update", "replace", "create"]
    assert ended.code == 3
    assert sandbox.ledger().count("DeleteInferenceProfile") == 0


def test_every_common_flag_has_its_variable(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    (commands.folder / "bulkprof.toml").rename(commands.folder / "other.toml")
    commands.manifest("team-a", "team.b")
    for name, value in {
        "CONFIG": "other.toml",
        "STATE_DIR": "state",
        "JSON": "1",
        "YES": "true",
        "RESULTS": "out.jsonl",
        "SKIP_INVALID": "1",
        "NO_COLOR": "1",
        "REPLACE": "1",
    }.items():
        monkeypatch.setenv(f"BULKPROF_{name}", value)
    ended = commands("apply", "teams.csv")
    assert (ended.code, ended.json()["outcomes"]["created"]) == (3, 1)
    assert [line["name"] for line in commands.results("out.jsonl")] == ["team-a"]
    assert len(list((commands.folder / "state" / "runs").glob("*.db"))) == 1
    monkeypatch.setenv("BULKPROF_PRUNE", "1")
    monkeypatch.setenv("BULKPROF_DETAILED_EXITCODE", "1")
    commands.manifest("team-c")
    plan = commands("plan", "teams.csv").json()
    assert (plan["actions"]["delete"], plan["exit_code"]) == (1, 2)
    called = sandbox.ledger().count()
    monkeypatch.setenv("BULKPROF_SANDBOX", "1")
    assert commands("plan", "teams.csv").json()["actions"]["delete"] == 0
    assert sandbox.ledger().count() == called
