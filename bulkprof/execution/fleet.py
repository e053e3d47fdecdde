"""Every target's way to AWS for one run: lanes with their pacers, clients, and the Regions' model catalogues."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio

from bulkprof.aws import AwsSessions, BedrockApi, Catalogue, SystemProfile
from bulkprof.config import Run
from bulkprof.errors import AccessDeniedError, InvalidRequestError, NotFoundError
from bulkprof.execution.engine import OpenTarget
from bulkprof.execution.lane import Lane, Stop, Traffic
from bulkprof.execution.pacer import Pacer
from bulkprof.model import Action, ObservedProfile, Target
from bulkprof.planning.diff import DiffRules, Resolve, Source, plan_one
from bulkprof.rules.guess import guess


class Fleet:
    """Opens targets for planning and execution; pacers live as long as the run."""

    def __init__(
        self, sessions: AwsSessions, rules: DiffRules, settings: Run, stop: Stop, tell: Callable[[str], None]
    ) -> None:
        """`tell` hears each warning once."""
        self.sessions = sessions
        self.rules = rules
        self._tell_user = tell
        self._headroom = settings.headroom
        self._pacers: dict[tuple[Target, str], Pacer] = {}
        self._catalogues: dict[str, Catalogue | None] = {}
        self._loading: dict[str, anyio.Lock] = {}
        self._told: set[str] = set()
        self.traffic = Traffic(anyio.Semaphore(settings.max_calls_in_flight), settings.attempts, stop, self._pacer)

    def _pacer(self, target: Target, operation: str) -> Pacer:
        key = (target, operation)
        if key not in self._pacers:
            self._pacers[key] = Pacer(headroom=self._headroom)
        return self._pacers[key]

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[OpenTarget]:
        """A target's lane and calls. Raises `AwsError` when the account can't be entered."""
        api = await self.sessions.bedrock(target)
        lane = Lane(target, self.traffic)
        try:
            resolve = self.resolver(target, await self._catalogue(lane, api))

            def replan(action: Action, there: Sequence[ObservedProfile]) -> Action:
                return plan_one(action, there, resolve, self.rules)[0]

            yield OpenTarget(lane, api, resolve, replan)
        finally:
            await self.sessions.release(target)

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

    async def _catalogue(self, lane: Lane, api: BedrockApi) -> Catalogue | None:
        """The Region's models, asked for once; None where the caller may not list them."""
        region = lane.target.region
        async with self._loading.setdefault(region, anyio.Lock()):
            if region not in self._catalogues:
                try:
                    self._catalogues[region] = await _load(lane, api)
                except (AccessDeniedError, InvalidRequestError, NotFoundError) as error:
                    self._tell(f"{region}: models can't be listed ({error.code}), so model ids are taken as they are")
                    self._catalogues[region] = None
        return self._catalogues[region]

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._tell_user(message)


async def _load(lane: Lane, api: BedrockApi) -> Catalogue:
    models = await lane.call("ListFoundationModels", api.foundation_models)
    pages: list[list[SystemProfile]] = []
    token: str | None = None
    while True:

        async def send(token: str | None = token) -> tuple[list[SystemProfile], str | None]:
            return await api.system_profiles_page(token)

        page, token = await lane.call("ListInferenceProfiles", send)
        pages.append(page)
        if token is None:
            return Catalogue.from_answers(models, pages)
