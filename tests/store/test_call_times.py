"""When a run's calls were answered: second by second, and in longer slices where a run is long."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkprof.store.details import RunDetails
from bulkprof.store.parts import call_times
from bulkprof.store.run import RunFile
from bulkprof.totals import CallCount, CallTimes, Slices


@pytest.fixture
def path(tmp_path: Path) -> Path:
    RunFile.create(tmp_path / "run.db", RunDetails("run-1")).close()
    return tmp_path / "run.db"


def taken(path: Path, *batches: Slices) -> Slices:
    """What a file holds after these batches, read as another process would."""
    with RunFile.open(path) as run:
        for batch in batches:
            run.record([], times=batch)
    with RunFile.open(path) as run:
        run.check()
        return run.call_times()


def test_answers_are_counted_in_the_second_in_which_they_come() -> None:
    seconds = iter([100.2, 100.9, 101.0, 101.5])
    times = CallTimes(lambda: next(seconds))
    times.answered("Create")
    times.answered("Create", throttled=True)
    times.answered("Create", failed=True)
    times.answered("List")
    assert times.take() == {
        "Create": {100: CallCount(2, throttled=1), 101: CallCount(1, failed=1)},
        "List": {101: CallCount(1)},
    }
    assert times.take() == {}


def test_batches_of_one_second_add_up(path: Path) -> None:
    assert taken(path, {"Create": {5: CallCount(3, 1, 1)}}, {"Create": {5: CallCount(2, 0, 1), 6: CallCount(1)}}) == {
        "Create": {5: CallCount(5, 1, 2), 6: CallCount(1)}
    }


def test_slices_become_longer_so_that_there_are_never_too_many(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_times, "MOST_SLICES", 4)
    found = taken(path, {"Create": {at: CallCount(1) for at in range(100, 109)}}, {"List": {104: CallCount(1, 1)}})
    assert found == {
        "Create": {100: CallCount(4), 104: CallCount(4), 108: CallCount(1)},
        "List": {104: CallCount(1, 1)},
    }
    with RunFile.open(path) as run:
        assert run.details().slice_s == 4


def test_a_pause_makes_slices_no_longer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_times, "MOST_SLICES", 4)
    days_later = {at: CallCount(1) for at in (100, 101, 500_000, 500_001)}
    assert taken(path, {"Create": days_later}) == {"Create": days_later}
