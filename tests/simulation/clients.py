"""Clients that send a number of creates over the simulated network, each in its own way of meeting throttles."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from bulkprof.pacing.pacer import Pacer
from tests.simulation.world import Network


@dataclass(slots=True)
class Tally:
    """What a client lived through."""

    accepted: int = 0
    throttled: int = 0
    failed: int = 0
    first: float = float("inf")
    last: float = float("-inf")

    @property
    def per_thousand(self) -> float:
        """Throttles per 1,000 accepted calls."""
        return 1000.0 * self.throttled / max(1, self.accepted)

    def note(self, now: float, taken: bool) -> None:
        """Count one answer."""
        if not taken:
            self.throttled += 1
            return
        self.accepted += 1
        self.first = min(self.first, now)
        self.last = now


class Lane:
    """bulkprof's way: one queue, a pacer that says when, a cap on calls in flight."""

    def __init__(self, network: Network, pacer: Pacer, calls: int, *, start: float = 0.0, cap: int = 64) -> None:
        self.pacer = pacer
        self.tally = Tally()
        self._network = network
        self._loop = network.loop
        self._left = calls
        self._cap = cap
        self._flying = 0
        self._asleep = False
        self._loop.at(start, self._wake)

    @property
    def done(self) -> bool:
        """Whether every create has its answer."""
        return self._left == 0 and self._flying == 0

    def _wake(self) -> None:
        self._asleep = False
        self._pump()

    def _pump(self) -> None:
        while self._left and self._flying < self._cap and not self._asleep:
            now = self._loop.now
            wait = self.pacer.wait(now)
            if wait > 0.0:
                self._asleep = True
                self._loop.at(now + wait, self._wake)
                return
            self.pacer.started(now)
            self._left -= 1
            self._flying += 1
            self._network.call(self._answer_to(now))

    def _answer_to(self, sent: float) -> Callable[[bool], None]:
        def answer(taken: bool) -> None:
            now = self._loop.now
            self._flying -= 1
            self.tally.note(now, taken)
            if taken:
                self.pacer.accepted(now, sent)
            else:
                self._left += 1
                self.pacer.throttled(now, sent)
            self._pump()

        return answer


class ProductionCaller:
    """A production caller that knows no pacing: calls at random moments, and counts how many are throttled."""

    def __init__(self, network: Network, rate: float, until: Callable[[], bool], seed: int) -> None:
        self.tally = Tally()
        self._network = network
        self._rate = rate
        self._until = until
        self._random = random.Random(seed)
        self._next()

    def _next(self) -> None:
        loop = self._network.loop
        loop.at(loop.now + self._random.expovariate(self._rate), self._call)

    def _call(self) -> None:
        if self._until():
            return
        self._network.call(lambda taken: self.tally.note(self._network.loop.now, taken))
        self._next()
