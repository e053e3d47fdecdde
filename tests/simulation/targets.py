"""The real engine over many targets, each with its own limit, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import anyio

from bulkprof.config import Run
from bulkprof.engine.engine import Engine, EngineSettings
from bulkprof.engine.in_flight import CallLimit
from bulkprof.engine.lane import Lane, Traffic
from bulkprof.engine.targets import OpenTarget
from bulkprof.errors import AmbiguousError, ThrottledError
from bulkprof.model import Action, ActionKind, DesiredProfile, ObservedProfile, Outcome, OutcomeKind, Request, Target
from bulkprof.pacing.pacers import Pacers
from bulkprof.pacing.rates import RateStore
from bulkprof.profiles.api import Api
from bulkprof.profiles.operations import Operation
from bulkprof.stop import Stop
from bulkprof.store.details import RunDetails
from bulkprof.store.run import RunFile
from tests.simulation.virtual import run_virtually
from tests.simulation.world import TokenBucket

TIMEOUT_S = Run().timeout_s


@dataclass(frozen=True, slots=True)
class SimulatedRun:
    """What became of a run, in seconds of virtual time, outcomes and throttled calls."""

    seconds: float
    """Until the last profile was created."""
    ended: float
    """Until the last action had its outcome, those of dead targets, too."""
    outcomes: Mapping[OutcomeKind, int]
    throttled: int


class _Aws:
    """Creates with 80 to 120 ms of latency behind a token bucket; from `dies_at` on, calls wait out their time."""

    def __init__(self, rate: float, dies_at: float, seed: int) -> None:
        self._limit = TokenBucket([(0.0, rate)], max(1.0, 2 * rate))
        self._dies_at = dies_at
        self._random = random.Random(seed)

    async def create(self, *, name: str, **_: object) -> str:
        latency = 0.08 + 0.04 * self._random.random()
        await self._half_way(latency)
        taken = self._limit.take(asyncio.get_running_loop().time())
        await self._half_way(latency)
        if not taken:
            raise ThrottledError("slower")
        return f"arn:{name}"

    async def list_page(self, _: str | None) -> tuple[list[ObservedProfile], None]:
        await self._half_way(0.1)
        return [], None

    async def _half_way(self, latency: float) -> None:
        if asyncio.get_running_loop().time() >= self._dies_at:
            await anyio.sleep(TIMEOUT_S)
            raise AmbiguousError("no answer")
        await anyio.sleep(latency / 2)


def simulate(
    folder: Path, rates: Sequence[float], creates: int, *, lanes: int = 100, dead: Mapping[int, float] | None = None
) -> SimulatedRun:
    """Let the engine create so many profiles in each of the targets, whose limits are `rates`.

    `dead` says from when on a target, by its place in `rates`, answers nothing.
    """
    settings = Run(max_targets_in_flight=lanes)
    with closing(_planned(folder, len(rates), creates)) as run:

        async def main() -> SimulatedRun:
            traffic = Traffic(
                CallLimit(settings.max_calls_in_flight, settings.max_calls_in_flight + 2 * lanes),
                attempts=settings.attempts,
                stop=Stop(),
                pacer_for=Pacers(RateStore(folder), 0.0).pacer,
                timeout_s=TIMEOUT_S,
                clock=asyncio.get_running_loop().time,
            )
            never = float("inf")
            worlds = {
                target: _Aws(rates[number], (dead or {}).get(number, never), number)
                for number, target in enumerate(run.targets())
            }

            @asynccontextmanager
            async def open_target(target: Target) -> AsyncIterator[OpenTarget]:
                api = cast("Api", worlds[target])
                yield OpenTarget(Lane(target, traffic), api, cast("Any", None), cast("Any", None))

            watch = _Watch()
            await Engine(run, traffic, open_target, EngineSettings("r1", lanes, settle_s=1.0), watch).execute(
                run.targets()
            )
            calls = run.calls().get(Operation.CREATE)
            return SimulatedRun(watch.created, watch.ended, run.outcome_counts(), calls.throttled if calls else 0)

        return run_virtually(main)


@dataclass(slots=True)
class _Watch:
    """Notes when outcomes came in."""

    created: float = 0.0
    ended: float = 0.0

    def __call__(self, outcome: Outcome) -> None:
        self.ended = asyncio.get_running_loop().time()
        if outcome.kind is OutcomeKind.CREATED:
            self.created = self.ended


def _planned(folder: Path, targets: int, creates: int) -> RunFile:
    """A run whose plan is to create so many profiles in each target."""
    run = RunFile.create(folder / f"{targets}.db", RunDetails("r1", command="apply"))
    places = [Target(f"{number:012d}", "us-east-1") for number in range(1, targets + 1)]
    for place in places:
        rows = [Request("many.csv", line) for line in range(creates)]
        wanted = [DesiredProfile(row, place, "micro", "micro", name=f"row-{row.line}") for row in rows]
        run.add_desired(list(map(run.form, wanted)))
        run.save_plan([_create(action) for action in run.wanted(place)])
    return run


def _create(action: Action) -> Action:
    return Action(action.id, action.target, ActionKind.CREATE, action.name, source_arn="arn:micro")
