"""Targets that were never throttled: the next run starts at the pace that they were served at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bulkprof.model import Target
from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.pacer import Pacer
from bulkprof.pacing.pacers import Pacers
from bulkprof.pacing.rates import RateStore
from tests.simulation.clients import Lane
from tests.simulation.world import Loop, Network, TokenBucket

CREATES = 2500
CALL_S = 0.00125
"""Of CPU for one call, as on a small machine."""
HERE = Target("111122223333", "eu-west-1")


class _Machine(Network):
    """Takes every call, one after the other: what a bare loop is bound by."""

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop, TokenBucket([(0.0, 1e9)], 1e9), 0)
        self._free = 0.0

    def call(self, answer: Callable[[bool], None]) -> None:
        self._free = max(self._free, self.loop.now) + CALL_S
        self.loop.at(self._free, lambda: answer(True))


def _sent(learned: LearnedRate | None, calls: int = CREATES) -> tuple[float, LearnedRate | None]:
    loop = Loop()
    pacer = Pacer(learned=learned)
    lane = Lane(_Machine(loop), pacer, calls)
    loop.run()
    return lane.tally.last, pacer.learned(1.0)


def test_a_warm_run_takes_no_longer_than_a_bare_loop() -> None:
    bare = CREATES * CALL_S
    cold, learned = _sent(None)
    assert cold > 1.7 * bare
    assert learned is not None
    assert learned.at_least
    assert learned.per_second == pytest.approx(1 / CALL_S, rel=0.05)
    warm, again = _sent(learned)
    assert warm < 1.05 * bare
    assert again is not None
    assert again.per_second >= learned.per_second


def test_few_calls_show_no_pace() -> None:
    assert _sent(None, 127)[1] is None
    assert _sent(None, 128)[1] is not None
    # Nor do they make what is known less.
    assert _sent(LearnedRate(800, 0, 0, at_least=True), 20)[1] is None


def test_a_throttle_at_that_pace_is_a_first_throttle() -> None:
    loop = Loop()
    pacer = Pacer(learned=LearnedRate(800, 0, 0, at_least=True))
    assert pacer.estimate is None
    lane = Lane(Network(loop, TokenBucket([(0.0, 20.0)], 40.0), 1), pacer, 600)
    loop.run()
    learned = pacer.learned(1.0)
    assert learned is not None
    assert not learned.at_least
    assert learned.per_second == pytest.approx(20, rel=0.05)
    # At 800 a second, more calls are on their way when the first throttle comes than at a cold start; once.
    assert lane.tally.throttled < 100


def test_headroom_leaves_its_part_of_that_pace_too() -> None:
    pacer = Pacer(learned=LearnedRate(100, 0, 0, at_least=True), headroom=0.5)
    pacer.started(0.0)
    assert pacer.wait(0.0) == pytest.approx(1 / 50)


def test_it_outlives_the_target_and_the_run(tmp_path: Path) -> None:
    first = Pacers(RateStore(tmp_path), 0.0)
    pacer, now = first.pacer(HERE, "Create"), 0.0
    for _ in range(300):
        now += 0.01
        pacer.started(now)
        pacer.accepted(now + 0.005, now)
    few = first.pacer(HERE, "List")
    few.started(0.0)
    few.accepted(0.1, 0.0)
    first.forget(HERE, ["Create", "List"])
    assert first.pacer(HERE, "Create") is pacer
    assert first.pacer(HERE, "List") is not few
    assert first.keep() is None

    rates = RateStore(tmp_path)
    rates.load()
    second = Pacers(rates, 0.0)
    assert second.rate(HERE, "Create") == pytest.approx(100)
    assert second.rate(HERE, "List") is None
    warm = second.pacer(HERE, "Create")
    warm.started(0.0)
    assert warm.wait(0.0) == pytest.approx(0.01)
