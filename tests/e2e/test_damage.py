"""Damaged run files, and clocks that jump, as a user meets them."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from bulkprof.model import Target
from bulkprof.sandbox import Hypotheses, Sandbox
from bulkprof.statuses import RunStatus
from bulkprof.store.run import RunFile
from bulkprof.system import clocks
from bulkprof.totals import LostProfile
from tests.cli.driver import CommandLine
from tests.store.test_seals import as_in_version_1

ROWS = ["team-a,For team A,1", "team-b,For team B,2", "team-c,For team C,3"]
NAMES = [row.partition(",")[0] for row in ROWS]
FLIPS = 12
NEVER_DELIVERED = """\
from bulkprof.plugins import GiveUpError, Sink, hookimpl


class Never(Sink):
    async def deliver(self, outcomes):
        raise GiveUpError("not today")


@hookimpl
def bulkprof_sinks(run):
    return [Never()]
"""
SEED = 20260101


def planned(commands: CommandLine) -> bytes:
    commands.manifest(*ROWS, header="name,description,tag:Team")
    assert commands("plan", "teams.csv", "--out", "plan.db").code == 0
    return (commands.folder / "plan.db").read_bytes()


def flipped(content: bytes, at: int, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[at] ^= 1 << bit
    return bytes(damaged)


def places(content: bytes, text: bytes) -> Iterable[int]:
    at = -1
    while (at := content.find(text, at + 1)) >= 0:
        yield at


def the_run(commands: CommandLine) -> Path:
    (path,) = (commands.folder / ".bulkprof" / "runs").glob("*.db")
    return path


def damage(path: Path, change: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(change)
        database.commit()


@pytest.mark.parametrize("text", [b"team-b", b"For team B", b"arn:aws:bedrock"])
def test_a_bit_that_flipped_in_a_plan_makes_no_other_profile(
    commands: CommandLine, sandbox: Sandbox, text: bytes
) -> None:
    content = planned(commands)
    for at in places(content, text):
        (commands.folder / "plan.db").write_bytes(flipped(content, at + len(text) - 1, 0))
        ended = commands("apply", "plan.db", "--yes", "--json")
        assert ended.code == 1, at
        (line,) = ended.err.splitlines()
        assert line.startswith("error: plan.db: is damaged ("), at
        assert "move it away and make a new plan" in line
        assert ended.json()["exit_code"] == 1
    assert sandbox.ledger().calls == () or not sandbox.ledger().profiles


def test_any_bit_that_flips_in_a_plan(commands: CommandLine, sandbox: Sandbox) -> None:
    content = planned(commands)
    chance = random.Random(SEED)
    written = [at for at, byte in enumerate(content) if byte]
    for number in range(FLIPS):
        at, bit = chance.choice(written), chance.randrange(8)
        (commands.folder / "plan.db").write_bytes(flipped(content, at, bit))
        ended = commands("apply", "plan.db", "--yes", "--json", "--state-dir", f"state-{number}")
        assert ended.json()["exit_code"] == ended.code, (at, bit)
        if ended.code:
            assert len([line for line in ended.err.splitlines() if line.startswith("error: ")]) == 1, (at, bit)
            assert "Traceback" not in ended.err
        live = sorted(profile.name for profile in sandbox.ledger().live)
        assert live in ([], NAMES), (at, bit)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE action SET name = 'team-x' WHERE name = 'team-b'",
        "UPDATE action SET tags = '{\"'",
        "UPDATE action SET kind = 'crexte'",
        "UPDATE meta SET value = '{' WHERE key = 'estate'",
        "UPDATE meta SET value = '\"other\"' WHERE key = 'id'",
        "DELETE FROM action WHERE name = 'team-c'",
    ],
)
@pytest.mark.parametrize("sealed", [True, False])
def test_a_damaged_run_is_left_out_by_everything_else(
    commands: CommandLine, sandbox: Sandbox, change: str, sealed: bool
) -> None:
    commands.manifest(*ROWS, header="name,description,tag:Team")
    assert commands.apply("teams.csv") == {"created": 3}
    path = the_run(commands)
    with closing(RunFile.open(path)) as run:
        run.note(status=RunStatus.RUNNING)
        if not sealed:
            as_in_version_1(run)
    damage(path, change)
    calls = len(sandbox.ledger().calls)
    if sealed or change.startswith("UPDATE meta SET value = '{'"):
        for command in (("resume", path.stem), ("resume",)):
            ended = commands(*command, "--yes")
            assert (ended.code, len(ended.err.splitlines())) == (1, 1), command
            assert f"{path.name}: is damaged (" in ended.err
        assert len(sandbox.ledger().calls) == calls
    for command in (("runs",), ("runs", "--json"), ("report", path.stem), ("report", path.stem, "--json")):
        ended = commands(*command)
        assert ended.code in {0, 1}
        assert "Traceback" not in ended.err, command
        if command[0] == "report" and sealed:
            assert f"{path.name}: is damaged (" in ended.err.splitlines()[0], command
    # What it did is found, and what it may have done is waited for.
    assert commands.apply("teams.csv") == {"unchanged": 3}
    assert commands("runs").code == 0
    assert sorted(profile.name for profile in sandbox.ledger().live) == NAMES


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE outcome SET arn = CAST(arn AS BLOB)",
        "UPDATE outcome SET attempts = 'once'",
        "UPDATE replacement SET name = CAST(name AS BLOB)",
        "UPDATE call SET sent = NULL",
        "UPDATE delivery SET seq = 'all'",
        "UPDATE delivery SET sink = CAST(x'61ff' AS TEXT)",
        "UPDATE problem SET message = CAST(message AS BLOB)",
        "UPDATE target SET begun = 'no'",
        "UPDATE action SET remove_tags = 12",
    ],
)
def test_a_value_of_another_type_is_damage_like_any_other(commands: CommandLine, sandbox: Sandbox, change: str) -> None:
    """One bit of a record's header makes bytes of a text, and nothing of a number: no checksum is over these tables."""
    commands.write("sinks.py", NEVER_DELIVERED)
    commands.config('[plugins.sinks]\npath = "sinks.py"\n')
    commands.manifest(*ROWS, "team!d,,4", header="name,description,tag:Team")
    commands("apply", "teams.csv", "--yes", "--skip-invalid")
    path = the_run(commands)
    with closing(RunFile.open(path)) as run:
        run.take_over([LostProfile(Target("111122223333", "us-east-1"), "team-z", "arn:old", path.stem)])
    damage(path, change)
    for command in (
        ("runs",),
        ("report", path.stem),
        ("report", path.stem, "--json", "--results", "results.csv", "--failed", "failed.csv"),
        ("report", path.stem, "--markdown"),
        ("runs", "redeliver", path.stem),
        ("apply", "teams.csv", "--skip-invalid", "--yes", "--json"),
    ):
        ended = commands(*command)
        assert "unexpected error" not in ended.err, command
        if command[0] == "apply":
            assert ended.json()["outcomes"]["unchanged"] == 3, ended.err
    damage(path, "UPDATE meta SET value = '\"running\"' WHERE key = 'status'")
    damage(path, "DELETE FROM meta WHERE key = 'checksum'")
    calls = len(sandbox.ledger().calls)
    # Nothing is carried out by a problem's text or a sink's name, whatever they are.
    if not change.startswith(("UPDATE problem", "UPDATE delivery SET sink")):
        ended = commands("resume", path.stem, "--yes")
        assert (ended.code, f"{path.name}: is damaged (" in ended.err) == (1, True), ended.err
        assert len(sandbox.ledger().calls) == calls


def test_a_recent_run_that_is_damaged_is_a_warning(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest(*ROWS, header="name,description,tag:Team")
    assert commands.apply("teams.csv") == {"created": 3}
    path = the_run(commands)
    path.write_bytes(path.read_bytes()[:8000] + b"\xff" * 30_000)
    ended = commands("apply", "teams.csv", "--yes", "--json")
    assert (ended.code, ended.json()["outcomes"]["unchanged"]) == (0, 3)
    assert ended.err.count(f"warning: {Path('.bulkprof/runs') / path.name}: is damaged (") == 1
    assert f"what is new against the last run isn't known: {Path('.bulkprof/runs') / path.name}" in ended.err
    (row,) = [row for row in commands("runs", "--json").json()["runs"] if row["run_id"] == path.stem]
    assert "is damaged" in row["status"]


@pytest.mark.skipif(clocks.moment() is None, reason="this system has no clock that nobody can set")
@pytest.mark.parametrize("again", [("resume",), ("apply", "teams.csv")])
def test_a_clock_that_steps_forward_after_a_kill(
    commands: CommandLine, sandbox: Sandbox, again: tuple[str, ...]
) -> None:
    """Names aren't unique, tokens are forgotten, and the clock says that all was long ago."""
    sandbox.set_hypotheses(Hypotheses(unique_names=False, token_memory_s=0, list_lag_s=1.0))
    commands.config("", base='estate = "tests"\n[defaults]\nmodel = "amazon.nova-lite-v1:0"\n[run]\nsettle_s = 1.5\n')
    commands.manifest(*ROWS, header="name,description,tag:Team")
    assert commands.apply("teams.csv") == {"created": 3}
    path = the_run(commands)
    with closing(RunFile.open(path)) as run:
        # As a kill leaves it whose answers had come, and weren't written yet.
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM outcome")
        run.note(status=RunStatus.RUNNING, summary=None)
    for file in path.parent.iterdir():
        os.utime(file, (1e9, 1e9))
    ended = commands(*again, "--yes")
    assert ended.code == 0
    assert "until AWS's lists show what the last run sent" in ended.err
    assert sorted(profile.name for profile in sandbox.ledger().live) == NAMES
