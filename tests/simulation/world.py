"""Virtual time: an event heap, and servers that throttle. A simulated hour takes a blink, and a seed repeats it."""

import heapq
import random
from collections.abc import Callable, Sequence
from typing import Protocol


class Loop:
    """An event loop without a clock: it jumps from one event to the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Run `action` at `when`, in seconds; events of one moment run in the order they were asked for."""
        self._order += 1
        heapq.heappush(self._events, (max(self.now, when), self._order, action))

    def run(self, until: float = float("inf")) -> None:
        """Run until nothing is left to do, or until the virtual time `until`."""
        events = self._events
        while events and events[0][0] <= until:
            self.now, _, action = heapq.heappop(events)
            action()


class Limit(Protocol):
    """What decides whether a call is taken; `burst` is what it takes at once, above its rate."""

    burst: float

    def take(self, now: float) -> bool:
        """Whether a call that arrives now is accepted."""
        ...

    def allowed(self, start: float, end: float) -> float:
        """The calls that the rate alone allows from `start` to `end`."""
        ...


class TokenBucket:
    """The limit that AWS describes: refilled without steps, and full at the start.

    `rates` is a schedule of (from this time on, calls per second); `cost` is what a throttled call takes.
    """

    def __init__(self, rates: Sequence[tuple[float, float]], burst: float, cost: float = 0.0) -> None:
        self.burst = burst
        self._rates = rates
        self._cost = cost
        self._level = burst
        self._then = 0.0

    def allowed(self, start: float, end: float) -> float:
        """The calls that the rate alone allows from `start` to `end`."""
        total = 0.0
        for index, (since, rate) in enumerate(self._rates):
            until = self._rates[index + 1][0] if index + 1 < len(self._rates) else float("inf")
            total += rate * max(0.0, min(end, until) - max(start, since))
        return total

    def take(self, now: float) -> bool:
        """Whether a call that arrives now is accepted."""
        rates = self._rates
        refill = (now - self._then) * rates[0][1] if len(rates) == 1 else self.allowed(self._then, now)
        self._then = now
        self._level = min(self.burst, self._level + refill)
        if self._level >= 1.0:
            self._level -= 1.0
            return True
        self._level = max(0.0, self._level - self._cost)
        return False


class Outage(TokenBucket):
    """A limit that takes no call at all for some seconds; its bucket fills up meanwhile."""

    def __init__(self, rate: float, burst: float, *, at: float, seconds: float) -> None:
        super().__init__([(0.0, rate)], burst)
        self._from, self._until = at, at + seconds

    def allowed(self, start: float, end: float) -> float:
        """The calls that the rate alone allows from `start` to `end`, the outage left out."""
        out = max(0.0, min(end, self._until) - max(start, self._from))
        return super().allowed(start, end) - super().allowed(0.0, out)

    def take(self, now: float) -> bool:
        """Whether a call that arrives now is accepted."""
        return not self._from <= now < self._until and super().take(now)


class FixedWindows:
    """The other common limit: so many calls in each second of the clock."""

    def __init__(self, rate: float) -> None:
        self.burst = 0.0
        self._rate = rate
        self._window = -1
        self._left = 0.0

    def allowed(self, start: float, end: float) -> float:
        """The calls that the rate alone allows from `start` to `end`."""
        return self._rate * (end - start)

    def take(self, now: float) -> bool:
        """Whether a call that arrives now is accepted."""
        if int(now) != self._window:
            self._window = int(now)
            self._left = self._rate
        if self._left >= 1.0:
            self._left -= 1.0
            return True
        return False


class Network:
    """Carries a call to the limit and its answer back, each way half of a latency drawn anew for every call."""

    def __init__(self, loop: Loop, limit: Limit, seed: int, latency: tuple[float, float] = (0.08, 0.12)) -> None:
        self.loop = loop
        self._limit = limit
        self._random = random.Random(seed)
        self._least, self._spread = latency[0], latency[1] - latency[0]

    def call(self, answer: Callable[[bool], None]) -> None:
        """Send a call; `answer` hears later whether it was accepted."""
        sent = self.loop.now
        latency = self._least + self._spread * self._random.random()

        def arrive() -> None:
            taken = self._limit.take(self.loop.now)
            self.loop.at(sent + latency, lambda: answer(taken))

        self.loop.at(sent + latency / 2, arrive)
