"""Hostile manifests and hostile answers of AWS, through the whole program: nothing acts, whichever way it comes out."""

from __future__ import annotations

import csv
import json

import pytest

from bulkprof.delivery import sinks
from bulkprof.sandbox import Fault, Sandbox
from tests.cli.driver import CommandLine, read_csv
from tests.e2e.others import Others
from tests.e2e.test_sinks import S3, SLACK, Slack, objects, slack
from tests.hostile import FILE, HOSTILE, WAYS, assert_harmless, assert_harmless_end, run_each_way

__all__ = ["slack"]

CELL = HOSTILE.replace("\x00", "")
"""What a CSV file can hold: no NUL."""
IN_XML = "".join(char for char in HOSTILE if char >= " " or char in "\t\n")
"""What an answer of STS can hold."""
ACCOUNTS = ("111111111111", "222222222222")


def write_hostile_rows(commands: CommandLine) -> str:
    with (commands.folder / FILE).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [
                ["name", "model", "region", "account", "description", "team", "tag:x!\n::stop-commands::tok", CELL],
                *([CELL if at == column else "" for at in range(6)] + ["x", CELL] for column in range(6)),
            ]
        )
    return FILE


@pytest.mark.parametrize("command", ["validate", "plan", "apply --yes", "sync --yes"])
def test_hostile_rows(commands: CommandLine, sandbox: Sandbox, command: str) -> None:
    text, as_json, *_ = run_each_way(commands, *command.split(), write_hostile_rows(commands), code=65)
    assert r"tag:x!⏎::stop-commands::tok" in text.err
    assert text.err.startswith(r"\x3a:add-mask::a⏎ ::error::b\x1b[2J\u202e.csv:")
    # Programs read the very values.
    assert {problem["file"] for problem in as_json.json()["problems"]} == {FILE}
    assert "tag:x!\n::stop-commands::tok" in {problem["column"] for problem in as_json.json()["problems"]}


def test_hostile_json_keys(commands: CommandLine) -> None:
    rows = [{"name": "a", HOSTILE: HOSTILE, "tags": {HOSTILE: HOSTILE}}, {"name": HOSTILE, HOSTILE: [HOSTILE]}]
    for name, text in (("a.json", json.dumps(rows)), ("b.jsonl", "\n".join(map(json.dumps, rows)))):
        commands.write(name, text)
        run_each_way(commands, "validate", name, code=65)


def test_hostile_paths_are_told(commands: CommandLine, sandbox: Sandbox) -> None:
    place = "x\x1b[2J\n::error::y"
    (commands.folder / place).mkdir()
    commands.manifest("team-a")
    flags = ["--state-dir", f"{place}/state", "--config", f"{place}/bulkprof.toml"]
    assert_harmless_end(commands("init", place))
    assert_harmless_end(commands("runs", *flags[:2]))
    (commands.folder / "bulkprof.toml").rename(commands.folder / place / "bulkprof.toml.new")
    (commands.folder / place / "bulkprof.toml.new").replace(commands.folder / place / "bulkprof.toml")
    files = ["--results", f"{place}/a.csv", "--failed", f"{place}/b.csv"]
    ended = commands("apply", "teams.csv", "--yes", *flags, *files)
    assert ended.code == 0, ended.err
    assert r"results: x\x1b[2J⏎::error::y/a.csv" in ended.err
    assert_harmless_end(ended)
    assert_harmless_end(commands("plan", "teams.csv", *flags, "--out", f"{place}/plan.db"))


def hostile_aws(sandbox: Sandbox, operation: str = "CreateInferenceProfile", message: str = HOSTILE) -> None:
    sandbox.set_faults([Fault("access_denied", operation=operation, message=message)])


def test_a_run_that_aws_answers_with_harm(
    commands: CommandLine, sandbox: Sandbox, others: Others, slack: Slack
) -> None:
    others.client("s3").create_bucket(Bucket="reports")
    commands.config(S3 % "csv" + SLACK % "always")
    hostile_aws(sandbox)
    commands.manifest("team-a,=1+1,+41 22", "team-b,@x,-1", header="name,note,tag:Phone", file=FILE)
    files = ("--results", "results.csv", "--failed", "failed.csv")
    for ended in run_each_way(commands, "apply", FILE, "--yes", *files, code=3):
        assert "stop-commands" in ended.out + ended.err
    for run in commands("runs", "--json").json()["runs"]:
        run_each_way(commands, "report", run["run_id"], code=0)
    page = commands("report", run["run_id"], "--markdown")
    assert_harmless_end(page)
    assert "stop-commands" in page.out
    assert_harmless_end(commands("plan", FILE, "--out", "plan.db"))
    assert_harmless_end(commands("report", "plan.db", "--markdown"))
    run_each_way(commands, "runs", code=0)
    own = (commands.folder / "results.csv").read_text(encoding="utf-8")
    stored = [text for name, text in objects(others).items() if name.endswith(".csv")]
    assert len(stored) == len(WAYS)
    for table in (own, *stored):
        assert_harmless(table)
        assert table.count("\n") == 3
    for message in slack.messages:
        assert_harmless(message["text"])
        for block in message["blocks"]:
            assert block["text"]["verbatim"] is True
            assert_harmless(block["text"]["text"])
            assert "<!channel>" not in block["text"]["text"]
            assert "`f`" not in block["text"]["text"]
    assert "stop-commands" in json.dumps(slack.messages)


def test_results_for_spreadsheets_and_the_very_values(commands: CommandLine, sandbox: Sandbox) -> None:
    said = "=cmd|'/C calc'!A0\n\x1b[2J;=2"
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", message=said)])
    commands.manifest('team-a,=1+1,+41 22,"-1\nx"', header="name,note,tag:Phone,more", file="=x.csv")
    run = commands.summary("apply", "=x.csv", code=3)["run_id"]
    (line,) = commands.results()
    assert (line["error_message"], line["file"]) == (said, "=x.csv")
    assert_harmless((commands.folder / "results.jsonl").read_text(encoding="utf-8"))
    for flags, message, file in (
        ((), r"'=cmd|'/C calc'!A0⏎\x1b[2J;'=2", "'=x.csv"),
        (("--csv-cells", "safe"), r"'=cmd|'/C calc'!A0⏎\x1b[2J;'=2", "'=x.csv"),
        (("--csv-cells", "raw"), said, "=x.csv"),
    ):
        assert commands("report", run, "--results", "again.csv", *flags).code == 0
        (row,) = read_csv(commands.folder / "again.csv")
        assert (row["error_message"], row["file"]) == (message, file)
    # Rows to mend come back as they were, unless they are asked to be safe.
    for flags, note, phone in (((), "=1+1", "+41 22"), (("--csv-cells", "safe"), "'=1+1", "'+41 22")):
        assert commands("report", run, "--failed", "mend.csv", *flags).code == 0
        (row,) = read_csv(commands.folder / "mend.csv")
        assert (row["note"], row["tag:Phone"]) == (note, phone)
    sandbox.set_faults([])
    assert commands("report", run, "--failed", "mend.csv").code == 0
    assert commands.apply("mend.csv") == {"created": 1}
    assert sandbox.ledger().live[0].tags["Phone"] == "+41 22"


def test_an_export_is_read_again_as_it_was(
    commands: CommandLine, sandbox: Sandbox, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    others.create("team-a", {"Phone": "+41 22", "Sum": "=1+1", "bulkprof:estate": "tests"})
    assert commands("export", "--out", "found.csv").code == 0
    (row,) = read_csv(commands.folder / "found.csv")
    assert (row["tag:Phone"], row["tag:Sum"]) == ("+41 22", "=1+1")
    assert commands("plan", "found.csv", "--json").json()["actions"]["create"] == 0
    monkeypatch.setenv("BULKPROF_CSV_CELLS", "safe")
    assert commands("export", "--out", "found.csv").code == 0
    (row,) = read_csv(commands.folder / "found.csv")
    assert (row["tag:Phone"], row["tag:Sum"]) == ("'+41 22", "'=1+1")


def test_accounts_that_refuse_with_harm(commands: CommandLine, sandbox: Sandbox) -> None:
    hostile_aws(sandbox, "AssumeRole", IN_XML)
    commands.manifest("here,", *(f"team-{at},{account}" for at, account in enumerate(ACCOUNTS)), header="name,account")
    for ended in run_each_way(commands, "apply", "teams.csv", "--yes", code=3):
        assert "stop-commands" in ended.err
    text = commands("plan", "teams.csv")
    # The block's own lines are still lines.
    assert "\n  why: AssumeRole: " in text.err
    assert f"\n  {', '.join(ACCOUNTS)}\n" in text.err
    commands.manifest(*(f"team-{at},{account}" for at, account in enumerate(ACCOUNTS)), header="name,account")
    run_each_way(commands, "apply", "teams.csv", "--yes", code=1)
    run_each_way(commands, "export", "--accounts", ACCOUNTS[0], code=1, json_too=False)


@pytest.mark.parametrize(
    "hook",
    [
        "def bulkprof_check_profile(profile): raise ValueError(TEXT)",
        "def bulkprof_check_profile(profile): raise RuntimeError(TEXT)",
        "def bulkprof_check_plan(plan): return [Problem(TEXT), Problem(TEXT, severity='warning')]",
        "def bulkprof_run_finished(summary): raise ValueError(TEXT)",
    ],
)
def test_a_plugin_that_says_harm_does_none(commands: CommandLine, sandbox: Sandbox, hook: str) -> None:
    commands.config('[plugins.rules]\npath = "rules.py"\n')
    commands.manifest("team-a")
    lines = ["from bulkprof.plugins import Problem, hookimpl", f"TEXT = {HOSTILE!r}", "@hookimpl", hook, ""]
    commands.write("rules.py", "\n".join(lines))
    for way in WAYS:
        ended = commands("apply", "teams.csv", "--yes", *way)
        assert "stop-commands" in ended.err
        assert_harmless_end(ended)


def test_a_plugin_that_says_harm_when_it_is_loaded_does_none(commands: CommandLine) -> None:
    commands.config('[plugins.rules]\npath = "rules.py"\n')
    commands.write("rules.py", f"raise ValueError({HOSTILE!r})")
    assert_harmless_end(commands("plugins"))
    assert_harmless_end(commands("plugins", "check", "rules.py"))


def test_a_terminal_that_draws(commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile_aws(sandbox)
    commands.manifest("team-a", file=FILE)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    for arguments in (["plan", FILE], ["apply", FILE, "--yes"], ["runs"]):
        ended = commands(*arguments)
        assert "\x1b[" in ended.out
        assert_harmless(ended.out, coloured=True)
        # Bars move the cursor, so only their lines are left to look at.
        assert "\x1b]" not in ended.err
        assert "\n::" not in ended.err
    assert "[link=" in commands("report", commands("runs", "--json").json()["runs"][0]["run_id"]).out


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "backoff", lambda attempt: 0.01)
