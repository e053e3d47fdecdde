"""The pacers of a run: one for each operation of a target, kept where it has learned something."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bulkprof.model import Target
from bulkprof.pacing.pacer import Pacer
from bulkprof.pacing.pacers import Pacers
from bulkprof.pacing.rates import FILE, RateStore
from bulkprof.profiles.operations import Operation

HERE, THERE = Target("111122223333", "eu-west-1"), Target("111122223333", "us-east-1")


def learn(pacer: Pacer) -> None:
    """Answers that were accepted between two throttles are what a rate is learned from."""
    now = 0.0
    for _ in range(2):
        for _ in range(20):
            pacer.started(now)
            pacer.accepted(now + 0.1, now)
            now += 0.1
        pacer.started(now)
        pacer.throttled(now + 0.1, now)
        now += 1.0


def test_there_is_one_for_each_operation_of_a_target(tmp_path: Path) -> None:
    pacers = Pacers(RateStore(tmp_path), headroom=0.0)
    one = pacers.pacer(HERE, Operation.CREATE)
    assert pacers.pacer(HERE, Operation.CREATE) is one
    assert len({id(one), id(pacers.pacer(HERE, Operation.TAG)), id(pacers.pacer(THERE, Operation.CREATE))}) == 3


def test_only_what_was_learned_is_kept_while_the_run_goes_on(tmp_path: Path) -> None:
    pacers = Pacers(RateStore(tmp_path), headroom=0.0)
    learned, other = pacers.pacer(HERE, Operation.CREATE), pacers.pacer(HERE, Operation.TAG)
    learn(learned)
    pacers.forget(HERE, [Operation.CREATE, Operation.TAG, Operation.DELETE])
    assert pacers.pacer(HERE, Operation.CREATE) is learned
    assert pacers.pacer(HERE, Operation.TAG) is not other


@pytest.mark.parametrize("headroom", [0.0, 0.25])
def test_what_was_learned_is_known_to_the_next_run(tmp_path: Path, headroom: float) -> None:
    first = Pacers(RateStore(tmp_path), headroom)
    assert first.rate(HERE, Operation.CREATE) is None
    learn(first.pacer(HERE, Operation.CREATE))
    rate = first.rate(HERE, Operation.CREATE)
    assert rate is not None
    assert first.keep() is None
    again = RateStore(tmp_path)
    again.load()
    second = Pacers(again, headroom)
    assert second.rate(HERE, Operation.CREATE) == pytest.approx(rate)
    # Of another target, what siblings know; of another operation, nothing.
    assert second.rate(THERE, Operation.CREATE) == pytest.approx(rate)
    assert second.pacer(THERE, Operation.CREATE).estimate is None
    assert second.rate(THERE, Operation.TAG) is None
    assert second.pacer(HERE, Operation.CREATE).estimate == pytest.approx(rate / (1.0 - headroom))


def test_nothing_is_written_where_nothing_was_learned(tmp_path: Path) -> None:
    pacers = Pacers(RateStore(tmp_path), headroom=0.0)
    pacers.pacer(HERE, Operation.CREATE)
    assert pacers.keep() is None
    assert not (tmp_path / FILE).exists()


def test_rates_that_cannot_be_kept_are_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    pacers = Pacers(RateStore(blocked), headroom=0.0)
    learn(pacers.pacer(HERE, Operation.CREATE))
    assert "learned rates" in (pacers.keep() or "")


@pytest.mark.parametrize("per_second", [0, 1e-300, 1e-9, 1e17])
def test_no_rate_that_a_file_may_hold_makes_a_target_wait_for_long(tmp_path: Path, per_second: float) -> None:
    rate = {"per_second": per_second, "burst": 1, "at": time.time()}
    rates = RateStore(tmp_path)
    rates.take({"rates": {f"{HERE.account}/{HERE.region}/Create": rate}})
    rates.take({"rates": {}, "siblings": {"/Create": [{"targets": 9, "per_second": per_second, "burst": 1}]}})
    for target in (HERE, THERE):
        pacer, now = Pacers(rates, headroom=0.0).pacer(target, "Create"), 0.0
        for number in range(40):
            assert 0.0 <= pacer.wait(now) <= 120.0
            now += pacer.wait(now)
            pacer.started(now)
            pacer.throttled(now + 0.1, now) if number % 5 == 4 else pacer.accepted(now + 0.1, now)
