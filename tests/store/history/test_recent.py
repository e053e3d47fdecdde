"""What the last runs did lately, by what their files say of themselves."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.errors import StateError
from bulkprof.model import ActionKind, OutcomeKind
from bulkprof.profiles.operations import CHANGES
from bulkprof.statuses import RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.recent import TAGS_SETTLE_S, RecentRuns
from bulkprof.store.run import RunFile
from bulkprof.system import clocks
from bulkprof.system.clocks import HEARTBEAT_S
from bulkprof.totals import CallCount
from tests.factories import ESTATE, TARGET, desire, make_run, plan_all

NOW = 1_000_000.0
SETTLE_S = 10.0
BOOT = "this boot"
UPTIME = 50_000.0
FULL = SETTLE_S + HEARTBEAT_S
RUN = "20260101T000000Z-aaaaaa"


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    directory = StateDirectory(tmp_path)
    directory.prepare()
    return directory


def ended(state: StateDirectory, status: RunStatus, *, written: float, run_id: str = RUN, **meta: Any) -> Path:
    """A run's file, written so many seconds ago by the time of day."""
    path = state.run_path(run_id)
    run = make_run(path, status=status, **meta)
    desire(run, "a")
    if status == RunStatus.FINISHED:
        run.record([closed_outcome(each, OutcomeKind.CREATED, arn="arn:a") for each in run.wanted(TARGET)])
    run.close()
    os.utime(path, (NOW - written, NOW - written))
    return path


def alive(seconds_ago: float, boot: str = BOOT) -> list[Any]:
    return [boot, UPTIME - seconds_ago]


def look(state: StateDirectory) -> RecentRuns:
    def since(then: Any) -> float | None:
        return max(0.0, UPTIME - then[1]) if then and then[0] == BOOT else None

    return RecentRuns(state, ESTATE, SETTLE_S, clock=lambda: NOW, since=since)


@pytest.mark.parametrize("written", [0.0, 3600.0, -3600.0, 86_400.0])
@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.INTERRUPTED])
@pytest.mark.parametrize(("ago", "expected"), [(0.0, FULL), (4.0, 7.0), (11.0, 0.0), (TAGS_SETTLE_S, 0.0)])
def test_what_a_run_may_have_sent_is_waited_for_however_clocks_are_set(
    state: StateDirectory, status: RunStatus, ago: float, expected: float, written: float
) -> None:
    ended(state, status, written=written, alive=alive(ago))
    assert look(state).unsettled_s == pytest.approx(expected)


@pytest.mark.parametrize("kept", [None, alive(3600.0, "another boot"), [BOOT], 7, "x"])
def test_what_nobody_can_date_is_waited_for_in_full_and_once(state: StateDirectory, kept: Any) -> None:
    """A reboot, another machine, a run that an older bulkprof left behind."""
    ended(state, RunStatus.RUNNING, written=3600.0, **({} if kept is None else {"alive": kept}))

    def since(then: Any) -> float | None:
        return None

    def again() -> RecentRuns:
        return RecentRuns(state, ESTATE, SETTLE_S, clock=lambda: NOW + 7200.0, since=since)

    recent = again()
    assert recent.unsettled_s == pytest.approx(FULL)
    assert recent.left_s == pytest.approx(FULL, abs=1.0)
    recent.waited()
    # Noting it has written the file just now.
    os.utime(state.run_path(RUN), (NOW, NOW))
    assert again().unsettled_s == 0.0
    with RunFile.open(state.run_path(RUN)) as run:
        run.note(alive=alive(0.0, "a third boot"))
    assert again().unsettled_s == pytest.approx(FULL)


def test_a_run_that_ended_well_is_not_waited_for_but_looked_at(state: StateDirectory) -> None:
    ended(state, RunStatus.FINISHED, written=3600.0, alive=alive(2.0))
    recent = look(state)
    assert recent.unsettled_s == 0.0
    assert recent.left_s == pytest.approx(FULL - 2.0, abs=1.0)
    assert recent.of(TARGET).made == {"a": "arn:a"}


def test_what_lists_have_caught_up_with_is_not_looked_at(state: StateDirectory) -> None:
    ended(state, RunStatus.FINISHED, written=0.0, alive=alive(TAGS_SETTLE_S + HEARTBEAT_S))
    recent = look(state)
    assert (recent.left_s, recent.of(TARGET).made, recent.of(TARGET).tagged) == (0.0, {}, frozenset())


def test_a_run_that_has_unknown_rows_is_waited_for(state: StateDirectory) -> None:
    path = ended(state, RunStatus.RUNNING, written=0.0)
    with RunFile.open(path) as run:
        run.record([closed_outcome(each, OutcomeKind.UNKNOWN) for each in run.wanted(TARGET)])
        run.note(status=RunStatus.FINISHED, alive=alive(1.0))
    assert look(state).unsettled_s == pytest.approx(FULL - 1.0)
    with RunFile.open(path) as run:
        run.note(summary={"outcomes": {"unknown": 1}})
    assert look(state).unsettled_s == pytest.approx(FULL - 1.0)


def test_a_plan_that_was_applied_after_a_later_run_is_seen(state: StateDirectory) -> None:
    """Its id says when it was planned."""
    ended(state, RunStatus.FINISHED, written=600.0, run_id="20260102T000000Z-bbbbbb", alive=alive(600.0))
    ended(state, RunStatus.RUNNING, written=500.0, alive=alive(1.0))
    assert look(state).unsettled_s == pytest.approx(FULL - 1.0)


def test_runs_before_one_that_finished_long_ago_are_not_opened(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        ended(
            state, RunStatus.FINISHED, written=1e5 - number, run_id=f"2026010{number}T000000Z-aaaaaa", alive=alive(4e4)
        )
    opened: list[Path] = []
    really = RunFile.open
    monkeypatch.setattr(RunFile, "open", lambda path: (opened.append(path), really(path))[1])
    look(state)
    assert opened == [state.run_path("20260104T000000Z-aaaaaa")]


def test_another_estate_counts_for_nothing(state: StateDirectory) -> None:
    ended(state, RunStatus.RUNNING, written=0.0, alive=alive(0.0), estate="another")
    assert look(state).unsettled_s == 0.0


def test_a_damaged_file_costs_a_warning_and_the_wait(state: StateDirectory) -> None:
    path = ended(state, RunStatus.FINISHED, written=0.0)
    path.write_bytes(path.read_bytes()[:5000] + b"\xff" * 5000)
    os.utime(path, (NOW, NOW))
    recent = look(state)
    assert recent.unsettled_s == FULL
    (said,) = recent.damage()
    assert said.startswith(f"{path}: is damaged (")
    assert not recent.of(TARGET).made


def test_seconds_of_this_boot() -> None:
    now = clocks.moment()
    if now is None:
        pytest.skip("this system has no such clock")
    assert clocks.seconds_since([now[0], now[1] - 5.0]) == pytest.approx(5.0, abs=2.0)
    assert clocks.seconds_since([now[0], now[1] + 500.0]) == 0.0
    for other in (None, [], "x", ["another", now[1]], [now[0], "x"], [now[0]]):
        assert clocks.seconds_since(other) is None


def test_an_error_that_is_no_damage_is_not_told(state: StateDirectory) -> None:
    state.run_path(RUN).touch()
    recent = look(state)
    assert not recent.damage()
    with pytest.raises(StateError, match="not a bulkprof run file"):
        RunFile.open(state.run_path(RUN))


@pytest.mark.parametrize(
    ("operation", "waits"), [(None, False), ("ListInferenceProfiles", False), (CHANGES[0], True), (CHANGES[2], True)]
)
def test_lists_lag_behind_no_run_that_changed_nothing(
    state: StateDirectory, operation: str | None, *, waits: bool
) -> None:
    with make_run(state.run_path(RUN), status=RunStatus.FINISHED) as run:
        run.record([], {operation: CallCount(sent=1)} if operation else {})
    recent = RecentRuns(state, ESTATE, SETTLE_S)
    assert (recent.left_s > 0, recent.unsettled_s) == (waits, 0.0)


@pytest.mark.parametrize(("arn", "old_arn"), [("arn:again", "arn:old"), ("", "arn:old"), ("arn:old", "")])
def test_a_replacement_that_failed_half_done_is_waited_for(state: StateDirectory, arn: str, old_arn: str) -> None:
    """Lists may still show the old profile, and not yet the one that was made again in its place."""
    path = state.run_path(RUN)
    with make_run(path, status=RunStatus.FINISHED, alive=alive(0.0)) as run:
        desire(run, "a")
        plan_all(run, ActionKind.REPLACE)
        (action,) = run.wanted(TARGET)
        run.record([replace(closed_outcome(action, OutcomeKind.FAILED, "no"), arn=arn, old_arn=old_arn)])
    os.utime(path, (NOW, NOW))
    assert look(state).unsettled_s == (FULL if old_arn else 0.0)
