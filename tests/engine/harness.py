"""A lane to send calls through, without any waiting: pacers that let all go, pauses that are noted and not slept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import anyio.lowlevel

from bulkprof.engine.in_flight import CallLimit
from bulkprof.engine.lane import Lane, Traffic
from bulkprof.model import Action, ObservedProfile, Target
from bulkprof.pacing.pacer import Pacer
from bulkprof.planning.diff import DiffRules, plan_one
from bulkprof.stop import Stop, StopRequestedError
from tests.factories import RULES, TARGET, resolve


class FreePacer:
    """Lets every call go at once, and notes what it is told."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.told: list[str] = []

    def wait(self, now: float) -> float:
        return self.delay

    def started(self, now: float) -> None:
        self.told.append("started")

    def accepted(self, now: float, sent_at: float) -> None:
        self.told.append("accepted")

    def throttled(self, now: float, sent_at: float, retry_after: float | None = None) -> None:
        self.told.append(f"throttled {retry_after}")


class InstantStop(Stop):
    """Notes pauses instead of sleeping through them."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await anyio.lowlevel.checkpoint()
        if self.requested:
            raise StopRequestedError


def make_traffic(*, in_flight: int = 64, attempts: int = 4, stop: Stop | None = None, **pacers: FreePacer) -> Traffic:
    """A run's traffic; `pacers` are by operation, free ones where none is given."""

    def pacer_for(target: Target, operation: str) -> Pacer:
        return cast("Pacer", pacers.get(operation) or FreePacer())

    limit = CallLimit(in_flight, overdue=in_flight)
    return Traffic(limit, attempts, stop or InstantStop(), pacer_for, timeout_s=30.0, clock=lambda: 0.0)


def make_lane(traffic: Traffic | None = None) -> Lane:
    return Lane(TARGET, traffic or make_traffic())


def replan_with(rules: DiffRules = RULES) -> Callable[[Action, Sequence[ObservedProfile]], Action]:
    """How a performer plans a profile anew."""
    return lambda action, there: plan_one(action, there, resolve, rules)[0]
