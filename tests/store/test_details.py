"""What a run file says of its run as a whole survives it, and is of its fields' types."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from bulkprof.errors import DamagedError
from bulkprof.model import Problem
from bulkprof.statuses import RunStatus
from bulkprof.store.details import Notes, RunDetails
from bulkprof.store.run import RunFile

FULL = RunDetails(
    "run-1",
    RunStatus.FINISHED,
    command="sync",
    manifests=("a.csv", "b.csv"),
    prune=True,
    accounts=("111122223333",),
    unreachable=(("111122223333", "us-east-1"),),
    alive=["boot", 1.5],
    waited_for=None,
    links={"s3": "s3://bucket/key"},
    sheets={"teams.xlsx#Teams": {"name": "A"}},
    knows_lost=2.0,
    elapsed_s=1.5,
    summary={"exit_code": 3},
    exit_code=4,
)


@pytest.mark.parametrize("details", [FULL, RunDetails("run-1")])
def test_details_survive(tmp_path: Path, details: RunDetails) -> None:
    with RunFile.create(tmp_path / "run.db", details) as run:
        assert run.details() == details


def test_what_is_noted_is_read_by_other_processes_and_the_rest_stays(tmp_path: Path) -> None:
    with RunFile.create(tmp_path / "run.db", FULL) as run, RunFile.open(run.path) as other:
        assert other.details().status is RunStatus.FINISHED
        run.note(status=RunStatus.RUNNING, summary=None)
        assert (other.details().status, other.details().summary) == (RunStatus.RUNNING, None)
        assert (other.details().manifests, other.details().command) == (FULL.manifests, "sync")


def test_problems_of_a_sheet_have_their_cells(tmp_path: Path) -> None:
    with RunFile.create(tmp_path / "run.db", RunDetails("run-1")) as run:
        run.note(sheets={"teams.xlsx#Teams": {"name": "A", "region": "AC"}})
        run.add_problems(
            [Problem("bad", file, line, "region") for file, line in (("teams.xlsx#Teams", 7), ("a.csv", 7))]
            + [Problem("bad", "teams.xlsx#Teams", 7), Problem("bad", "teams.xlsx#Teams", 0, "region")]
        )
        told = [str(problem) for problem in run.problems()]
    assert told == [
        "teams.xlsx#Teams!AC7: region: bad",
        "a.csv:7: region: bad",
        "teams.xlsx#Teams:7: bad",
        "teams.xlsx#Teams: region: bad",
    ]


def test_what_can_be_noted_is_a_detail_of_the_same_type() -> None:
    notes, details = get_type_hints(Notes), get_type_hints(RunDetails)
    assert notes == {name: details[name] for name in notes}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("status", "ended"),
        ("status", None),
        ("estate", 7),
        ("prune", "yes"),
        ("manifests", "a.csv"),
        ("elapsed_s", "long"),
        ("summary", [1]),
        ("exit_code", "0"),
        ("links", []),
        ("sheets", ["A"]),
    ],
)
def test_a_value_of_another_type_is_damage(tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "run.db"
    RunFile.create(path, FULL).close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))
    # Files of bulkprof 0.1.0 have no checksum that tells it before.
    connection.execute("DELETE FROM meta WHERE key = 'checksum'")
    connection.commit()
    connection.close()
    with RunFile.open(path) as run, pytest.raises(DamagedError, match=r"run\.db: is damaged \("):
        run.details()
