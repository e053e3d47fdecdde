"""Files that are given by mistake: to be overwritten, or to be read as what they aren't."""

from __future__ import annotations

import os

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine

OVERWRITES = "would overwrite"


@pytest.mark.parametrize("command", ["apply", "sync"])
@pytest.mark.parametrize("flag", ["--results", "--failed"])
@pytest.mark.parametrize("written", ["teams.csv", "./teams.csv", "also.csv"])
def test_no_manifest_is_overwritten(
    commands: CommandLine, sandbox: Sandbox, command: str, flag: str, written: str
) -> None:
    manifest = commands.folder / commands.manifest("team-a")
    os.link(manifest, commands.folder / "also.csv")
    before = manifest.read_bytes()
    ended = commands(command, "teams.csv", "--yes", flag, written)
    assert ended.code == 64
    assert f"{flag} {written.removeprefix('./')}: {OVERWRITES} teams.csv" in ended.err
    assert manifest.read_bytes() == before
    assert not sandbox.ledger().live


def test_no_manifest_is_overwritten_later(commands: CommandLine, sandbox: Sandbox) -> None:
    manifest = commands.folder / commands.manifest("team-a")
    before = manifest.read_bytes()
    assert commands("plan", "teams.csv", "--out", "a.plan").code == 0
    assert OVERWRITES in commands("apply", "a.plan", "--yes", "--failed", "teams.csv").err
    run_id = commands.summary("apply", "a.plan", "--yes")["run_id"]
    ended = commands("report", run_id, "--failed", "teams.csv")
    assert (ended.code, OVERWRITES in ended.err) == (64, True)
    assert manifest.read_bytes() == before
    ended = commands("report", run_id, "--results", "new.csv", "--failed", "new.csv")
    assert (ended.code, "is the file of" in ended.err) == (64, True)


def test_a_manifest_is_no_damaged_run(commands: CommandLine) -> None:
    ended = commands("report", commands.manifest("team-a"))
    assert (ended.code, "teams.csv is neither a run nor a plan" in ended.err) == (64, True)
    assert "damaged" not in ended.err


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "a.plan"),
        ("sync", "a.plan", "--yes"),
        ("validate", "a.plan"),
        ("apply", "a.plan", "teams.csv", "--yes"),
    ],
)
def test_a_plan_is_no_manifest(commands: CommandLine, sandbox: Sandbox, command: tuple[str, ...]) -> None:
    assert commands("plan", commands.manifest("team-a"), "--out", "a.plan").code == 0
    ended = commands(*command)
    assert (ended.code, ended.err.count("\n")) == (64, 1), ended.err
    assert "a.plan: is a plan, not a manifest; `bulkprof apply` takes it, alone" in ended.err
    ended = commands("resume", "a.plan")
    assert (ended.code, "a.plan is a plan that was not begun; `bulkprof apply`" in ended.err) == (64, True), ended.err
    assert commands("runs", "--json").json()["runs"] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("teams.numbers", "save it as .xlsx"), ("my teams.csv.gz", "zcat 'my teams.csv.gz' | bulkprof validate -")],
)
def test_what_to_do_about_other_formats(commands: CommandLine, name: str, said: str) -> None:
    (commands.folder / name).write_bytes(b"PK")
    ended = commands("validate", name)
    assert (ended.code, said in ended.err) == (65, True), ended.err


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[organization.aliases]\nprod = 444455556666\n", "aliases.prod: must be a text: write it in double quotes"),
        ("estate = 7\n", "estate: must be a text: write it in double quotes (got 7)"),
        ('[lock]\ns3 = "bucket"\n', "lock.s3: write it as s3://bucket/key"),
    ],
)
def test_values_of_the_config(commands: CommandLine, config: str, said: str) -> None:
    (commands.folder / "bulkprof.toml").write_text(config, encoding="utf-8")
    ended = commands("validate", commands.manifest("team-a"))
    assert (ended.code, said in ended.err) == (1, True), ended.err


def test_tracebacks_can_be_read(commands: CommandLine) -> None:
    ended = commands.process("report", "20260101", "--debug")
    lines = ended.err.splitlines()
    assert "  Traceback (most recent call last):" in lines
    assert "⏎" not in ended.err
