"""A sink whose faults can be set, and deliveries to it."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import anyio.lowlevel

from bulkprof.delivery.sinks import Delivery
from bulkprof.engine.outcomes import closed_outcome
from bulkprof.model import Outcome, OutcomeKind
from bulkprof.plugins import FinishedRun, Sink
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary
from tests.factories import TARGET, desire, plan_all

SUMMARY = RunSummary("run-1", "apply", 3, {OutcomeKind.CREATED: 3}, 0, 1.0)


class FakeSink(Sink):
    """Notes what it gets; fails or hangs as told."""

    def __init__(self, name: str = "fake", *, fails: int = 0, fails_at_end: int = 0, link: str | None = None) -> None:
        self.name = name
        self.fails, self.fails_at_end, self.link = fails, fails_at_end, link
        self.batches: list[list[str]] = []
        self.ends: list[FinishedRun] = []
        self.closed = 0
        self.hold: anyio.Event | None = None
        """What each delivery waits for."""
        self.reached = anyio.Event()

    async def deliver(self, outcomes: Sequence[Outcome]) -> None:
        self.reached.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.fails:
            self.fails -= 1
            raise ConnectionError("no route to the bucket")
        self.batches.append([outcome.name for outcome in outcomes])

    async def finish(self, run: FinishedRun) -> str | None:
        if self.fails_at_end:
            self.fails_at_end -= 1
            raise ConnectionError("no route at the end")
        self.ends.append(run)
        return self.link

    async def close(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.closed += 1

    @property
    def names(self) -> list[str]:
        return [name for batch in self.batches for name in batch]


def record(run: RunFile, *names: str) -> None:
    """Rows that were carried out."""
    known = {action.name for action in run.wanted(TARGET)}
    desire(run, *(name for name in names if name not in known))
    plan_all(run)
    run.record(closed_outcome(a, OutcomeKind.CREATED) for a in run.pending(TARGET, 0, 1000) if a.name in names)


def deliver_to(run: RunFile, told: list[str], *sinks: Sink) -> Delivery:
    state = StateDirectory(run.path.parent)
    return Delivery(run, state, [(f"plugin-{sink.name}", sink) for sink in sinks], told.append)
