"""How many calls are in flight, so that targets that have stopped answering can't hold up the others.

A run may have a number of calls in flight. Answers come within parts of a second, so a call that waits for its permit
gets one soon; but a call to a dead target keeps its own until its time runs out. Hence two rules:

* A call that has gone without an answer for `PATIENCE_S` is *overdue* and gives its permit to the next. It counts
  among the overdue ones then, whose number is bounded, too: so there is a bound to all calls in flight.
* A target begins with few calls in flight, and each answer makes room for two more. One that has answered nothing at
  all for that long, and for twice as long as it took for its last answer, is *silent*: from then on it has one call in
  flight at a time, as a question whether it lives again.

A target that stays silent for as long as all attempts of one call may take is given up: the rest of its calls fail
at once, instead of running out of time one after the other.
"""

from __future__ import annotations

import math

import anyio

PATIENCE_S = 1.0
"""Seconds without an answer until a call is overdue: ten times what AWS takes as a rule."""
START_ROOM = 3
"""Calls to a target that may be in flight before it has answered any: dead ones can't take all of a run's permits."""
REGROWTH = 2
"""Calls that each answer of a target makes room for."""


class Permit:
    """One call may be in flight."""

    __slots__ = ("aside",)

    def __init__(self) -> None:
        self.aside = False
        """Whether its call is overdue, and counts among those."""


class CallLimit:
    """A run's limit of calls in flight: `due` of them at once, and `overdue` more whose answers stay away."""

    def __init__(self, due: int, overdue: int) -> None:
        self._due = anyio.Semaphore(due, fast_acquire=True)
        self._spare = overdue

    @property
    def free(self) -> int:
        """How many more calls may be in flight now."""
        return self._due.value

    async def acquire(self) -> Permit:
        """Wait for a permit; they are given in the order of asking."""
        await self._due.acquire()
        return Permit()

    def overdue(self, permit: Permit) -> bool:
        """Make room for others. Returns False when there are too many overdue calls already."""
        if not permit.aside and self._spare:
            permit.aside = True
            self._spare -= 1
            self._due.release()
        return permit.aside

    def release(self, permit: Permit) -> None:
        """The call isn't in flight any more."""
        if permit.aside:
            self._spare += 1
        else:
            self._due.release()


class Contact:
    """Whether one target answers, and so how many calls to it may be in flight. Each method takes the time."""

    __slots__ = (
        "_changed", "_heard_at", "_in_flight", "_patience_s", "_room", "_took_s", "_waited_s", "_waited_until",
    )  # fmt: skip

    def __init__(self, patience_s: float) -> None:
        """`patience_s`: after so many seconds of waiting for nothing, the target is given up."""
        self._patience_s = patience_s
        self._in_flight = 0
        self._room = START_ROOM
        self._heard_at, self._took_s = -math.inf, 0.0
        self._waited_s, self._waited_until = 0.0, -math.inf
        self._changed: anyio.Event | None = None

    @property
    def full(self) -> bool:
        """Whether one more call would be one too many."""
        return self._in_flight >= self._room

    @property
    def lost(self) -> bool:
        """Whether the target is given up."""
        return self._waited_s >= self._patience_s

    @property
    def waited_s(self) -> float:
        """Seconds for which calls have waited since the last answer, those at the same time counted once."""
        return self._waited_s

    async def change(self) -> None:
        """Wait until something has changed that may make room."""
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    def wake(self) -> None:
        """Let those that wait look again."""
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def sent(self) -> None:
        """A call is in flight."""
        self._in_flight += 1

    def returned(self) -> None:
        """A call isn't in flight any more."""
        self._in_flight -= 1
        self.wake()

    def answered(self, now: float, sent_at: float) -> None:
        """A call was answered, in whatever way."""
        self._heard_at = now
        self._took_s = now - sent_at
        self._waited_s = 0.0
        self._room += REGROWTH

    def unanswered(self, now: float, sent_at: float) -> None:
        """A call came back without an answer: a connection that failed, or time that ran out."""
        self._waited_s += max(0.0, now - max(sent_at, self._heard_at, self._waited_until))
        self._waited_until = now

    def silent(self, now: float) -> bool:
        """Whether nothing has been heard of late, asked when a call is overdue: then there is room for one only."""
        if now - self._heard_at < max(PATIENCE_S, 2.0 * self._took_s):
            return False
        self.crowded()
        return True

    def crowded(self) -> None:
        """There are more overdue calls than a run can have."""
        self._room = 1
