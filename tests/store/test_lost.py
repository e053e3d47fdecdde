"""What is known of names that a replacement left without a profile goes from run to run, whatever clocks do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bulkprof.model import Action, ActionKind
from bulkprof.statuses import RunStatus
from bulkprof.store import lost
from bulkprof.store.history.compare import refresh_lost
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.run import RunFile
from tests.factories import TARGET, make_run

NOON = 1_700_000_000.0


class Nights:
    """Runs of one estate, each by a clock of its own."""

    def __init__(self, state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state, self.monkeypatch = state, monkeypatch

    def run(self, run_id: str, at: float, *, opens: str = "", ends: bool = True) -> list[str]:
        """A run that begins at `at`, and answers which names it knows to be open; it may open another."""
        self.monkeypatch.setattr(lost.time, "time", lambda: at)
        path = self.state.run_path(run_id)
        with make_run(path, id=run_id, sandbox=False) as run:
            refresh_lost(self.state, run)
            known = sorted(each.name for each in run.lost())
            if opens:
                run.note_open(Action(1, TARGET, ActionKind.REPLACE, opens, arn=f"arn:{opens}"))
            if ends:
                run.note(status=RunStatus.FINISHED, knows_lost=run.later())
        os.utime(path, (at, at))
        return known


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    return Nights(state, monkeypatch)


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        pytest.param(0, 60, 120, id="the clock goes on"),
        pytest.param(86_400, 60, 120, id="the first run's clock was a day ahead"),
        pytest.param(86_400, 60, 90_000, id="and the third came after that day"),
        pytest.param(0, -86_400, -86_000, id="the clock was set back, and stays"),
        pytest.param(0, 86_400, 60, id="the second run's clock was a day ahead"),
        pytest.param(0, 0, 0, id="the clock stands still"),
    ],
)
def test_the_last_to_learn_of_it_is_believed(
    nights: Nights, first: float, second: float, third: float, ends: bool
) -> None:
    assert nights.run("20260101T000000Z-1", NOON + first, opens="a") == []
    assert nights.run("20260102T000000Z-2", NOON + second, opens="b", ends=ends) == ["a"]
    assert nights.run("20260103T000000Z-3", NOON + third) == ["a", "b"]


def test_what_is_whole_again_stays_so_for_a_run_of_an_earlier_time(nights: Nights) -> None:
    nights.run("20260101T000000Z-1", NOON + 86_400, opens="a")
    nights.run("20260102T000000Z-2", NOON)
    with RunFile.open(nights.state.run_path("20260102T000000Z-2")) as run:
        run.is_whole(TARGET, ["a"])
    assert nights.run("20260103T000000Z-3", NOON + 60) == []
