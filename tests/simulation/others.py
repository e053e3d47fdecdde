"""The other ways to meet throttles: the SDK's two retry modes and plain jitter, each over a pool of workers.

What decides in the SDK's modes is botocore's own code (retry quota, cubic rate, token bucket), driven by virtual time.
"""

import random

from botocore.exceptions import CapacityNotAvailableError
from botocore.retries.adaptive import RateClocker
from botocore.retries.bucket import TokenBucket
from botocore.retries.quota import RetryQuota
from botocore.retries.throttling import CubicCalculator

from tests.simulation.clients import Tally
from tests.simulation.world import Loop, Network

WORKERS = 10
ATTEMPTS = 3
RETRY_COST = 5
LONGEST = 20.0


class VirtualClock:
    """Stands in for botocore's clock: epoch seconds, as the loop tells them."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def current_time(self) -> float:
        return 1e6 + self._loop.now


class JitterPool:
    """Workers that send again after a random, growing pause, as often as it takes."""

    def __init__(self, network: Network, calls: int, seed: int, *, start: float = 0.0, workers: int = WORKERS) -> None:
        self.tally = Tally()
        self._network = network
        self._loop = network.loop
        self._left = calls
        self._random = random.Random(seed + 1000)
        for _ in range(workers):
            self._loop.at(start, self._take)

    @property
    def done(self) -> bool:
        """Whether every create has its answer."""
        return self._left == 0

    def _take(self) -> None:
        if self._left:
            self._left -= 1
            self._send(1)

    def _send(self, attempt: int) -> None:
        self._network.call(lambda taken: self._answer(attempt, taken=taken))

    def _answer(self, attempt: int, *, taken: bool) -> None:
        self.tally.note(self._loop.now, taken)
        if taken:
            self._take()
        elif (pause := self._pause(attempt)) is None:
            self.tally.failed += 1
            self._take()
        else:
            self._loop.at(self._loop.now + pause, lambda: self._send(attempt + 1))

    def _pause(self, attempt: int) -> float | None:
        """Seconds before the next attempt; None to give up."""
        return self._random.random() * min(2.0 ** (attempt - 1), LONGEST)


class StandardPool(JitterPool):
    """The SDK's `standard` mode with its defaults: three attempts, and a quota of retries."""

    def __init__(self, network: Network, calls: int, seed: int, *, start: float = 0.0, workers: int = WORKERS) -> None:
        self._quota = RetryQuota()
        super().__init__(network, calls, seed, start=start, workers=workers)

    def _answer(self, attempt: int, *, taken: bool) -> None:
        if taken:
            self._quota.release(RETRY_COST if attempt > 1 else 1)
        super()._answer(attempt, taken=taken)

    def _pause(self, attempt: int) -> float | None:
        if attempt >= ATTEMPTS or not self._quota.acquire(RETRY_COST):
            return None
        return super()._pause(attempt)


class AdaptivePool(StandardPool):
    """The SDK's `adaptive` mode: `standard`, behind a client-side rate that follows a cubic curve."""

    def __init__(self, network: Network, calls: int, seed: int, *, start: float = 0.0, workers: int = WORKERS) -> None:
        self._clock = VirtualClock(network.loop)
        self._cubic = CubicCalculator(starting_max_rate=0, start_time=self._clock.current_time())
        self._clocker = RateClocker(self._clock)
        self._bucket = TokenBucket(max_rate=1, clock=self._clock)
        self._limited = False
        super().__init__(network, calls, seed, start=start, workers=workers)

    def _send(self, attempt: int) -> None:
        if self._limited:
            try:
                self._bucket.acquire(block=False)
            except CapacityNotAvailableError:
                # The blocking form sleeps this long and looks again; it has no public name.
                pause = max(1e-3, self._bucket._sleep_amount(1))
                self._loop.at(self._loop.now + pause, lambda: self._send(attempt))
                return
        super()._send(attempt)

    def _answer(self, attempt: int, *, taken: bool) -> None:
        measured = self._clocker.record()
        now = self._clock.current_time()
        if taken:
            rate = self._cubic.success_received(now)
        else:
            used = min(measured, self._bucket.max_rate) if self._limited else measured
            rate = self._cubic.error_received(used, now)
            self._limited = True
        self._bucket.max_rate = min(rate, 2.0 * measured)
        super()._answer(attempt, taken=taken)
