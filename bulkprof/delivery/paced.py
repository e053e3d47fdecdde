"""The calls of plugins, paced as the run's own: what AWS takes is learned for each operation, and kept between runs.

They have a limit of calls in flight to themselves, so that a slow service holds up no profile, and they go on where
the run stops: sinks are still told its end. The run's counts of calls don't hold them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from bulkprof.aws import AwsSessions
from bulkprof.aws.service import ServiceApi
from bulkprof.config import Run
from bulkprof.engine.in_flight import CallLimit
from bulkprof.engine.lane import Lane, Traffic
from bulkprof.engine.retry import UNTIL_FREE
from bulkprof.errors import RegionError, SignInNeededError
from bulkprof.model import Target
from bulkprof.pacing.pacers import Pacers
from bulkprof.stop import Stop, StopRequestedError

IN_FLIGHT: Final = 32
"""Calls of all plugins that may be in flight at once."""
MOST_ATTEMPTS: Final = 4
"""Failures after which a call is given up: sinks are tried again themselves, and the end of a run waits for them."""


class PacedCalls:
    """Makes the paced clients of a run's plugins."""

    def __init__(self, sessions: AwsSessions, pacers: Pacers, settings: Run, *, tell: Callable[[str], None]) -> None:
        """`tell` is called with each warning."""
        self._sessions = sessions
        self._pacers = pacers
        limit = CallLimit(IN_FLIGHT, IN_FLIGHT)
        attempts = min(settings.attempts, MOST_ATTEMPTS)
        self._traffic = Traffic(limit, attempts, Stop(), pacers.pacer, settings.timeout_s, tell=tell)

    @asynccontextmanager
    async def open(
        self, service: str, *, region: str | None = None, account: str | None = None
    ) -> AsyncIterator[_Client]:
        """Open the calls of a service: the `PacedFactory` that plugins get.

        Raises `AwsError` if the account can't be entered.
        """
        region = region or self._sessions.region
        if not region:
            raise RegionError("no Region is set; set AWS_REGION, or `region` in the plugin's settings", code="NoRegion")
        target = Target(account or (await self._sessions.identity(near=region)).account, region)
        lane = Lane(target, self._traffic)
        async with self._sessions.service(service, target) as api:
            try:
                yield _Client(service, lane, api)
            finally:
                self._pacers.forget(target, lane.operations)


class _Client:
    """The `PacedClient` of plugins."""

    def __init__(self, service: str, lane: Lane, api: ServiceApi) -> None:
        self._service = service
        self._lane = lane
        self._api = api

    async def call(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        """Send until it is answered. Raises `AwsError`."""
        # Services have operations of the same name.
        name = f"{self._service}:{operation}"
        try:
            return await self._lane.call(name, partial(self._api.call, operation, arguments), retry_on=UNTIL_FREE)
        except StopRequestedError:
            # Nothing else stops these calls.
            raise SignInNeededError(self._lane.traffic.stop.reason) from None
