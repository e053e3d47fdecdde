"""Numbers and nesting beyond all measure, in every file that people or machines may hand us: one line, never more."""

from __future__ import annotations

import hashlib

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine

DEEP, LONG = 100_000, "9" * 5_000


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (f"x = {'[' * DEEP}{']' * DEEP}", ":2: x: is nested too deeply"),
        (f"[plugins.p]\nx = {'[' * 900}{']' * 900}", ":3: x: is nested too deeply"),
        ("[plugins.p]\nx = " + "[\n" * 900 + "]\n" * 900, ":3: x: is nested too deeply"),
        (f"x = {'{a=' * 3000}1{'}' * 3000}", ":2: x: is nested too deeply"),
        (f"[run]\nattempts = {LONG}", ":3: attempts: the number has too many digits"),
        (f"[plugins.p]\nx = [1, {LONG}]", ":3: x: the number has too many digits"),
        (
            f"[run]\nattempts = {'9' * 4000}",
            ": run.attempts: Input should be less than or equal to 100 (got a number of",
        ),
        (
            f"[run]\nattempts = 0x{'f' * 6000}",
            ": run.attempts: Input should be less than or equal to 100 (got a number",
        ),
        (f"[run]\nsettle_s = {'9' * 400}", ": run.settle_s: "),
        (f"[models]\na = {'9' * 4000}", ": models.a: must be a text: write it in double quotes (got a number of"),
        (f"[prune]\ncount = -{'9' * 40}", ": prune.count: "),
    ],
)
def test_a_config(commands: CommandLine, config: str, told: str) -> None:
    commands.config("", base=f'estate = "tests"\n{config}\n')
    ended = commands("validate", commands.manifest("team-a"), "--json")
    assert ended.code == 1
    (line,) = ended.err.splitlines()
    assert line.startswith(f"error: bulkprof.toml{told}")
    assert len(line) < 250
    assert ended.json()["exit_code"] == 1


@pytest.mark.parametrize("name", ["deep.json", "deep.jsonl", "-"])
@pytest.mark.parametrize("row", ['{"name": "a", "x": %s}' % ("[" * DEEP + "]" * DEEP), '{"account": %s}' % (LONG * 9)])
def test_a_manifest(commands: CommandLine, name: str, row: str) -> None:
    text = row if name.endswith("l") else f"[{row}]"
    if name != "-":
        commands.write(name, text)
    ended = commands("validate", name, "--json", stdin=text.encode())
    assert ended.code == 65
    *problems, end = ended.err.splitlines()
    assert problems
    for problem in problems:
        assert problem.startswith(f"{name}:1: ")
        assert len(problem) < 300
    assert end.startswith("error: ")
    assert ended.json()["problems"]


@pytest.mark.parametrize("text", ["[" * DEEP, f'{{"x": {{"per_second": {"9" * 400}, "burst": 1, "at": 1}}}}', LONG])
def test_learned_rates(commands: CommandLine, sandbox: Sandbox, text: str) -> None:
    commands.manifest("team-a")
    (commands.folder / ".bulkprof").mkdir()
    commands.write(".bulkprof/rates.json", text)
    ended = commands("apply", "teams.csv", "--yes")
    assert ended.code == 0
    assert "rates.json: " in ended.err.splitlines()[0]
    assert len(sandbox.ledger().live) == 1


def test_the_record_in_a_lock(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest("team-a")
    (commands.folder / ".bulkprof" / "locks").mkdir(parents=True)
    commands.write(f".bulkprof/locks/{hashlib.sha256(b'tests').hexdigest()[:16]}.lock", "[" * 5000)
    assert commands.apply("teams.csv") == {"created": 1}


def test_the_sandboxes_journal(commands: CommandLine) -> None:
    commands.manifest("team-a")
    (commands.folder / ".bulkprof").mkdir()
    commands.write(".bulkprof/sandbox.journal", f'{{"account": {"[" * DEEP}\n')
    ended = commands("apply", "teams.csv", "--yes", "--sandbox")
    assert ended.code == 1
    assert "sandbox.journal is not a sandbox's state file" in ended.err
    assert len(ended.err.splitlines()) == 1
