"""Siblings teach: targets without a rate of their own start from what others have learned, and find their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest

from bulkprof.model import Target
from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.pacer import Pacer
from bulkprof.pacing.pacers import Pacers
from bulkprof.pacing.rates import RateStore
from bulkprof.pacing.siblings import Siblings
from tests.simulation.siblings import OPERATION, Member, run
from tests.simulation.world import TokenBucket

SEEDS = range(6)
HERE, THERE = "us-east-1", "eu-west-1"


def _bucket(rate: float, burst: float) -> TokenBucket:
    return TokenBucket([(0.0, rate)], burst)


def _cold() -> list[Member]:
    return [Member(_bucket(10, 20)) for _ in range(20)]


@pytest.mark.parametrize("width", [None, 5, 1], ids=["all at once", "5 at once", "one by one"])
def test_twenty_cold_accounts_pay_for_one(width: int | None) -> None:
    alone = [run(_cold(), seed, siblings=None, width=width) for seed in SEEDS]
    taught = [run(_cold(), seed, siblings=Siblings(), width=width) for seed in SEEDS]
    assert fmean(fleet.throttles for fleet in alone) > 45
    assert max(fleet.throttles for fleet in taught) <= 15
    assert fmean(fleet.seconds for fleet in taught) <= 1.02 * fmean(fleet.seconds for fleet in alone)


def test_what_an_earlier_run_learned_spares_even_that() -> None:
    for seed in SEEDS:
        siblings = Siblings()
        siblings.add(HERE, OPERATION, 10, 20, targets=20)
        assert run(_cold(), seed, siblings=siblings).throttles <= 8


@pytest.mark.parametrize(("rate", "burst"), [(20, 40), (5, 10), (100, 100), (33, 20), (4, 10), (1, 2)])
def test_other_limits_gain_and_take_hardly_longer(rate: float, burst: float) -> None:
    members = [[Member(_bucket(rate, burst), round(max(60, 12 * rate))) for _ in range(20)] for _ in range(2)]
    alone, taught = (run(each, 1, siblings=known) for each, known in zip(members, (None, Siblings()), strict=True))
    assert taught.throttles <= alone.throttles
    # Those that follow leave a part of the first seconds unused: the faster the limit is, the more calls that are.
    assert taught.seconds <= 1.2 * alone.seconds


@pytest.mark.parametrize(
    ("rate", "burst", "calls", "longer"),
    [
        pytest.param(10, 20, 1000, 1.1, id="the same"),
        pytest.param(50, 50, 4000, 1.12, id="higher"),
        pytest.param(4, 10, 300, 1.02, id="lower"),
        pytest.param(10, 5, 300, 1.03, id="less at once"),
        pytest.param(10, 100, 1000, 1.1, id="more at once"),
        pytest.param(1, 2, 100, 1.02, id="far lower"),
    ],
)
def test_a_target_that_differs_finds_its_own_limit(rate: float, burst: float, calls: int, longer: float) -> None:
    for seed in SEEDS:
        alone = run([Member(_bucket(rate, burst), calls)], seed, siblings=None)
        siblings = Siblings()
        siblings.add(HERE, OPERATION, 10, 20, targets=50)
        taught = run([Member(_bucket(rate, burst), calls)], seed, siblings=siblings)
        assert taught.lanes[0].pacer.estimate == pytest.approx(rate, rel=0.1)
        assert taught.seconds <= longer * alone.seconds
        # At most two in a hundred calls more than without siblings, even where they mislead.
        assert taught.throttles <= alone.throttles + 20


def test_one_limit_for_all_regions_of_an_account_still_works() -> None:
    def members() -> list[Member]:
        limits = [_bucket(10, 20) for _ in range(5)]
        return [Member(limits[number % 5], 100, region=f"r{number // 5}") for number in range(20)]

    alone = [run(members(), seed, siblings=None) for seed in SEEDS]
    taught = [run(members(), seed, siblings=Siblings()) for seed in SEEDS]
    assert fmean(fleet.throttles for fleet in taught) <= fmean(fleet.throttles for fleet in alone)
    # Which of the four gets how much is a matter of chance, and the last one decides.
    assert fmean(fleet.seconds for fleet in taught) <= 1.25 * fmean(fleet.seconds for fleet in alone)


def test_without_limits_those_that_follow_keep_up() -> None:
    def members() -> list[Member]:
        return [Member(_bucket(1e6, 1e6), 1000) for _ in range(20)]

    alone, taught = run(members(), 1, siblings=None), run(members(), 1, siblings=Siblings())
    assert taught.throttles == 0
    assert taught.seconds < alone.seconds + 1.0


def test_the_region_counts_before_all_regions() -> None:
    siblings = Siblings()
    assert siblings.consensus(HERE, OPERATION) is None
    siblings.add(THERE, OPERATION, 40, 80, targets=9)
    siblings.add(HERE, OPERATION, 10, 20)
    here, elsewhere = siblings.consensus(HERE, OPERATION), siblings.consensus("ap-south-1", OPERATION)
    assert here is not None
    assert elsewhere is not None
    assert (here.per_second, here.burst, here.agree, here.targets) == (10, 20, 1, 1)
    assert (elsewhere.per_second, elsewhere.agree, elsewhere.targets) == (40, 9, 10)
    assert siblings.consensus(HERE, "Other") is None


def test_most_have_to_agree() -> None:
    siblings = Siblings()
    for number in range(10):
        siblings.add(HERE, OPERATION, 2.0**number, 10)
    assert siblings.consensus(HERE, OPERATION) is None
    siblings.add(HERE, OPERATION, 4.1, 10, targets=10)
    found = siblings.consensus(HERE, OPERATION)
    assert found is not None
    assert found.per_second == pytest.approx(4.1, rel=0.01)
    assert found.share == pytest.approx(11 / 21)


def test_what_a_target_tells_stands_for_what_it_told_before(tmp_path: Path) -> None:
    rates = RateStore(tmp_path)
    lesson = rates.lesson("111122223333", HERE, OPERATION)
    lesson.tell((10.0, 20.0))
    lesson.tell((40.0, 80.0))
    found = rates.siblings(HERE, OPERATION)
    assert found is not None
    assert (found.per_second, found.targets) == (40, 1)
    lesson.tell(None)
    assert rates.siblings(HERE, OPERATION) is None


def test_shared_limits_and_those_never_reached_teach_nothing(tmp_path: Path) -> None:
    now = 1_700_000_000.0
    rates = RateStore(tmp_path, clock=lambda: now)
    rates.save(
        {
            ("111122223333", HERE, OPERATION): LearnedRate(10, 20, now, shared=True),
            ("444455556666", HERE, OPERATION): LearnedRate(10, 20, now, at_least=True),
        }
    )
    rates.load()
    assert rates.siblings(HERE, OPERATION) is None
    again = rates.rate("111122223333", HERE, OPERATION)
    assert again is not None
    assert again.shared


def test_a_call_costs_the_same_however_many_siblings_there_are(tmp_path: Path) -> None:
    def steps(siblings: int) -> int:
        rates = RateStore(tmp_path / str(siblings), clock=lambda: 1_700_000_000.0)
        rates.save(
            {
                (f"{number:012d}", HERE, OPERATION): LearnedRate(10.0 + number % 7, 20, 1_700_000_000.0)
                for number in range(siblings)
            }
        )
        rates.load()
        pacers = Pacers(rates, 0.0)
        return _calls(lambda: _live(pacers.pacer(Target("999999999999", HERE), OPERATION)))

    assert steps(100) == steps(10_000)


def _live(pacer: Pacer) -> None:
    """A start, calls, throttles."""
    now = 0.0
    for number in range(200):
        now += pacer.wait(now)
        pacer.started(now)
        if number % 50 == 49:
            pacer.throttled(now + 0.1, now)
        else:
            pacer.accepted(now + 0.1, now)


def _calls(work: Callable[[], None]) -> int:
    """The calls of functions, built-in ones too, that `work` makes."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
