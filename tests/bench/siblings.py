"""What siblings teach: twenty cold accounts together, and what a call costs where many targets share an operation."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from bulkprof.model import Target
from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.pacers import Pacers
from bulkprof.pacing.rates import RateStore
from bulkprof.pacing.siblings import Siblings
from tests.bench.table import Line
from tests.simulation.siblings import OPERATION, Fleet, Member, run
from tests.simulation.world import TokenBucket

SEEDS = range(12)
ACCOUNTS = 20
CALLS = 150
SIZES = (100, 1_000, 10_000)
PROBES = 2_000


def bench() -> Iterator[Line]:
    """Throttles and time beside targets that learn alone; then microseconds per call and target at three sizes."""
    what = f"{ACCOUNTS} cold accounts at 10/s, burst 20, {CALLS} creates each"
    for width, how in ((None, "all at once"), (5, "5 at once"), (1, "one by one")):
        taught, alone = (cold(width, taught=taught) for taught in (True, False))
        ours, other = (fmean(fleet.throttles for fleet in fleets) for fleets in (taught, alone))
        yield Line(f"{what}, {how}: throttles per 1,000", ours, "", other, "each by itself", 1)
        ours, other = (fmean(fleet.seconds for fleet in fleets) for fleets in (taught, alone))
        yield Line(f"{what}, {how}: time", ours, "s", other, "s, each by itself", 1)
    costs = [cost(size) for size in SIZES]
    for size, (target, call) in zip(SIZES, costs, strict=True):
        yield Line(f"pacing, {size:,} siblings: CPU per target", target, "µs", costs[0][0], "µs, 100 siblings", 1)
        yield Line(f"pacing, {size:,} siblings: CPU per call", call, "µs", costs[0][1], "µs, 100 siblings", 1)


def cold(width: int | None, *, taught: bool) -> list[Fleet]:
    """The accounts of the first lines, with one seed after the other."""
    return [
        run(
            [Member(TokenBucket([(0.0, 10.0)], 20.0), CALLS) for _ in range(ACCOUNTS)],
            seed,
            siblings=Siblings() if taught else None,
            width=width,
        )
        for seed in SEEDS
    ]


def cost(siblings: int) -> tuple[float, float]:
    """Microseconds of CPU of a new target's start and end, and of one call, where so many are known."""
    with tempfile.TemporaryDirectory() as folder:
        rates = RateStore(Path(folder))
        known = [Target(f"{number:012d}", "us-east-1") for number in range(siblings)]
        rates.save({(*_place(t), OPERATION): LearnedRate(5.0 + n % 11, 20.0, time.time()) for n, t in enumerate(known)})
        rates.load()
        pacers = Pacers(rates, 0.0)
        targets = [Target(f"{number:012d}", "eu-west-1") for number in range(siblings, siblings + PROBES)]
        began = time.process_time()
        for target in targets:
            pacer = pacers.pacer(target, OPERATION)
            pacer.started(0.0)
            pacer.accepted(0.1, 0.0)
            pacers.forget(target, [OPERATION])
        each = (time.process_time() - began) / PROBES
        # One throttle in a hundred calls: what a target finds out is told to all the others.
        pacer, now = pacers.pacer(targets[0], OPERATION), 0.0
        began = time.process_time()
        for number in range(100 * PROBES):
            now += pacer.wait(now)
            pacer.started(now)
            if number % 100 == 99:
                pacer.throttled(now + 0.1, now)
            else:
                pacer.accepted(now + 0.1, now)
        return 1e6 * each, 1e6 * (time.process_time() - began) / (100 * PROBES)


def _place(target: Target) -> tuple[str, str]:
    return target.account, target.region
