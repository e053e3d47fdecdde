"""One target's way to AWS: its pacers decide when the next call may go, a global limit how many are in flight.

A call that waits for its turn holds no permit of the global limit, so a throttled account can't slow the others; nor
can a dead one, whose calls make room when their answers stay away (see `in_flight`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import anyio

from bulkprof.aws.transport.attempts import CURRENT
from bulkprof.engine.in_flight import PATIENCE_S, CallLimit, Contact, Permit
from bulkprof.engine.retry import REPEATABLE, THROTTLE_PATIENCE_S, retried
from bulkprof.errors import AmbiguousError, AwsError, SignInNeededError, ThrottledError, UnreachableError
from bulkprof.model import Target
from bulkprof.pacing.pacer import Pacer
from bulkprof.stop import Stop, StopRequestedError
from bulkprof.telemetry.seam import NO_TELEMETRY, Call, Calls, Telemetry
from bulkprof.totals import CallCount, CallTimes

T = TypeVar("T")

TICK_S = 0.001
"""How much before its slot a call may go: timers are no finer, and the slots after it stay where they are."""
RETRY_AFTER_MOST_S = 300.0
"""Seconds of a Retry-After that are honoured: a third of how long an action bears with throttles."""
TOLD_FROM_S = 20.0
"""Seconds of a Retry-After from which on it is told: nothing else would say why nothing moves."""


class LaneClosedError(Exception):
    """An operation that the target would only refuse: the call was not sent."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(slots=True)
class Traffic:
    """What a run's lanes share: the limit of calls in flight, and the counts."""

    in_flight: CallLimit
    attempts: int
    """Failures after which a call is given up; throttles are not counted."""
    stop: Stop
    pacer_for: Callable[[Target, str], Pacer]
    timeout_s: float
    """Seconds after which an unanswered call comes back."""
    clock: Callable[[], float] = time.monotonic
    fell_silent: Callable[[Target], None] | None = None
    """Is called with each target that has stopped answering, more than once. `side_by_side` sets it."""
    counts: dict[str, CallCount] = field(default_factory=dict)
    times: CallTimes = field(default_factory=CallTimes)
    tell: Callable[[str], None] | None = None
    """Is called with what people should know, such as why a target stands still."""
    telemetry: Telemetry = NO_TELEMETRY


class _Channel:
    """One operation of one target: its pacer, and the line of calls that wait for their turn."""

    __slots__ = ("closed", "count", "operation", "pacer", "throttled_since", "throttles", "told", "turn")

    def __init__(self, operation: str, pacer: Pacer, count: CallCount) -> None:
        self.operation = operation
        self.told = False
        """Whether it was said that a long wait is asked for."""
        self.throttles = 0
        """How often this target throttled it."""
        self.throttled_since: float | None = None
        """When the first of the throttles came after which nothing else was answered."""
        self.closed: tuple[str, str] | None = None
        """The code and the reason why no more calls are sent."""
        self.pacer = pacer
        self.count = count
        self.turn = anyio.Lock(fast_acquire=True)

    def sends(self, *, even_closed: bool) -> bool:
        """Whether a call is still sent."""
        return even_closed or self.closed is None


class Lane:
    """Sends one target's calls."""

    def __init__(self, target: Target, traffic: Traffic, calls: Calls | None = None) -> None:
        """`calls` takes the calls, where the target's are watched together; else the traffic's telemetry does."""
        self.target = target
        self.traffic = traffic
        self.began = traffic.clock()
        """When it was opened, by the traffic's clock."""
        self._channels: dict[str, _Channel] = {}
        self._contact = Contact(traffic.attempts * traffic.timeout_s)
        self._calls = calls or traffic.telemetry.calls(target)

    async def call(
        self,
        operation: str,
        send: Callable[[], Awaitable[T]],
        *,
        retry_on: tuple[type[AwsError], ...] = REPEATABLE,
        stop: Stop | None = None,
        even_closed: bool = False,
    ) -> T:
        """Send until it is answered, retrying on the errors of `retry_on`; one count per attempt.

        `stop` stands in for the run's, where this call heeds another one. With `even_closed` it is sent also where
        the operation is closed, since what it is part of must not be left half done. Raises the last `AwsError`, or
        `StopRequestedError` when the run stops while this call waits, or has to stop since the caller's own
        credentials have run out; `LaneClosedError` where the operation is closed.
        """
        stop = stop or self.traffic.stop
        attempt = partial(self._send_once, self._channel(operation), send, stop, even_closed=even_closed)
        try:
            return await retried(attempt, self.traffic.attempts, retry_on, stop.pause)
        except SignInNeededError as error:
            raise self.traffic.stop.for_want_of_credentials(error) from None

    @property
    def operations(self) -> Iterable[str]:
        """Those that calls were asked for."""
        return self._channels.keys()

    @property
    def throttles(self) -> int:
        """How often this target throttled a call."""
        return sum(channel.throttles for channel in self._channels.values())

    def require_open(self, operation: str) -> None:
        """Raise `LaneClosedError` where no more calls of `operation` are sent."""
        if (closed := self._channel(operation).closed) is not None:
            raise LaneClosedError(*closed)

    async def due(self, operation: str, stop: Stop) -> None:
        """Wait until a call of `operation` may go by its pace. It isn't sent, and others may be quicker."""
        channel, clock = self._channel(operation), self.traffic.clock
        while channel.closed is None and (delay := channel.pacer.wait(clock())) > TICK_S:
            await stop.pause(delay)

    def close(self, operations: Iterable[str], code: str, reason: str) -> None:
        """Send no more calls of `operations`, not even those that wait for their turn. The first reason counts."""
        for operation in operations:
            channel = self._channel(operation)
            channel.closed = channel.closed or (code, reason)
        self._contact.wake()

    async def _send_once(
        self, channel: _Channel, send: Callable[[], Awaitable[T]], stop: Stop, *, even_closed: bool
    ) -> T:
        traffic, pacer, count, contact = self.traffic, channel.pacer, channel.count, self._contact
        asked_at = traffic.clock()
        async with channel.turn:
            # Those that wait in line behind a closed door go out at once: what isn't sent needs no pace.
            while channel.sends(even_closed=even_closed) and (delay := pacer.wait(traffic.clock())) > TICK_S:
                self._require_hope(channel, traffic.clock(), delay)
                await stop.pause(delay)
            permit = await self._permit(channel, stop, even_closed=even_closed)
            sent_at = traffic.clock()
            pacer.started(sent_at)
        contact.sent()
        look = asyncio.get_running_loop().call_later(PATIENCE_S, self._overdue, permit)
        try:
            if stop.requested:
                raise StopRequestedError
            if channel.closed is not None and not even_closed:
                raise LaneClosedError(*channel.closed)
            count.sent += 1
            answer = await self._watched(channel, send, asked_at, sent_at)
        except ThrottledError as error:
            count.throttled += 1
            traffic.times.answered(channel.operation, throttled=True)
            channel.throttles += 1
            if channel.throttled_since is None:
                channel.throttled_since = sent_at
            pacer.throttled(traffic.clock(), sent_at, self._honoured(channel, error.retry_after))
            contact.answered(traffic.clock(), sent_at)
            raise
        except AwsError as error:
            count.failed += 1
            traffic.times.answered(channel.operation, failed=True)
            channel.throttled_since = None
            now = traffic.clock()
            pacer.accepted(now, sent_at)
            if isinstance(error, AmbiguousError | UnreachableError):
                contact.unanswered(now, sent_at)
            else:
                contact.answered(now, sent_at)
            raise
        else:
            traffic.times.answered(channel.operation)
            channel.throttled_since = None
            now = traffic.clock()
            pacer.accepted(now, sent_at)
            contact.answered(now, sent_at)
            return answer
        finally:
            look.cancel()
            contact.returned()
            traffic.in_flight.release(permit)

    async def _watched(self, channel: _Channel, send: Callable[[], Awaitable[T]], asked_at: float, sent_at: float) -> T:
        """Send, and tell telemetry how it ended."""
        call = Call(channel.operation, sent_at, waited_s=sent_at - asked_at)
        attempts = CURRENT.get()
        if attempts is not None:
            attempts.request_id = ""
        try:
            return await send()
        except BaseException as error:
            call.error = error
            raise
        finally:
            call.ended_at = self.traffic.clock()
            if attempts is not None:
                call.attempt, call.request_id = attempts.made, attempts.request_id
            self._calls.take(call)

    def _require_hope(self, channel: _Channel, now: float, delay: float) -> None:
        """Raise `AwsError` where another wait, of `delay` seconds, is too much for what is only throttled.

        All that wait for their turn are given up with it: one after the other, each would wait as long.
        """
        since = channel.throttled_since
        if since is not None and now + delay - since > THROTTLE_PATIENCE_S:
            raise AwsError(
                f"not sent: nothing but throttles came in {now - since:.0f} s, and the next call would wait another "
                f"{delay:.0f} s; try again later",
                code="OnlyThrottles",
                operation=channel.operation,
                where=str(self.target),
            )

    def _honoured(self, channel: _Channel, asked_s: float | None) -> float | None:
        """The seconds of a Retry-After that are waited; a long one is told, once for each operation."""
        if asked_s is None:
            return None
        wait_s = min(asked_s, RETRY_AFTER_MOST_S)
        if wait_s >= TOLD_FROM_S and not channel.told and self.traffic.tell is not None:
            channel.told = True
            asked = "" if wait_s == asked_s else f" (it says {asked_s:.6g} s)"
            self.traffic.tell(f"{self.target}: {channel.operation} waits {wait_s:.0f} s, as Retry-After asks{asked}")
        return wait_s

    async def _permit(self, channel: _Channel, stop: Stop, *, even_closed: bool) -> Permit:
        """Wait until one more call may be in flight: of this target's, and of all.

        Raises `AwsError` where the target is given up.
        """
        contact = self._contact
        while True:
            while contact.full and not contact.lost and channel.sends(even_closed=even_closed):
                await contact.change()
            sends = channel.sends(even_closed=even_closed) and not stop.requested
            if contact.lost and sends:
                waited = f"nothing was answered in {contact.waited_s:.0f} s of waiting"
                raise AwsError(f"not sent: {waited}", code="NoAnswer", where=str(self.target))
            permit = await self.traffic.in_flight.acquire()
            # Meanwhile the target may have fallen silent, or another operation may have been quicker.
            if not (sends and (contact.full or contact.lost)):
                return permit
            self.traffic.in_flight.release(permit)

    def _overdue(self, permit: Permit) -> None:
        """A call of this lane has gone without an answer for a while."""
        if not self.traffic.in_flight.overdue(permit):
            self._contact.crowded()
        if self._contact.silent(self.traffic.clock()) and self.traffic.fell_silent is not None:
            self.traffic.fell_silent(self.target)

    def _channel(self, operation: str) -> _Channel:
        if operation not in self._channels:
            count = self.traffic.counts.setdefault(operation, CallCount())
            self._channels[operation] = _Channel(operation, self.traffic.pacer_for(self.target, operation), count)
        return self._channels[operation]
