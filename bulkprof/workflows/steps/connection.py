"""The way into AWS for one run: the caller, the organization, and every target opened for planning and execution."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bulkprof.aws import AwsSessions, CallerIdentity, OrganizationWalk
from bulkprof.config import Run
from bulkprof.delivery.paced import PacedCalls
from bulkprof.engine.lane import Lane, Traffic
from bulkprof.engine.targets import OpenTarget, Targets
from bulkprof.model import Action, Directory, ObservedProfile, Target
from bulkprof.pacing.pacers import Pacers
from bulkprof.pacing.rates import RateStore
from bulkprof.planning.diff import DiffRules, plan_one
from bulkprof.profiles.catalogue import Catalogue
from bulkprof.profiles.sources import ModelSources
from bulkprof.rules.accounts import needs
from bulkprof.rules.guess import guess
from bulkprof.stop import Stop
from bulkprof.telemetry.seam import NO_TELEMETRY, Telemetry


@dataclass(frozen=True, slots=True)
class Kept:
    """What a thread keeps from one share of a run to the next: making it takes as long as a hundred calls."""

    clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    """The SDK's, without connections."""
    catalogues: dict[str, Catalogue] = field(default_factory=dict)
    """The models of Regions."""


class Connection:
    """What a run sends goes through here."""

    def __init__(
        self,
        sessions: AwsSessions,
        rules: DiffRules,
        settings: Run,
        rates: RateStore,
        stop: Stop,
        tell: Callable[[str], None],
        *,
        telemetry: Telemetry = NO_TELEMETRY,
        kept: Kept | None = None,
    ) -> None:
        """`rates` holds what earlier runs learned; `tell` is called once with each warning."""
        self.sessions = sessions
        self.rules = rules
        self._tell_user = tell
        self._told: set[str] = set()
        self._pacers = Pacers(rates, settings.headroom)
        self._targets = Targets(
            self._pacers,
            settings,
            stop,
            counts=sessions.counts,
            times=sessions.times,
            tell=self.tell,
            telemetry=telemetry,
        )
        telemetry.rates(self._pacers.known)
        self.paced = PacedCalls(sessions, self._pacers, settings, tell=self.tell).open
        """The `PacedFactory` of plugins."""
        self._sources = ModelSources(
            lambda source, target: guess(source, target).arn, self.tell, kept.catalogues if kept else None
        )
        self._walk: OrganizationWalk | None = None

    @property
    def traffic(self) -> Traffic:
        """What the lanes of all targets share."""
        return self._targets.traffic

    @property
    def lanes(self) -> Mapping[Target, Lane]:
        """The lanes of the targets that are open."""
        return self._targets.lanes

    def rate(self, target: Target, operation: str) -> float | None:
        """Calls a second that a target takes, less the headroom; None while neither this run nor another knows."""
        return self._pacers.rate(target, operation)

    def keep_rates(self) -> None:
        """Keep what was learned, for the next run: blocks. A rate that can't be kept is told, no more."""
        if problem := self._pacers.keep():
            self.tell(problem)

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[OpenTarget]:
        """A target's lane and calls.

        Raises `AwsError` when the account can't be entered, `StopRequestedError` when the run stops, or has to since
        the caller's own credentials have run out.
        """
        async with self._targets.enter(target, self.sessions.bedrock, self.sessions.release) as (lane, api):
            resolve = await self._sources.resolver(target, api, lane.call)

            def replan(action: Action, there: Sequence[ObservedProfile]) -> Action:
                return plan_one(action, there, resolve, self.rules)[0]

            yield OpenTarget(lane, api, resolve, replan, partial(self._sources.source_of, target))

    async def caller(self, *, near: str = "") -> CallerIdentity:
        """Who is calling. A run must not end because its very first call was cut off.

        `near` is a Region for where the SDK has no default one. Raises `AwsError`, sooner than a later call would.
        """
        return await self._targets.sent(partial(self.sessions.identity, near=near), most_attempts=3)

    async def directory(self, selectors: Collection[str], *, near: str = "") -> Directory:
        """What `selectors` need to know of the organization, read once; nothing is asked for none.

        `near` is a Region for where the SDK has no default one. Raises `AwsError` when it may not be read.
        """
        if not selectors:
            return Directory()
        if self._walk is None:
            api = await self._targets.sent(partial(self.sessions.organization, near=near))
            # One service for all Regions, with rates of its own.
            self._walk = OrganizationWalk(api, Lane(Target(api.where, "global"), self.traffic).call)
        units, tags = needs(selectors)
        return await self._walk.directory(units, tags=tags)

    def catalogue(self, region: str) -> Catalogue | None:
        """The models of a Region that a target was opened in; None where they can't be listed."""
        return self._sources.catalogue(region)

    def tell(self, message: str) -> None:
        """Warn people of something, once."""
        if message not in self._told:
            self._told.add(message)
            self._tell_user(message)
