"""Learned rates between runs: kept, merged, forgotten, and never in the way."""

import json
from pathlib import Path
from typing import Any

import pytest

from bulkprof.model import Target
from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.rates import STALE, RateStore
from bulkprof.profiles.operations import Operation

NOW = 1_700_000_000.0
KEY = ("111122223333", "eu-west-1", Operation.CREATE)


def _store(directory: Path) -> RateStore:
    return RateStore(directory, clock=lambda: NOW)


def test_a_rate_comes_back(tmp_path: Path) -> None:
    rate = LearnedRate(4.5, 10, NOW - 60)
    assert _store(tmp_path / "state").save({KEY: rate}) is None
    store = _store(tmp_path / "state")
    assert store.load() is None
    assert store.rate(*KEY) == rate
    assert store.rate("111122223333", "eu-west-1", Operation.GET) is None
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["rates.json"]


def test_runs_merge_and_the_newer_rate_stays(tmp_path: Path) -> None:
    other = ("444455556666", "us-east-1", Operation.TAG)
    _store(tmp_path).save({KEY: LearnedRate(4, 10, NOW - 10), other: LearnedRate(9, 9, NOW)})
    _store(tmp_path).save({KEY: LearnedRate(8, 10, NOW - 20)})
    store = _store(tmp_path)
    store.load()
    assert store.rate(*KEY) == LearnedRate(4, 10, NOW - 10)
    assert store.rate(*other) == LearnedRate(9, 9, NOW)


def test_stale_rates_are_dropped(tmp_path: Path) -> None:
    _store(tmp_path).save({KEY: LearnedRate(4, 10, NOW - STALE - 1)})
    store = _store(tmp_path)
    assert store.load() is None
    assert store.rate(*KEY) is None


def test_a_rate_from_a_clock_that_was_ahead_gives_way(tmp_path: Path) -> None:
    _store(tmp_path).save({KEY: LearnedRate(4, 10, NOW + 10 * STALE)})
    store = _store(tmp_path)
    store.load()
    assert store.rate(*KEY) == LearnedRate(4, 10, NOW)
    store.save({KEY: LearnedRate(8, 10, NOW)})
    store.load()
    assert store.rate(*KEY) == LearnedRate(8, 10, NOW)


def test_a_missing_file_is_a_cold_start(tmp_path: Path) -> None:
    assert _store(tmp_path).load() is None


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00", '{"a/b/c": {"per_second": "fast"}}', '{"a/b/c": 1}'])
def test_a_damaged_file_is_told_and_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "rates.json").write_text(content)
    store = _store(tmp_path)
    assert "rates.json" in (store.load() or "")
    store.save({KEY: LearnedRate(4, 10, NOW)})
    assert store.load() is None
    assert store.rate(*KEY) == LearnedRate(4, 10, NOW)


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "weren't kept" in (_store(tmp_path / "file").save({KEY: LearnedRate(4, 10, NOW)}) or "")


def test_rates_of_given_targets_go_to_another_process_and_come_home(tmp_path: Path) -> None:
    here, there = Target("111122223333", "eu-west-1"), Target("444455556666", "eu-west-1")
    home = _store(tmp_path / "home")
    known = LearnedRate(10, 20, NOW - 60)
    home.save({KEY: known, (there.account, there.region, Operation.TAG): LearnedRate(9, 9, NOW - 60)})
    home.load()
    data = json.loads(json.dumps(home.of([here])))
    assert data["rates"] == {"111122223333/eu-west-1/CreateInferenceProfile": vars_of(known)}

    away = _store(tmp_path / "away")
    assert away.take(data) is None
    assert away.rate(*KEY) == known
    assert away.rate(there.account, there.region, Operation.TAG) is None
    taught = away.siblings("eu-west-1", Operation.TAG)
    assert taught is not None
    assert taught.per_second == 9
    learned = LearnedRate(12, 24, NOW)
    away.save({KEY: learned})

    assert home.take(json.loads(json.dumps(away.of([here], siblings=False)))) is None
    assert home.save({}) is None
    again = _store(tmp_path / "home")
    again.load()
    assert again.rate(*KEY) == learned
    consensus = again.siblings("eu-west-1", Operation.CREATE)
    assert consensus is not None
    assert (consensus.per_second, consensus.targets) == (12, 1)


def vars_of(rate: LearnedRate) -> dict[str, float]:
    return {"per_second": rate.per_second, "burst": rate.burst, "at": rate.at}


def test_what_is_brought_home_late_is_older_than_what_is_known(tmp_path: Path) -> None:
    store = _store(tmp_path)
    store.save({KEY: LearnedRate(10, 20, NOW)})
    old = {"rates": {"/".join(KEY): {"per_second": 4, "burst": 8, "at": NOW - 60}}}
    assert store.take(old) is None
    assert store.rate(*KEY) == LearnedRate(10, 20, NOW)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "can't be read"),
        ({"rates": []}, "can't be read"),
        ({"rates": {"x": 1, "a/b/c": {"per_second": 1, "burst": 1, "at": NOW}}}, "1 of 2 learned rates"),
        ({"rates": {}, "siblings": []}, "what siblings learned"),
        ({"rates": {}, "siblings": {"/Create": [{"targets": "x"}]}}, "what siblings learned"),
        ({"siblings": {"/Create": [{"targets": 1, "per_second": float("nan"), "burst": 1}]}}, "what siblings learned"),
    ],
)
def test_damaged_rates_from_elsewhere_are_told(tmp_path: Path, data: Any, said: str) -> None:
    assert said in (_store(tmp_path).take(data) or "")


def test_a_pace_that_nothing_was_throttled_at_is_marked_in_the_file(tmp_path: Path) -> None:
    _store(tmp_path).save({KEY: LearnedRate(40, 0, NOW, at_least=True)})
    (kept,) = json.loads((tmp_path / "rates.json").read_text()).values()
    # An older bulkprof reads the first three, as a rate like any other.
    assert kept == {"per_second": 40, "burst": 0, "at": NOW, "at_least": True}
    store = _store(tmp_path)
    store.load()
    assert store.rate(*KEY) == LearnedRate(40, 0, NOW, at_least=True)
    assert store.siblings(KEY[1], KEY[2]) is None
