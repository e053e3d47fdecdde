"""The pacer: learn how fast one operation may be called in one account and Region, and hold just that.

The server is taken to be a token bucket of unknown rate and depth. Two facts carry the design:

* A throttle says that the bucket was empty. Between two of them, what was accepted is the rate times the time, give
  or take one call: a *pair*. The further apart its ends, the sharper it is, so pairs that agree are joined.
* Tokens waiting in the bucket aren't lost until it overflows. So calls go at exactly the measured rate, a few tokens
  above empty, and now and then a *knock*, a small and growing excess, empties the bucket on purpose. The throttle
  costs one call and renews the measurement; if none comes, the limit has risen and the excess grows on.

How long a rate is held before the next knock grows with how long it has proved right, in calls. When throttles come
early and tokens are missing, another caller draws on the same limit: then several pacers share it fairly by yielding
a part at each throttle and regaining it slowly, until the pairs agree again. A time in which nothing at all is accepted
says nothing about the rate: afterwards the one from before is gone back to.

Nothing here reads a clock or does I/O: every method takes the time, in seconds, from one monotonic clock.
"""

from typing import Final

from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.siblings import SLOWEST, Lesson
from bulkprof.pacing.start import Start

NEVER: Final = float("inf")
CATCH_UP: Final = 0.1
"""Seconds of missed slots that may be made up for: a busy event loop costs no rate, an idle lane saves up no burst."""
START_PACE: Final = 10.0
"""Calls per second of the first calls, while nothing has been answered."""
HOLD_CALLS: Final = 50.0
HOLD_SECONDS: Final = 6.0
HOLD_MOST: Final = 500.0
"""Calls a rate is held between knocks: the larger of the first two at first, up to the third once it is steady."""
STEADY: Final = 300
"""Calls after which a rate counts as steady."""
TRUSTED: Final = 100
"""How many calls a rate that was learned elsewhere counts for."""
TELLING: Final = 10
"""Accepted calls after which siblings are told: before, a guess is hardly more than the guess of a usual burst."""
YIELD: Final = 0.15
REGAIN: Final = 0.1
REGAIN_SECONDS: Final = 4.0
"""A shared limit: the share given up at a throttle, and the share won back in so many seconds (at 5 calls a second)."""
CALM: Final = 6
"""Pairs that must agree before a limit no longer counts as shared."""
FAR_BELOW: Final = 0.05
"""The part of a first guess that is tried at least: others may have been quicker to take what was left."""
OUTAGE: Final = 2
"""Cuts in a row without a call accepted between them: the server takes none, whatever the rate."""


class Pacer:
    """Paces the calls of one operation in one account and Region. Not thread-safe; belongs to one lane.

    The caller asks `wait`, sleeps that long, asks again, calls `started`, sends, and reports each answer with
    `accepted` or `throttled`. `headroom` is the share of the learned rate, 0 to below 1, left to other callers.
    """

    __slots__ = (
        "_accepted", "_anchor_at", "_anchor_n", "_base_at", "_base_n", "_before", "_burst", "_calm", "_cut_at",
        "_empty", "_excess", "_first_n", "_first_took", "_gap", "_hold", "_idle", "_jitter", "_knock_at",
        "_knock_n", "_late", "_latency", "_lesson", "_next", "_ramp", "_rate", "_run", "_share", "_start", "_strikes",
    )  # fmt: skip

    def __init__(
        self, *, learned: LearnedRate | None = None, headroom: float = 0.0, lesson: Lesson | None = None
    ) -> None:
        """`learned` is what an earlier run found out about this limit, `lesson` the way to what siblings know."""
        if not 0.0 <= headroom < 1.0:
            raise ValueError(f"headroom must be from 0 to below 1, not {headroom}")
        self._share = 1.0 - headroom
        self._rate = 0.0  # calls per second; 0 until the first throttle
        self._burst = 1.0
        self._gap = 1.0 / START_PACE  # seconds between two calls, now
        self._ramp = 1.0  # what the gap is multiplied by at each call
        self._next = -NEVER  # when the next slot begins
        self._late, self._idle = False, 0.0  # the last call came after its slot; seconds of unused slots since the cut
        self._accepted = 0
        self._run = 0  # calls started since the last cut
        self._hold, self._excess = 0, 0.0  # the run at which to knock, and how hard, as a share of the rate
        self._cut_at = -NEVER  # throttles of calls sent before belong to the epoch that is dealt with
        self._knock_at, self._knock_n = NEVER, 0
        self._first_n, self._first_took = -1, 0.0  # up to the first throttle, for the burst
        self._anchor_at, self._anchor_n = -NEVER, 0  # the last throttle: where the newest pair begins
        self._base_at, self._base_n = -NEVER, 0  # where the joined pairs begin
        self._latency, self._jitter = 0.1, 0.01
        self._calm, self._strikes = 0, 0  # with `calm` below 0 the limit is shared
        self._empty, self._before = 0, 0.0  # cuts in a row that found nothing accepted, and the rate before them
        self._lesson = lesson
        served = learned.per_second if learned is not None and learned.at_least else 0.0
        self._start = Start(lesson, gap=self._gap, share=self._share, served=served)
        if learned is not None and learned.per_second > 0.0 and not learned.at_least:
            self._rate = learned.per_second
            self._burst = max(1.0, learned.burst)
            self._anchor_n = -1
            self._hold = int(self._burst) + 1
            self._excess = 0.1
            self._gap = 1.0 / (self._rate * self._share + self._burst / 2.0)

    @property
    def estimate(self) -> float | None:
        """Calls per second that the server is taken to sustain; None before the first throttle."""
        return self._rate or None

    def wait(self, now: float) -> float:
        """Seconds until the next call may start; 0.0 when it may start now."""
        return max(0.0, self._next - now)

    def started(self, now: float) -> None:
        """A call is being sent at `now`: it takes the next slot."""
        slot = self._next
        self._late = -NEVER < slot < now - CATCH_UP
        if self._late:
            self._idle += now - CATCH_UP - slot
            slot = now - CATCH_UP
        elif slot == -NEVER:
            slot = now
        # A lane that falls behind by itself proves nothing about the limit: it must not bring a knock on.
        if not self._late or self._run < self._hold - 1:
            self._run += 1
        self._gap *= self._ramp
        if not self._rate:
            self._gap = self._start.started(now)
        if self._run == self._hold and self._knock_at == NEVER:
            if self._ramp < 1.0:
                self._rate, self._ramp = 1.0 / self._gap, 1.0
            self._knock_at, self._knock_n = now, self._accepted
            self._gap = 1.0 / (self._rate * (1.0 + self._excess))
        self._next = slot + self._gap

    def accepted(self, now: float, sent_at: float) -> None:
        """An answer that was no throttle came at `now`, to a call sent at `sent_at`."""
        off = now - sent_at - self._latency
        self._latency += 0.1 * off
        self._jitter += 0.1 * (abs(off) - self._jitter)
        self._accepted += 1
        if not self._rate:
            self._gap = self._start.accepted(now, sent_at, self._latency)
        elif self._empty >= OUTAGE and self._before and sent_at >= self._cut_at:
            self._come_back(now)
        elif sent_at >= self._knock_at and not self._late:
            # Answers drive the excess, not time: it doubles about once in three round trips, so that few calls are
            # in flight when the throttle comes, and grows in a straight line beyond twice the rate.
            pace = self._rate * (1.0 + self._excess)
            self._excess += 0.7 / max(2.0, 3.0 * pace * self._latency) * min(1.0, self._excess)
            self._gap = 1.0 / (self._rate * (1.0 + self._excess))

    def throttled(self, now: float, sent_at: float, retry_after: float | None = None) -> None:
        """A throttle came at `now`, to a call sent at `sent_at`; `retry_after` is the server's wish, in seconds."""
        if sent_at >= self._cut_at:
            self._cut(now)
        if retry_after is not None and now + retry_after > self._next:
            self._idle += now + retry_after - self._next
            self._next = now + retry_after

    def learned(self, at: float) -> LearnedRate | None:
        """What to keep for the next run, stamped `at` (epoch seconds); None while nothing has been measured."""
        if not self._rate and self._start.served:
            return LearnedRate(self._start.served, 0.0, at, at_least=True)
        if not self._rate or (self._first_n >= 0 and self._accepted - self._base_n < 5):
            return None
        return LearnedRate(self._rate, self._burst, at, shared=self._calm < 0)

    def _come_back(self, now: float) -> None:
        """Calls are taken again: go back to the rate before, twice as fast with each answer."""
        if self._anchor_at < self._cut_at:
            self._anchor_at, self._anchor_n = self._cut_at, self._accepted - 1
        pace = min(2.0 / self._gap, self._before * self._share)
        self._gap, self._ramp, self._run = 1.0 / pace, 1.0, 0
        self._next = min(self._next, now + self._gap)
        if pace == self._before * self._share:
            self._empty = 0
            self._trust(now, self._before, TRUSTED)
            self._plan(now, self._before, cold=False)

    def _cut(self, now: float) -> None:
        """The first throttle of an epoch: measure, then plan the next run of calls."""
        n = self._accepted - self._anchor_n
        dt = max(1e-3, now - self._anchor_at)
        age = self._accepted - self._base_n
        rate, cold, burst = self._rate, not self._rate, self._burst
        self._empty = 0 if n else self._empty + 1
        self._before = rate if age > 10 else self._before
        if cold:
            found = self._start.throttled(now, 1.5 + 2.0 * self._jitter / self._gap)
            # Before the throttle, the lane may have been idle for long: then the guess is far too low.
            rate = self._before = max(SLOWEST, found.per_second)
            burst = max(1.0, found.burst)
            if found.calls:
                self._burst = burst
            else:
                self._first_n, self._first_took = self._accepted, found.took
            self._trust(now, rate, found.calls)
        elif self._anchor_n < 0:
            self._trust(now, rate, TRUSTED)
        elif n == 0:
            # Far too fast, or unlucky once with a rate that had been measured.
            if age > 0 and self._calm == 0 and self._share == 1.0:
                self._calm = -CALM
            least = FAR_BELOW * self._before if self._calm == 0 else 0.0
            rate = max(0.25 / dt, SLOWEST, least, 0.5 * rate if age > 0 or self._calm < 0 else 0.0)
            self._trust(now, rate, 0)
        elif self._share < 1.0 and age > 10:
            rate = self._confirm(now, rate)
        elif self._idle * rate > 1.0:
            # The bucket may have filled and overflown meanwhile: the pair only bounds the rate.
            rate = min(max(rate, n / dt), (n + 1) / max(1e-3, dt - self._idle))
            self._trust(now, rate, min(age, TRUSTED))
        else:
            rate = self._measure(now, n, dt, age)
        if n or cold:
            self._anchor_at, self._anchor_n = now, self._accepted
        self._plan(now, rate, cold=cold)
        if self._lesson is not None and self._accepted >= TELLING:
            # A rate that others draw on, too, says nothing about the limits of siblings.
            self._lesson.tell((rate, max(burst, self._burst)) if self._calm >= 0 else None)

    def _trust(self, now: float, rate: float, calls: int) -> None:
        """Go on as if `rate` had been measured over the last `calls` calls."""
        self._base_at, self._base_n = now - calls / rate, self._accepted - calls

    def _confirm(self, now: float, rate: float) -> float:
        """With headroom the bucket is full before each knock: the knock alone is the measurement."""
        if self._knock_at == NEVER:
            self._trust(now, rate, 0)
            return 0.8 * rate
        calls = self._accepted - self._knock_n
        took = max(1e-3, now - self._knock_at)
        rate = min(max(rate, (calls - self._burst - 1.5) / took), (calls + 1.5) / took)
        self._trust(now, rate, TRUSTED)
        return rate

    def _measure(self, now: float, n: int, dt: float, age: int) -> float:
        """The rate, from the newest pair (`n` calls in `dt` seconds) and, where they agree, those before it."""
        early = self._knock_at == NEVER
        pair = n / dt
        slack = 1.5 + 2.0 * pair * self._jitter
        low, high = (n - slack) / dt, (n + slack) / dt
        rate = (self._accepted - self._base_n) / max(1e-3, now - self._base_at)
        agreed = low <= rate <= high
        self._judge(n, dt, age, rate=rate, slack=slack, fell=not agreed and pair < rate)
        if not agreed:
            self._base_at, self._base_n = self._anchor_at, self._anchor_n
            rate = pair
        if self._calm < 0:
            rate = max(min(max((1.0 - YIELD) / self._gap, low), high), 0.7 / self._gap)
        elif not early:
            rate = self._raise(now, rate, slack)
        if self._first_n >= 0:
            self._burst = max(1.0, self._first_n - rate * self._first_took)
        return rate

    def _judge(self, n: int, dt: float, age: int, *, rate: float, slack: float, fell: bool) -> None:
        """Tell a limit of one's own from one that others draw on, or that fell."""
        early = self._knock_at == NEVER
        if self._share < 1.0:
            return  # others are expected, and have their share already
        if self._calm < 0:
            self._calm = self._calm + 1 if abs(rate * dt - n) < 0.6 * slack else -CALM
        elif fell:
            self._calm = -CALM
        elif not early:
            self._strikes = max(0, self._strikes - 1)
        elif age >= 5 and self._run < min(0.7 * self._hold, age / slack) and self._rate * dt - n > 0.5 * slack:
            self._strikes += 3
            if self._strikes > 3:
                self._calm, self._strikes = -CALM, 0

    def _raise(self, now: float, rate: float, slack: float) -> float:
        """What the knock proves: the bucket held no more than the burst when it began, the rest was the rate."""
        took = max(1e-3, now - self._knock_at)
        calls = self._accepted - self._knock_n
        brink = min(0.9 / self._gap, (calls + 1.0) / took)
        if 0 <= self._first_n < 2 and brink > rate:
            # A bucket of one has no slack to measure in: what it last took is the measure.
            self._trust(now, brink, 20)
            return brink
        least = (calls - self._burst - slack + 1.0) / took
        if least > rate:
            self._trust(now, least, 5)
            return least
        return rate

    def _plan(self, now: float, rate: float, *, cold: bool) -> None:
        """After a cut: rest until there is a little room in the bucket, then hold `rate`, then knock."""
        self._rate = rate
        age = self._accepted - self._base_n
        hold = max(HOLD_CALLS, HOLD_SECONDS * rate)
        if age > STEADY:
            hold = max(hold, min(age / 2.0, HOLD_MOST))
        hold = max(1.0, min(2.0 * age, hold))
        certain = age + (self._accepted // 8 if cold else 0)
        self._excess = max(0.1 + 0.2 / (1.0 + rate * self._latency), 1.5 / (certain + 1))
        room = 1.5 + 2.0 * rate * self._jitter
        if not cold:
            room = max(1.0, min(room, self._burst / 2.0))
        pace, self._ramp = rate, 1.0
        if self._calm < 0:
            # The faster of two regains more slowly, in calls, and is hit more often: so their shares meet.
            regain = max(3.0, rate * REGAIN_SECONDS * min(1.5, (rate / 5.0) ** 0.5))
            self._ramp = 1.0 / (1.0 + REGAIN / regain)
            hold = 3.0 * regain
        elif self._share < 1.0 and age > 10:
            pace *= self._share
            hold = max(hold, 30.0 * rate)
            room = max(room, 0.3 * rate)
        elif age > 3:
            # Tokens lost to an overflow make a rate look low, never high: so err upwards, by one call.
            pace += 1.0 / (now - self._base_at)
        self._gap = 1.0 / pace
        self._hold = int(hold)
        self._run = 0
        self._idle = 0.0
        self._knock_at = NEVER
        self._cut_at = now
        self._next = now + room / rate
