"""A state directory forgets old runs, and none that something still needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bulkprof.statuses import RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.pruning import YOUNG_S, prune_runs
from tests.cli.driver import CommandLine
from tests.factories import make_run

NOW = 1_800_000_000.0


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    directory = StateDirectory(tmp_path / "state")
    directory.prepare()
    return directory


def ran(
    state: StateDirectory, day: int, *, age_s: float = 2 * YOUNG_S, sinks: tuple[str, ...] = (), **meta: Any
) -> str:
    """A run of that day, whose file is so old."""
    run_id = f"202601{day:02}T000000Z-aaaaaa"
    with make_run(state.run_path(run_id), id=run_id, **{"status": RunStatus.FINISHED, **meta}) as run:
        run.expect_sinks(sinks)
    os.utime(state.run_path(run_id), (NOW - age_s, NOW - age_s))
    return run_id


def prune(state: StateDirectory, keep: int, **more: Any) -> tuple[list[str], dict[str, str]]:
    found = prune_runs(state, keep, clock=lambda: NOW, **more)
    assert bool(found.forgotten) is bool(found.freed_bytes)
    return found.forgotten, found.kept


def test_the_newest_stay(state: StateDirectory) -> None:
    runs = [ran(state, day) for day in range(1, 6)]
    assert prune(state, 2, dry=True) == ([runs[2], runs[1], runs[0]], {})
    assert len(state.run_ids()) == 5
    assert prune(state, 2) == ([runs[2], runs[1], runs[0]], {})
    assert state.run_ids() == [runs[4], runs[3]]
    assert prune(state, 2) == ([], {})
    assert not [path for path in state.runs.iterdir() if path.suffix != ".db"]


@pytest.mark.parametrize(
    ("old", "reason"),
    [
        ({"status": RunStatus.RUNNING}, "has not come to its end; `bulkprof resume` goes on with it"),
        ({"status": RunStatus.INTERRUPTED}, "has not come to its end; `bulkprof resume` goes on with it"),
        ({"sinks": ("s3", "slack")}, "is not delivered to s3, slack; `bulkprof runs redeliver` does it"),
        ({"estate": "other"}, "is the last one of estate 'other'"),
        ({"sandbox": True}, "is the last one of estate 'org'"),
        ({"age_s": YOUNG_S - 1}, "was at work within the last hour"),
    ],
)
def test_what_something_needs_stays(state: StateDirectory, old: dict[str, Any], reason: str) -> None:
    needed = ran(state, 1, **old)
    ran(state, 2)
    assert prune(state, 1) == ([], {needed: reason})


def test_a_run_that_failed_since_is_not_the_last_one_of_its_estate(state: StateDirectory) -> None:
    last, refused = ran(state, 1), ran(state, 2, status=RunStatus.REFUSED)
    ran(state, 3, status=RunStatus.INTERRUPTED)
    assert prune(state, 1) == ([refused], {last: "is the last one of estate 'org'"})


def test_a_damaged_file_stays(state: StateDirectory) -> None:
    damaged, newer = ran(state, 1), ran(state, 2)
    state.run_path(damaged).write_bytes(b"no run")
    os.utime(state.run_path(damaged), (0, 0))
    forgotten, kept = prune(state, 1)
    assert (forgotten, list(kept)) == ([], [damaged])
    assert state.run_ids() == [newer, damaged]


def test_another_run_may_forget_the_same_ones(state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, old, newest = (ran(state, day) for day in range(1, 4))
    listed = state.run_ids()
    state.forget([gone])
    monkeypatch.setattr(StateDirectory, "run_ids", lambda _: listed)
    assert prune(state, 1) == ([old], {})
    assert state.run_path(newest).exists()


def test_runs_are_forgotten_at_the_end_of_the_next(commands: CommandLine) -> None:
    state = StateDirectory(commands.folder / ".bulkprof")
    state.prepare()
    for day in (1, 2):
        ran(state, day, age_s=NOW, estate="tests", sandbox=True)
    commands.config("[state]\nkeep_runs = 1\n")
    ended = commands("apply", commands.manifest("a"), "--yes", "--sandbox", "--json")
    assert state.run_ids() == [ended.json()["run_id"]]


def test_the_command(commands: CommandLine) -> None:
    state = StateDirectory(commands.folder / ".bulkprof")
    state.prepare()
    runs = [ran(state, day, age_s=NOW) for day in range(1, 4)]
    trial = commands("runs", "prune", "--keep", "1", "--dry-run", "--json")
    assert trial.json()["forgotten"] == [runs[1], runs[0]]
    assert (trial.json()["dry_run"], "2 runs would be forgotten, 0." in trial.err) == (True, True)
    assert "2 runs forgotten, 0." in commands("runs", "prune", "--keep", "1").err
    assert state.run_ids() == [runs[2]]
    assert commands("runs", "prune", "--keep", "0").code == 64
    commands.config("[state]\nkeep_runs = 0\n")
    refused = commands("runs", "prune")
    assert (refused.code, "say how many to keep: --keep N" in refused.err) == (64, True)
