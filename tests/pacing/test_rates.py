"""Learned rates between runs: kept, merged, forgotten, and never in the way."""

from pathlib import Path

import pytest

from bulkprof.pacing.pacer import LearnedRate
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
