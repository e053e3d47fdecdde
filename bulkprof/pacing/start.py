"""The pace of one operation in one target until its first throttle: nothing of its own limit is known yet.

It is *taught* where siblings have learned a rate: then it goes as if it had their limit, first most of the burst, then
their rate, and after a while a growing excess, since its own limit may be higher. The first throttle is its own: it
says whether the siblings were right.

Where siblings know nothing either, one of those that begin together *leads*: its pace grows until something is
throttled. The others follow with fewer calls, and are taught by it, so that they needn't all run into the
limit. A target that took many calls in an earlier run, none of them throttled, begins at that pace.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bulkprof.pacing.siblings import Consensus, Lesson

START_POWER: Final = 3.6
"""How fast a cold start grows: the pace is this many times what a bucket of two seconds' depth would explain."""
FOLLOW_SHARE: Final = 0.7
"""A target that follows keeps to this share of the calls that the leader has shown to be taken."""
FOLLOW_POWER: Final = 1.2
"""How fast it grows where it has sent as many."""
FOLLOW_SECONDS: Final = 4.0
"""How long a target follows: a leader knows by then, or has no limit that matters."""
DRAIN_SECONDS: Final = 1.0
"""In which what a taught target finds in the bucket is used, as far as it is used at once."""
TAUGHT_CALLS: Final = 5.0
TAUGHT_SECONDS: Final = 4.0
"""A taught rate is held for the larger of them before the limit is looked for: twice as long where siblings agree."""
SURE: Final = 400.0
"""The calls that a rate counts for which all siblings agree on, and this target, too."""
SLACK: Final = 5.0
"""Calls that a target may have sent above the siblings' limit without being different."""
SERVED: Final = 64
"""Calls after which the pace that is served is looked at: what is sent before is no pace yet."""


class Found(NamedTuple):
    """What the first throttle says of a limit."""

    per_second: float
    burst: float
    took: float
    """Seconds since the first call."""
    calls: int = 0
    """For how many calls the rate counts: 0 for a guess."""


class Start:
    """Paces until the first throttle. Times are seconds of one monotonic clock."""

    __slots__ = (
        "_accepted", "_answered_at", "_before", "_excess", "_first_at", "_follows", "_full_at", "_full_n", "_gap",
        "_knock_at", "_knock_n", "_lesson", "_longest", "_mark_at", "_mark_n", "_sent", "_served", "_share",
        "_taught", "_taught_n",
    )  # fmt: skip

    def __init__(self, lesson: Lesson | None, *, gap: float, share: float, served: float) -> None:
        """`gap` is in seconds between the first calls, `share` is what headroom leaves of a rate.

        `served` is the pace of an earlier run that wasn't throttled, 0 for none.
        """
        self._lesson = lesson if not served else None
        self._share = share
        self._before = served
        self._longest = 1.0 / (served * share) if served else float("inf")
        self._gap = min(gap, self._longest)
        self._accepted = 0
        self._follows = False
        self._first_at = self._answered_at = 0.0
        self._sent = 0
        self._full_at, self._full_n = 0.0, 0  # when the bucket was full, as far as is known, and the calls before
        self._taught: Consensus | None = None
        self._taught_n = 0
        self._knock_at, self._knock_n, self._excess = float("inf"), 0, 0.0
        self._served, self._mark_at, self._mark_n = 0.0, 0.0, 0

    @property
    def served(self) -> float:
        """Calls a second that were taken over many calls, at best; 0 while this run hasn't sent many."""
        return max(self._served, self._before) if self._served else 0.0

    def started(self, now: float) -> float:
        """A call is sent: the seconds to the next one."""
        if not self._sent:
            self._first_at = self._answered_at = self._full_at = now
            if self._lesson is not None:
                self._learn()
                self._follows = self._taught is None and not self._lesson.leads(now, FOLLOW_SECONDS)
        self._sent += 1
        if self._taught is not None:
            return self._taught_gap(now, self._taught)
        return self._gap

    def accepted(self, now: float, sent_at: float, latency: float) -> float:
        """A call was taken, as others after about `latency`: the seconds between two calls from now on."""
        self._accepted = accepted = self._accepted + 1
        self._answered_at = now
        if accepted == 1:
            self._first_at = sent_at
        self._measure(now, accepted)
        most = 0.0
        if self._follows or self._taught is not None:
            self._learn()
        if self._lesson is not None:
            if now - self._first_at < FOLLOW_SECONDS:
                most = FOLLOW_SHARE * self._lesson.shown(accepted)
            else:
                self._follows = False
        if (taught := self._taught) is not None:
            if sent_at >= self._knock_at and self._left(now, taught) < 1.0:
                pace = taught.per_second * (1.0 + self._excess)
                self._excess += 0.7 / max(2.0, 3.0 * pace * latency) * min(1.0, self._excess)
            return self._taught_gap(now, taught)
        if self._sent <= 3:
            return self._gap
        # Deep buckets get drained faster; shallow ones overflow while the last calls are still in flight.
        power = min(6.0, max(START_POWER, START_POWER + (accepted - 70) / 30.0))
        if self._follows and accepted >= most:
            power = FOLLOW_POWER
        self._gap = min(self._longest, (now - self._first_at + 2.0) / (power * (accepted + 12.0)))
        return self._gap

    def throttled(self, now: float, slack: float) -> Found:
        """What the first throttle says; `slack` is by how many calls counts are uncertain."""
        accepted = self._accepted
        took = now - self._first_at if accepted else 0.0
        # The best guess before any pair: limits tend to come with a burst of about two seconds' worth.
        guess = max(accepted, 2) / (took + 2.0)
        if (taught := self._taught) is None:
            return Found(guess, accepted - guess * took, took)
        rate, burst = taught.per_second, taught.burst
        if accepted > 2.0 * burst:  # late enough for the rate to show
            guess = (accepted - burst + 1.0) / max(1e-3, took)
        if now < self._knock_at:  # the siblings' limit is another one
            rate = min(rate, guess)
            return Found(rate, accepted - rate * took, took)
        # The bucket held no more than the burst when the knock began, the rest was the rate.
        calls = accepted - self._knock_n - max(burst, 2.0 * rate)
        least = (calls - slack + 1.0) / max(1e-3, now - self._knock_at)
        sure = int(SURE * taught.share) if least <= rate else 5
        rate = max(min(rate, guess), least)
        # Where the bucket was full meanwhile, more was lost than can be told: siblings know the burst better.
        return Found(rate, max(burst, accepted - rate * took), took, sure)

    def _learn(self) -> None:
        """Hear what siblings know by now."""
        taught = self._lesson.consensus() if self._lesson is not None else None
        if taught is not None and (self._taught is not None or not self._differs(taught)):
            self._taught_n = self._taught_n if self._taught is not None else self._sent
            self._taught = taught

    def _differs(self, taught: Consensus) -> bool:
        """Whether more was taken already than the siblings' limit allows."""
        return self._accepted > taught.burst + taught.per_second * (self._answered_at - self._first_at) + SLACK

    def _left(self, now: float, taught: Consensus) -> float:
        """Calls that the bucket holds now, if it is as those of the siblings."""
        left = taught.burst + taught.per_second * (now - self._full_at) - (self._sent - self._full_n)
        if left > taught.burst:
            self._full_at, self._full_n = now, self._sent
        return min(taught.burst, left)

    def _taught_gap(self, now: float, taught: Consensus) -> float:
        rate = taught.per_second
        hold = max(TAUGHT_CALLS, TAUGHT_SECONDS * rate) * (1.0 + taught.share)
        if self._sent - self._taught_n > hold and now < self._knock_at:
            self._knock_at, self._knock_n, self._excess = now, self._sent, 0.1
        knocks = now >= self._knock_at
        room = 0.0 if knocks else min(taught.burst / 2.0, 1.5 + 0.1 * taught.burst)
        pace = rate * (1.0 + self._excess if knocks else self._share)
        return 1.0 / (pace + max(0.0, self._left(now, taught) - room) / DRAIN_SECONDS)

    def _measure(self, now: float, accepted: int) -> None:
        """Each time the calls have doubled, the pace of the newer half."""
        if accepted == SERVED or accepted == 2 * self._mark_n:
            if self._mark_n:
                self._served = max(self._served, (accepted - self._mark_n) / max(1e-3, now - self._mark_at))
            self._mark_at, self._mark_n = now, accepted
