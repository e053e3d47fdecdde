"""Every target's way to AWS for one run: lanes with their pacers, clients, and the Regions' model catalogues."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from operator import attrgetter

import anyio

from bulkprof.aws import AwsSessions, BedrockApi, CallerIdentity, Catalogue, OrganizationWalk
from bulkprof.config import Run
from bulkprof.engine.engine import OpenTarget
from bulkprof.engine.in_flight import Places
from bulkprof.engine.lane import Lane, Traffic
from bulkprof.engine.retry import REPEATABLE, retried
from bulkprof.errors import AccessDeniedError, InvalidRequestError, NotFoundError, SignInNeededError
from bulkprof.model import Action, Directory, ObservedProfile, Target
from bulkprof.pacing.pacer import Pacer
from bulkprof.pacing.rates import RateStore
from bulkprof.pages import whole_list
from bulkprof.planning.diff import DiffRules, Resolve, Source, plan_one
from bulkprof.profiles.operations import Operation
from bulkprof.rules.accounts import needs
from bulkprof.rules.guess import guess
from bulkprof.stop import Stop

LOADING_S = 2.0
"""Seconds that a target waits for another one of its Region to list the models: that one may be dead."""


class Fleet:
    """Opens targets for planning and execution; pacers that have learned something live as long as the run."""

    def __init__(
        self,
        sessions: AwsSessions,
        rules: DiffRules,
        settings: Run,
        rates: RateStore,
        stop: Stop,
        tell: Callable[[str], None],
    ) -> None:
        """`rates` holds what earlier runs learned; `tell` hears each warning once."""
        self.sessions = sessions
        self.rules = rules
        self._tell_user = tell
        self._headroom = settings.headroom
        self._rates = rates
        self._pacers: dict[tuple[Target, str], Pacer] = {}
        self._catalogues: dict[str, Catalogue] = {}
        self._loading: dict[str, anyio.Lock] = {}
        self._walk: OrganizationWalk | None = None
        self._told: set[str] = set()
        # What may be in flight when targets fall silent all at once, and one call for each that may be silent.
        overdue = settings.max_calls_in_flight + 2 * settings.max_targets_in_flight
        in_flight = Places(settings.max_calls_in_flight, overdue)
        self.traffic = Traffic(
            in_flight, settings.attempts, stop, self._pacer, settings.timeout_s, counts=sessions.counts, tell=self._tell
        )

    def _pacer(self, target: Target, operation: str) -> Pacer:
        key = (target, operation)
        if key not in self._pacers:
            learned = self._rates.rate(target.account, target.region, operation)
            self._pacers[key] = Pacer(learned=learned, headroom=self._headroom)
        return self._pacers[key]

    def _forget_pacers(self, lane: Lane) -> None:
        """Let those pacers of a target go that have learned nothing: in most targets nothing is ever throttled."""
        for operation in lane.operations:
            key = (lane.target, operation)
            if (pacer := self._pacers.get(key)) is not None and pacer.estimate is None:
                del self._pacers[key]

    def rate(self, target: Target, operation: str) -> float | None:
        """Calls a second that a target takes, less the headroom; None while neither this run nor another knows."""
        pacer = self._pacers.get((target, operation))
        known = pacer.estimate if pacer else None
        if known is None and (learned := self._rates.rate(target.account, target.region, operation)):
            known = learned.per_second
        return None if known is None else known * (1.0 - self._headroom)

    def keep_rates(self) -> None:
        """Keep what the pacers learned, for the next run: blocks. A rate that can't be kept is told, no more."""
        now = time.time()
        learned = {
            (target.account, target.region, operation): rate
            for (target, operation), pacer in self._pacers.items()
            if (rate := pacer.learned(now)) is not None
        }
        if learned and (problem := self._rates.save(learned)):
            self._tell(problem)

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[OpenTarget]:
        """A target's lane and calls.

        Raises `AwsError` when the account can't be entered, `StopRequestedError` when the run stops, or has to since
        the caller's own credentials have run out.
        """
        # Entering an account would be something new.
        await self.traffic.stop.pause(0)
        # Entering an account takes a call to STS, which can be cut off like any other.
        enter = partial(self.sessions.bedrock, target)
        try:
            api: BedrockApi = await retried(enter, self.traffic.attempts, REPEATABLE, self.traffic.stop.pause)
        except SignInNeededError as error:
            raise self.traffic.stop.for_want_of_credentials(error) from None
        lane = Lane(target, self.traffic)
        try:
            resolve = self.resolver(target, await self._catalogue(lane, api))

            def replan(action: Action, there: Sequence[ObservedProfile]) -> Action:
                return plan_one(action, there, resolve, self.rules)[0]

            yield OpenTarget(lane, api, resolve, replan, partial(self._source_of, target))
        finally:
            self._forget_pacers(lane)
            await self.sessions.release(target)

    async def caller(self, *, near: str = "") -> CallerIdentity:
        """Who is calling. A run must not end because its very first call was cut off.

        `near` is a Region for where the SDK has no default one. Raises `AwsError`, sooner than a later call would.
        """
        identity = partial(self.sessions.identity, near=near)
        return await retried(identity, min(3, self.traffic.attempts), REPEATABLE, self.traffic.stop.pause)

    async def directory(self, selectors: Collection[str], *, near: str = "") -> Directory:
        """What `selectors` need to know of the organization, read once; nothing is asked for none.

        `near` is a Region for where the SDK has no default one. Raises `AwsError` when nobody lets us read it.
        """
        if not selectors:
            return Directory()
        if self._walk is None:
            enter = partial(self.sessions.organization, near=near)
            api = await retried(enter, self.traffic.attempts, REPEATABLE, self.traffic.stop.pause)
            # One service for all Regions, with rates of its own.
            self._walk = OrganizationWalk(api, Lane(Target(api.where, "global"), self.traffic).call)
        units, tags = needs(selectors)
        return await self._walk.directory(units, tags=tags)

    def resolver(self, target: Target, catalogue: Catalogue | None) -> Resolve:
        """From sources as manifests mean them to the target's own."""

        def resolve(source: str) -> Source:
            if catalogue is None:
                # Good enough to create; what a system profile routes to stays unknown, so drift of it isn't seen.
                return Source(guess(source, target).arn, frozenset())
            found = catalogue.resolve(source, target)
            if found.warning is not None:
                self._tell(f"{target.region}: {found.warning}")
            return Source(found.source_arn, found.model_arns)

        return resolve

    def _source_of(self, target: Target, profile: ObservedProfile) -> str | None:
        """The `copyFrom` that a profile was made of; None where the models don't tell."""
        catalogue = self._catalogues.get(target.region)
        if catalogue is None or (source := catalogue.source_of(profile.model_arns)) is None:
            return None
        return catalogue.resolve(source, target).source_arn

    def catalogue(self, region: str) -> Catalogue | None:
        """The models of a Region that a target was opened in; None where nobody may list them."""
        return self._catalogues.get(region)

    async def _catalogue(self, lane: Lane, api: BedrockApi) -> Catalogue | None:
        """The Region's models, asked for once; None where the caller may not list them."""
        region = lane.target.region
        if region in self._catalogues:
            return self._catalogues[region]
        loading = self._loading.setdefault(region, anyio.Lock())
        with anyio.move_on_after(LOADING_S) as waiting:
            await loading.acquire()
        try:
            if region not in self._catalogues:
                self._catalogues[region] = await _load(lane, api)
        except (AccessDeniedError, InvalidRequestError, NotFoundError) as error:
            # Another account may list them: only an answer is kept for the Region.
            self._tell(f"{region}: models can't be listed ({error.code}), so model ids are taken as they are")
        finally:
            if not waiting.cancelled_caught:
                loading.release()
        return self._catalogues.get(region)

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._tell_user(message)


async def _load(lane: Lane, api: BedrockApi) -> Catalogue:
    models = await lane.call(Operation.MODELS, api.foundation_models)
    profiles = await whole_list(lane.call, Operation.LIST, api.system_profiles_page, attrgetter("id"))
    return Catalogue.from_listings(models, [profiles])
