"""A run file whose bits have changed is used as it was approved, or refused in one line: never as anything else."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.errors import DamagedError, StateError
from bulkprof.model import Action, ActionKind, OutcomeKind, Problem, Target
from bulkprof.statuses import RunStatus
from bulkprof.store import seals
from bulkprof.store.run import RunFile
from tests.factories import TARGET, desire, make_run, plan_all

THERE = Target("222233334444", "eu-west-1")
FLIPS = int(os.environ.get("BULKPROF_FLIPS", "800"))
SEED = 20260101


def a_plan(path: Path) -> RunFile:
    """A plan of two targets with a bit of everything, as `plan --out` leaves it."""
    run = make_run(path, status=RunStatus.PLANNING, token_seed="seed", prune=True, replace=False, accounts=[])
    desire(run, "a", "b", "wrong", description="For team A")
    desire(run, "a", "c", target=THERE, tags={"Team": "a", "bulkprof:estate": "org"})
    run.add_problems([Problem("is wrong", "t.csv", 4)])
    run.end_intake()
    plan_all(run)
    run.save_plan([Action(0, TARGET, ActionKind.DELETE, "old", arn="arn:old", reason="nobody wants it")], anew=TARGET)
    run.drop_invalid()
    run.note(status=RunStatus.PLANNED)
    return run


def what_it_says(path: Path) -> tuple[Any, ...]:
    """All that is carried out of a plan: opened, checked and read as `apply` does."""
    with RunFile.open(path) as run:
        run.check()
        flags = replace(run.details(), alive=None)
        return flags, list(run.actions()), run.pending_targets(), [run.pending(t, 0, 99) for t in run.targets()]


@pytest.fixture(params=["a plan", "a run that was killed"])
def approved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.db"
    with a_plan(path) as run:
        if request.param == "a run that was killed":
            run.note(status=RunStatus.RUNNING, alive=["boot", 1.0])
            first, second, *_ = run.take_up(TARGET, 0, 9)
            run.record([closed_outcome(first, OutcomeKind.CREATED), closed_outcome(second, OutcomeKind.FAILED, "X")])
    return path


def test_any_bit_that_flips_is_told_or_harmless(approved: Path, tmp_path: Path) -> None:
    right, content = what_it_says(approved), approved.read_bytes()
    chance = random.Random(SEED)
    # Pages are mostly empty: every second flip is where something is written.
    written = [at for at, byte in enumerate(content) if byte]
    told = 0
    for number in range(FLIPS):
        at = chance.choice(written) if number % 2 else chance.randrange(len(content))
        bit = chance.randrange(8)
        damaged = bytearray(content)
        damaged[at] ^= 1 << bit
        path = tmp_path / "flipped.db"
        path.write_bytes(damaged)
        said = ""
        try:
            assert what_it_says(path) == right, (at, bit)
        except StateError as error:
            said = str(error)
        assert not said or (said.startswith(f"{path}: ") and "\n" not in said), (at, bit, said)
        told += bool(said)
        for left in tmp_path.iterdir():
            left.unlink()
    assert told > FLIPS / 5


def test_a_run_that_goes_on_is_sealed_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with a_plan(path) as run:
        first, *_ = run.pending(TARGET, 0, 9)
        run.record([closed_outcome(first, OutcomeKind.CREATED)])
        run.take_up(TARGET, 0, 9)
        run.check()
        run.save_plan([replace(each, kind=ActionKind.NONE) for each in run.wanted(TARGET)], anew=TARGET)
        run.check()
        run.add_problems([Problem("no such model", "t.csv", 3)])
        run.check()
        run.drop_invalid()
        run.check()
        run.clear_intake()
        run.check()
        with closing(sqlite3.connect(path)) as db:
            assert not seals.sealed(db)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE action SET name = 'z' WHERE name = 'b'", "its plan for 111122223333/us-east-1 isn't"),
        ("UPDATE action SET tags = '{}' WHERE name = 'c'", "its plan for 222233334444/eu-west-1 isn't"),
        ("UPDATE action SET arn = 'arn:other' WHERE name = 'old'", "its plan for"),
        ("UPDATE action SET old = '{\"tag:k\":\"v\"}' WHERE name = 'b'", "its plan for"),
        ("DELETE FROM action WHERE name = 'c'", "its plan for 222233334444/eu-west-1"),
        ("UPDATE target SET account = '999999999999' WHERE id = 1", "its plan for 999999999999/us-east-1"),
        ("DELETE FROM target WHERE id = 2", "its plan for a target"),
        ("UPDATE action SET target = 2 WHERE name = 'b'", "its plan for"),
        ("UPDATE invalid SET line = 3", "its invalid rows"),
    ],
)
def test_what_was_changed_is_told(tmp_path: Path, change: str, told: str) -> None:
    path = tmp_path / "plan.db"
    a_plan(path).close()
    _sql(path, change)
    with RunFile.open(path) as run, pytest.raises(DamagedError, match=told) as raised:
        run.check()
    assert str(raised.value).startswith(f"{path}: is damaged (")
    assert "move it away and make a new plan" in str(raised.value)


@pytest.mark.parametrize("key", ["id", "estate", "token_seed", "status", "prune"])
def test_values_that_were_changed_are_told_where_the_file_is_opened(tmp_path: Path, key: str) -> None:
    path = tmp_path / "plan.db"
    a_plan(path).close()
    _sql(path, f"UPDATE meta SET value = '\"other\"' WHERE key = '{key}'")
    with pytest.raises(DamagedError, match="what it says of its run"):
        RunFile.open(path)


@pytest.mark.parametrize(
    ("change", "read"),
    [
        ("UPDATE action SET kind = 'crexte'", lambda run: list(run.actions())),
        ("UPDATE action SET kind = 'crexte'", lambda run: run.plan_counts()),
        ("UPDATE action SET kind = 'crexte'", lambda run: run.pending_counts()),
        ("UPDATE action SET tags = '{\"a'", lambda run: list(run.actions())),
        ("UPDATE action SET tags = '[]'", lambda run: list(run.results())),
        ("UPDATE action SET attributes = x'ff'", lambda run: list(run.desired([OutcomeKind.CREATED]))),
        ("UPDATE action SET remove_tags = '[['", lambda run: list(run.actions())),
        ("UPDATE action SET refusal_code = 'X', refusal_outcome = 'fxiled'", lambda run: list(run.actions())),
        ("UPDATE outcome SET kind = 'crexted'", lambda run: list(run.results())),
        ("UPDATE outcome SET kind = 'crexted'", lambda run: run.outcome_counts()),
        ("UPDATE outcome SET kind = 'crexted'", lambda run: run.outcomes_after(0, 9)),
        ("UPDATE problem SET severity = 'x'", lambda run: list(run.problems())),
        ("UPDATE meta SET value = '{' WHERE key = 'prune'", lambda run: run.details().prune),
        ("UPDATE meta SET value = x'ff' WHERE key = 'prune'", lambda run: run.details().prune),
    ],
)
def test_what_no_run_writes_is_one_line(tmp_path: Path, change: str, read: Callable[[RunFile], object]) -> None:
    """Also in files that have no checksums."""
    path = tmp_path / "run.db"
    with a_plan(path) as run:
        run.record([closed_outcome(each, OutcomeKind.CREATED) for each in run.pending(TARGET, 0, 9)])
        as_in_version_1(run)
    _sql(path, change)
    with pytest.raises(DamagedError, match=r"run\.db: is damaged \("), RunFile.open(path) as run:
        read(run)


def as_in_version_6(run: RunFile) -> None:
    """Make of a file what was written before rows that begin on the same line were told apart."""
    for table in ("action", "problem"):
        _sql(run.path, f"ALTER TABLE {table} DROP COLUMN row")
    _sql(run.path, "CREATE TABLE lines AS SELECT DISTINCT file, line FROM invalid")
    _sql(run.path, "DROP TABLE invalid")
    _sql(run.path, "CREATE TABLE invalid (file TEXT, line INTEGER, PRIMARY KEY (file, line)) WITHOUT ROWID")
    _sql(run.path, "INSERT INTO invalid SELECT * FROM lines")
    _sql(run.path, "DROP TABLE lines")
    _sql(run.path, "PRAGMA user_version = 6")


def as_in_version_1(run: RunFile) -> None:
    """Make of a file what bulkprof 0.1.0 would have written. A column that came later has to be dropped here, too."""
    for table in ("seal", "sheet_row", "sheet_columns", "call_time"):
        _sql(run.path, f"DROP TABLE {table}")
    as_in_version_6(run)
    _sql(run.path, "ALTER TABLE action DROP COLUMN old")
    _sql(run.path, "DELETE FROM meta WHERE key = 'checksum'")
    _sql(run.path, "PRAGMA user_version = 1")


def test_a_file_without_checksums_is_used_and_gets_them(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with a_plan(path) as run:
        as_in_version_1(run)
    plain = shutil.copy(path, tmp_path / "plain.db")
    assert what_it_says(path) == what_it_says(plain)
    with RunFile.open(path) as run:
        run.note(status=RunStatus.RUNNING)
        run.save_plan(run.wanted(TARGET))
        run.check()
    _sql(path, "UPDATE action SET name = 'z' WHERE name = 'b'")
    with RunFile.open(path) as run, pytest.raises(DamagedError, match="111122223333/us-east-1"):
        run.check()


def _sql(path: Path, change: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(change)
    connection.commit()
    connection.close()
