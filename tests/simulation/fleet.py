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

from bulkprof.errors import ThrottledError, UnreachableError
from bulkprof.execution.creation import Api
from bulkprof.execution.engine import Engine, EngineSettings, OpenTarget
from bulkprof.execution.lane import Lane, Stop, Traffic
from bulkprof.execution.pacer import Pacer
from bulkprof.execution.runfile import RunFile
from bulkprof.model import Action, ActionKind, DesiredProfile, Outcome, OutcomeKind, Request, Target
from tests.simulation.virtual import run_virtually
from tests.simulation.world import TokenBucket


@dataclass(frozen=True, slots=True)
class Fleet:
    """What became of a run: seconds of virtual time, outcomes, and throttled calls."""

    seconds: float
    outcomes: Mapping[OutcomeKind, int]
    throttled: int


class _Aws:
    """Creates with 80 to 120 ms of latency behind a token bucket; a dead one answers nothing for a second."""

    def __init__(self, rate: float, seed: int) -> None:
        self._limit = TokenBucket([(0.0, rate)], max(1.0, 2 * rate)) if rate else None
        self._random = random.Random(seed)

    async def create(self, *, name: str, **_: object) -> str:
        if self._limit is None:
            await anyio.sleep(1.0)
            raise UnreachableError("no answer")
        latency = 0.08 + 0.04 * self._random.random()
        await anyio.sleep(latency / 2)
        taken = self._limit.take(asyncio.get_running_loop().time())
        await anyio.sleep(latency / 2)
        if not taken:
            raise ThrottledError("slower")
        return f"arn:{name}"


def simulate(folder: Path, rates: Sequence[float], creates: int, *, in_flight: int = 64, lanes: int = 100) -> Fleet:
    """Let the engine create so many profiles in each of the targets, whose limits are `rates`; 0 is a dead target."""
    with closing(_planned(folder, len(rates), creates)) as run:

        async def main() -> Fleet:
            traffic = Traffic(
                anyio.Semaphore(in_flight),
                attempts=3,
                stop=Stop(),
                pacer_for=lambda target, operation: Pacer(),
                clock=asyncio.get_running_loop().time,
            )
            worlds = {target: _Aws(rates[number], number) for number, target in enumerate(run.targets())}

            @asynccontextmanager
            async def open_target(target: Target) -> AsyncIterator[OpenTarget]:
                api = cast("Api", worlds[target])
                yield OpenTarget(Lane(target, traffic), api, cast("Any", None), cast("Any", None))

            ended: list[float] = []
            watch = _Watch(ended)
            await Engine(run, traffic, open_target, EngineSettings(lanes, settle_s=1.0), watch).execute(run.targets())
            calls = run.calls().get("CreateInferenceProfile")
            return Fleet(ended[-1], run.outcome_counts(), calls.throttled if calls else 0)

        return run_virtually(main)


@dataclass(slots=True)
class _Watch:
    """Notes when outcomes came in."""

    ended: list[float]

    def __call__(self, outcome: Outcome) -> None:
        self.ended.append(asyncio.get_running_loop().time())


def _planned(folder: Path, targets: int, creates: int) -> RunFile:
    """A run whose plan is to create so many profiles in each target."""
    run = RunFile.create(folder / f"{targets}.db", {"id": "r1", "command": "apply"})
    places = [Target(f"{number:012d}", "us-east-1") for number in range(1, targets + 1)]
    for place in places:
        rows = [Request("many.csv", line) for line in range(creates)]
        run.add_desired([DesiredProfile(row, place, "micro", "micro", name=f"row-{row.line}") for row in rows])
        run.save_plan([_create(action) for action in run.wanted(place)])
    return run


def _create(action: Action) -> Action:
    return Action(action.id, action.target, ActionKind.CREATE, action.name, source_arn="arn:micro")
