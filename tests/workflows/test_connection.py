"""Targets while they are observed: dead targets fail by themselves, and their Region's others don't wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from bulkprof.aws import AwsSessions
from bulkprof.config import Run
from bulkprof.engine.concurrency import side_by_side
from bulkprof.engine.in_flight import PATIENCE_S
from bulkprof.errors import AmbiguousError, AwsError
from bulkprof.model import ObservedProfile, Target
from bulkprof.pacing.pacer import Pacer
from bulkprof.pacing.rates import RateStore
from bulkprof.planning.diff import DiffRules
from bulkprof.planning.observe import observe
from bulkprof.profiles.operations import Operation
from bulkprof.profiles.sources import LOADING_S
from bulkprof.stop import Stop
from bulkprof.totals import CallCount, CallTimes
from bulkprof.workflows.steps.connection import Connection
from tests.simulation.virtual import run_virtually

SETTINGS = Run(max_targets_in_flight=10)


class _Api:
    """One target's reads, a tenth of a second each, until it dies."""

    def __init__(self, dies_at: float) -> None:
        self._dies_at = dies_at

    async def foundation_models(self) -> list[Any]:
        return cast("list[Any]", await self._answer([]))

    async def system_profiles_page(self, token: str | None) -> tuple[list[Any], None]:
        return await self._answer([]), None

    async def list_page(self, token: str | None) -> tuple[list[ObservedProfile], None]:
        return await self._answer([ObservedProfile("arn:a", "a", ())]), None

    async def tagged_page(self, token: str | None) -> tuple[list[Any], None]:
        return await self._answer([("arn:a", {})]), None

    async def _answer(self, answer: Any) -> Any:
        if anyio.current_time() >= self._dies_at:
            await anyio.sleep(SETTINGS.timeout_s)
            raise AmbiguousError("no answer")
        await anyio.sleep(0.1)
        return answer


class _Sessions:
    """Opens targets, of which the first ones die."""

    def __init__(self, dead: int, dies_at: float) -> None:
        self._dead, self._dies_at = dead, dies_at
        self.counts: dict[str, CallCount] = {}
        self.times = CallTimes()

    async def bedrock(self, target: Target) -> _Api:
        return _Api(self._dies_at if int(target.account) < self._dead else float("inf"))

    async def release(self, target: Target) -> None:
        return None


def _observed(folder: Path, targets: int, dead: int, dies_at: float) -> tuple[list[float], list[float], set[str]]:
    """When each living target was observed, when each dead one was given up, and with which codes."""

    async def main() -> tuple[list[float], list[float], set[str]]:
        sessions = cast("AwsSessions", _Sessions(dead, dies_at))
        tell: Callable[[str], None] = lambda message: None  # noqa: E731
        connection = Connection(sessions, DiffRules("owner", "estate"), SETTINGS, RateStore(folder), Stop(), tell)
        connection.traffic.clock = asyncio.get_running_loop().time
        done, failed, codes = list[float](), list[float](), set[str]()

        async def one(target: Target) -> None:
            try:
                async with connection.open(target) as opened:
                    await observe(opened.api, opened.lane.call, {"a"})
            except AwsError as error:
                failed.append(anyio.current_time())
                codes.add(error.code or type(error).__name__)
            else:
                done.append(anyio.current_time())

        places = [Target(f"{number:012d}", "us-east-1") for number in range(targets)]
        assert await side_by_side(places, SETTINGS.max_targets_in_flight, connection.traffic, one)
        return done, failed, codes

    return run_virtually(main)


@pytest.mark.parametrize("dies_at", [0.0, 0.25], ids=["from the start", "between two calls"])
def test_dead_targets_hold_up_nobody_who_is_observed(tmp_path: Path, dies_at: float) -> None:
    done, failed, codes = _observed(tmp_path, 100, 15, dies_at)
    assert (len(done), len(failed)) == (85, 15)
    alone, _, _ = _observed(tmp_path, 85, 0, 0.0)
    # Ten of the dead make room, five keep lanes; all ask for the Region's models by themselves after a while.
    assert max(done) <= 2 * max(alone) + 2 * (LOADING_S + PATIENCE_S)
    assert max(failed) < 10 * SETTINGS.timeout_s
    assert codes <= {"AmbiguousError", "NoAnswer"}


def test_pacers_that_learned_nothing_go_with_their_target(tmp_path: Path) -> None:
    """Thousands of targets are never throttled; what the others showed counts until the run ends."""

    async def main() -> None:
        tell: Callable[[str], None] = lambda message: None  # noqa: E731
        sessions = cast("AwsSessions", _Sessions(0, 0.0))
        connection = Connection(sessions, DiffRules("owner", "estate"), SETTINGS, RateStore(tmp_path), Stop(), tell)
        connection.traffic.clock = asyncio.get_running_loop().time
        quiet, throttled = Target("000000000001", "us-east-1"), Target("000000000002", "us-east-1")
        pacers: dict[Target, Pacer] = {}
        for target in (quiet, throttled):
            async with connection.open(target) as opened:
                await observe(opened.api, opened.lane.call, {"a"})
                pacers[target] = connection.traffic.pacer_for(target, Operation.LIST)
                if target == throttled:
                    for _ in range(3):
                        now = anyio.current_time()
                        pacers[target].started(now)
                        pacers[target].throttled(now, now)
        assert connection.rate(throttled, Operation.LIST) is not None
        assert connection.rate(quiet, Operation.LIST) is None
        assert connection.traffic.pacer_for(throttled, Operation.LIST) is pacers[throttled]
        assert connection.traffic.pacer_for(quiet, Operation.LIST) is not pacers[quiet]

    run_virtually(main)
