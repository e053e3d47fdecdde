"""Run files of older versions open, are shown, delivered and resumed; files of newer ones are refused."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulkprof.errors import StateError
from bulkprof.model import Problem
from bulkprof.statuses import RunStatus
from bulkprof.store.details import RunDetails
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.migrations import MIGRATIONS, NEWEST, migrate
from bulkprof.store.run import RunFile
from tests.cli.driver import CommandLine
from tests.factories import TARGET, desire, make_run, plan_all
from tests.store.test_seals import as_in_version_6

ASSETS = Path(__file__).parent.parent / "assets" / "runs"
MADE_BY_OTHERS = ["without-checksums", "with-checksums"]


@pytest.fixture(params=MADE_BY_OTHERS)
def old(request: pytest.FixtureRequest, commands: CommandLine) -> Path:
    """The folder of the commands, with the files of an older version in it."""
    shutil.copytree(ASSETS, commands.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*MADE_BY_OTHERS))
    shutil.copytree(ASSETS / request.param, commands.folder, dirs_exist_ok=True)
    (commands.folder / "state").rename(commands.folder / ".bulkprof")
    return commands.folder


def run_of(status: RunStatus) -> str:
    """The id of the run that ended so."""
    for run_id, run in StateDirectory(Path(".bulkprof")).open_all():
        assert isinstance(run, RunFile)
        if run.details().status is status:
            return run_id
    raise AssertionError(status)


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def tables(path: Path) -> dict[str, list[Any]]:
    """Every table's columns."""
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {name: db.execute(f"PRAGMA table_xinfo({name})").fetchall() for name in names}


def receipts(folder: Path) -> Counter[str]:
    return Counter((folder / "receipts.txt").read_text().splitlines())


def made_in(folder: Path) -> Counter[str]:
    """The names of the profiles that were ever made in the sandbox."""
    changes = map(json.loads, (folder / ".bulkprof" / "sandbox.journal").read_text().splitlines())
    return Counter(change["name"] for change in changes if change["change"] == "create")


def names(kind: str) -> list[str]:
    return [f"{kind}-{number}" for number in range(1, 7)]


def test_an_older_file_gets_the_tables_of_a_new_one(old: Path) -> None:
    RunFile.create(old / "new.db", RunDetails("new")).close()
    assert version_of(old / "plan.db") == 1
    with RunFile.open(old / "plan.db") as run:
        run.check()
    assert version_of(old / "plan.db") == version_of(old / "new.db") == NEWEST
    assert tables(old / "plan.db") == tables(old / "new.db")


def test_of_format_6_the_same_rows_stay_left_out(tmp_path: Path) -> None:
    """What was sealed then is what was approved; a line is all that it knows of an invalid row."""
    path = tmp_path / "run.db"
    wrong = Problem("no such model", "t.csv", 3, "model", "x")
    with make_run(path, status=RunStatus.PLANNING) as run:
        desire(run, "a", "b", "c")
        run.end_intake()
        plan_all(run)
        run.add_problems([wrong])
        run.drop_invalid()
        run.note(status=RunStatus.PLANNED)
        before = list(run.actions())
        as_in_version_6(run)
    with RunFile.open(path) as run:
        run.check()
        assert (version_of(path), list(run.actions()), list(run.problems())) == (NEWEST, before, [wrong])
        assert (run.invalid_count(), [action.line for action in before]) == (1, [2, 4])
        # Rows of one line aren't told apart there, so all of them go.
        run.add_problems([replace(wrong, line=4)])
        run.drop_invalid()
        run.check()
        assert ([action.name for action in run.wanted(TARGET)], run.invalid_count()) == (["a"], 2)
    RunFile.create(tmp_path / "new.db", RunDetails("new")).close()
    assert tables(path) == tables(tmp_path / "new.db")


@pytest.mark.parametrize("lacks", ["seal", "replacement"])
def test_a_file_that_was_written_between_releases_gets_what_it_lacks(old: Path, lacks: str) -> None:
    with closing(sqlite3.connect(old / "plan.db")) as db:
        db.execute(f"DROP TABLE IF EXISTS {lacks}")
    with RunFile.open(old / "plan.db") as run:
        run.save_plan(run.wanted(run.targets()[0]))
        run.check()
        assert run.lost() == []


def test_runs_are_listed_and_reported(old: Path, commands: CommandLine) -> None:
    listed = {row["status"]: row for row in commands("runs", "--json").json()["runs"]}
    assert set(listed) == {"finished", "interrupted"}
    assert listed["finished"]["outcomes"]["created"] == 6
    for status, made in (("finished", 6), ("interrupted", 3)):
        shown = commands("report", listed[status]["run_id"], "--json").json()
        assert (shown["status"], shown["outcomes"]["created"], len(shown["results"])) == (status, made, 6)
        assert commands("report", listed[status]["run_id"]).code == 0


def test_what_a_sink_missed_is_delivered_once(old: Path, commands: CommandLine) -> None:
    run_id = run_of(RunStatus.FINISHED)
    for _ in range(2):
        ended = commands("runs", "redeliver", run_id)
        assert ended.code == 0, ended.err
    assert receipts(old) == {f"{name} created": 1 for name in names("finished")}


def test_an_interrupted_run_goes_on_and_makes_each_profile_once(old: Path, commands: CommandLine) -> None:
    ended = commands("resume", run_of(RunStatus.INTERRUPTED), "--yes", "--json")
    assert ended.code == 0, ended.err
    assert ended.json()["outcomes"]["created"] == 6
    assert made_in(old) == Counter([*names("finished"), *names("interrupted")])
    assert receipts(old) == {f"{name} created": 1 for name in names("interrupted")}


def test_a_plan_is_shown_and_applied(old: Path, commands: CommandLine) -> None:
    shown = commands("report", "plan.db", "--json").json()
    assert (shown["status"], shown["actions"]["create"]) == ("planned", 6)
    ended = commands("apply", "plan.db", "--yes", "--json")
    assert ended.code == 0, ended.err
    assert ended.json()["outcomes"]["created"] == 6
    assert "applied already" in commands("report", "plan.db").err


def test_where_nothing_can_be_written_a_copy_is_brought_up_to_date(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old / "plan.db"
    content = path.read_bytes()

    def refused(*_: object, **__: object) -> bool:
        return False

    def open_refused(_: Path) -> RunFile:
        raise StateError("read-only")

    monkeypatch.setattr(os, "access", refused)
    monkeypatch.setattr(RunFile, "open", open_refused)
    with RunFile.look_at(path) as run:
        run.check()
        assert (run.details().status, run.action_counts(), run.lost()) == (RunStatus.PLANNED, (6, 0), [])
    assert path.read_bytes() == content


def test_the_time_of_the_last_write_stays(old: Path) -> None:
    """What was done in the last minutes is found by it."""
    with closing(sqlite3.connect(old / "plan.db")) as db:
        # As runs have it; it was taken off to make one file of each.
        db.execute("PRAGMA journal_mode = WAL")
    os.utime(old / "plan.db", (1_000_000_000, 1_000_000_000))
    RunFile.open(old / "plan.db").close()
    assert (version_of(old / "plan.db"), (old / "plan.db").stat().st_mtime) == (NEWEST, 1_000_000_000)


def test_a_migration_that_fails_leaves_the_file_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tables(old / "plan.db")

    def fails(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE half (x)")
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("bulkprof.store.migrations.MIGRATIONS", {**MIGRATIONS, NEWEST: fails})
    with pytest.raises(StateError, match=r"plan\.db: is damaged \(disk I/O error"):
        RunFile.open(old / "plan.db")
    assert (version_of(old / "plan.db"), tables(old / "plan.db")) == (1, before)


def test_two_processes_may_migrate_at_once(old: Path) -> None:
    with closing(sqlite3.connect(old / "plan.db", isolation_level=None)) as late:
        late.execute("PRAGMA user_version").fetchone()
        RunFile.open(old / "plan.db").close()
        migrate(late)
    assert version_of(old / "plan.db") == NEWEST


def test_a_newer_file_is_refused_in_one_line(old: Path, commands: CommandLine) -> None:
    run_id = run_of(RunStatus.FINISHED)
    path = old / ".bulkprof" / "runs" / f"{run_id}.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {NEWEST + 1}")
    said = f"was written by a newer bulkprof (format {NEWEST + 1}); upgrade bulkprof to use it"
    for command in (("report", run_id), ("runs", "redeliver", run_id), ("resume", run_id, "--yes")):
        ended = commands(*command)
        assert (ended.code, ended.err.count("\n")) == (1, 1), ended.err
        assert said in ended.err
    assert said in json.dumps(commands("runs", "--json").json())


def test_the_catalog_of_an_older_run(old: Path, commands: CommandLine) -> None:
    ended = commands("catalog", run_of(RunStatus.FINISHED))
    assert ended.code == 0, ended.err
    assert [entry["name"] for entry in json.loads(ended.out)] == names("finished")
