"""The way into a run's targets: one lane for each that is open, with the traffic that all of them share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from bulkprof.config import Run
from bulkprof.engine.create import Replan, SourceOf
from bulkprof.engine.in_flight import CallLimit
from bulkprof.engine.lane import Lane, Traffic
from bulkprof.engine.retry import REPEATABLE, retried
from bulkprof.errors import SignInNeededError
from bulkprof.model import Target
from bulkprof.pacing.pacers import Pacers
from bulkprof.profiles.api import Api
from bulkprof.profiles.catalogue import Resolve
from bulkprof.stop import Stop
from bulkprof.telemetry.seam import NO_TELEMETRY, Telemetry
from bulkprof.totals import CallCount, CallTimes

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class OpenTarget:
    """A target that calls can be sent to."""

    lane: Lane
    api: Api
    resolve: Resolve
    replan: Replan
    source_of: SourceOf | None = None


OpenTargets = Callable[[Target], AbstractAsyncContextManager[OpenTarget]]


class Targets:
    """Enters targets for planning and execution."""

    def __init__(
        self,
        pacers: Pacers,
        settings: Run,
        stop: Stop,
        *,
        counts: dict[str, CallCount],
        times: CallTimes,
        tell: Callable[[str], None],
        telemetry: Telemetry = NO_TELEMETRY,
    ) -> None:
        """`counts` and `times` are the run's calls by operation; `tell` is called with each warning."""
        self._pacers = pacers
        # What may be in flight when targets fall silent all at once, and one call for each that may be silent.
        overdue = settings.max_calls_in_flight + 2 * settings.max_targets_in_flight
        limit = CallLimit(settings.max_calls_in_flight, overdue)
        self.traffic = Traffic(
            limit,
            settings.attempts,
            stop,
            pacers.pacer,
            settings.timeout_s,
            counts=counts,
            times=times,
            tell=tell,
            telemetry=telemetry,
        )
        self.lanes: dict[Target, Lane] = {}
        """Those of the targets that are open."""

    @asynccontextmanager
    async def enter(
        self, target: Target, enter: Callable[[Target], Awaitable[A]], leave: Callable[[Target], Awaitable[None]]
    ) -> AsyncIterator[tuple[Lane, A]]:
        """A target's lane, and its calls as `enter` returns them; `leave` is told of the end.

        Raises `AwsError` when the account can't be entered, `StopRequestedError` when the run stops, or has to since
        the caller's own credentials have run out.
        """
        # Entering an account would be something new.
        await self.traffic.stop.pause(0)
        with self.traffic.telemetry.target(target) as calls:
            try:
                api = await self.sent(lambda: enter(target))
            except SignInNeededError as error:
                raise self.traffic.stop.for_want_of_credentials(error) from None
            lane = self.lanes[target] = Lane(target, self.traffic, calls)
            try:
                yield lane, api
            finally:
                self.lanes.pop(target, None)
                self._pacers.forget(target, lane.operations)
                await leave(target)

    async def sent(self, send: Callable[[], Awaitable[A]], *, most_attempts: int | None = None) -> A:
        """Send a call that belongs to no lane, such as one to STS, which can be cut off like any other.

        Raises the last `AwsError`, `StopRequestedError` when the run stops.
        """
        attempts = self.traffic.attempts
        if most_attempts is not None:
            attempts = min(attempts, most_attempts)
        return await retried(send, attempts, REPEATABLE, self.traffic.stop.pause)
