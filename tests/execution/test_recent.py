"""What the last runs did lately, by the times of their files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bulkprof.execution.creation import CHANGES
from bulkprof.execution.engine import HEARTBEAT_S
from bulkprof.execution.recent import TAGS_SETTLE_S, RecentRuns
from bulkprof.execution.state import StateDirectory
from bulkprof.model import CallCount
from tests.execution.making import ESTATE, make_run

NOW = 1_000_000.0
SETTLE_S = 10.0


def waits(folder: Path, status: str, *, seconds_ago: float) -> float:
    """How long a run waits that comes after one of this status, whose file was written so long ago."""
    state = StateDirectory(folder)
    state.prepare()
    path = state.run_path("20260101T000000Z-aaaaaa")
    make_run(path, status=status).close()
    os.utime(path, (NOW - seconds_ago, NOW - seconds_ago))
    return RecentRuns(state, ESTATE, SETTLE_S, clock=lambda: NOW).unsettled_s


@pytest.mark.parametrize("status", ["running", "interrupted"])
@pytest.mark.parametrize(
    ("seconds_ago", "expected"), [(0.0, SETTLE_S + HEARTBEAT_S), (4.0, 7.0), (11.0, 0.0), (TAGS_SETTLE_S, 0.0)]
)
def test_what_a_run_may_have_sent_is_waited_for(
    tmp_path: Path, status: str, seconds_ago: float, expected: float
) -> None:
    assert waits(tmp_path, status, seconds_ago=seconds_ago) == pytest.approx(expected)


def test_a_run_that_ended_well_is_not_waited_for(tmp_path: Path) -> None:
    assert waits(tmp_path, "finished", seconds_ago=0.0) == 0.0


def test_a_clock_that_was_set_back_is_not_waited_for(tmp_path: Path) -> None:
    """The run's file is from the future: nobody can tell how long ago it was written, but no later than now."""
    assert waits(tmp_path, "running", seconds_ago=-3600.0) == SETTLE_S + HEARTBEAT_S


@pytest.mark.parametrize(
    ("operation", "waits"), [(None, False), ("ListInferenceProfiles", False), (CHANGES[0], True), (CHANGES[2], True)]
)
def test_lists_lag_behind_no_run_that_changed_nothing(tmp_path: Path, operation: str | None, *, waits: bool) -> None:
    state = StateDirectory(tmp_path)
    state.prepare()
    with make_run(state.run_path("20260101T000000Z-aaaaaa"), status="finished") as run:
        run.record([], {operation: CallCount(sent=1)} if operation else {})
    recent = RecentRuns(state, ESTATE, SETTLE_S)
    assert (recent.left_s > 0, recent.unsettled_s) == (waits, 0.0)
