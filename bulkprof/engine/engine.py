"""Runs the actions of a run's targets and records their outcomes: lanes side by side, one writer.

The engine knows nothing of manifests, plugins or sinks. It takes any subset of a run's targets, so that other
machines could take the others.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from bulkprof.engine.actions import Performer
from bulkprof.engine.concurrency import side_by_side
from bulkprof.engine.create import Replan, SourceOf
from bulkprof.engine.lane import Lane, Traffic
from bulkprof.engine.outcomes import closed_outcome, without_call
from bulkprof.errors import AwsError, StateError
from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind, Target
from bulkprof.planning.diff import Resolve
from bulkprof.planning.retirement import Retirement
from bulkprof.profiles.api import Api
from bulkprof.profiles.operations import CHANGES, Operation
from bulkprof.stop import StopRequestedError
from bulkprof.store.codec import REPLACEMENT_OPEN
from bulkprof.store.database import HEARTBEAT_S
from bulkprof.store.lost import Turn
from bulkprof.store.run import RunFile
from bulkprof.totals import CallCount, LostProfile

PAGE = 200
"""Actions read from the run file at once, per lane."""
LANE_WIDTH = 32
"""Actions of one target under way at once: enough for 250 calls a second at 120 ms each."""
BATCH = 200
FLUSH_S = 0.25
"""Seconds between commits of outcomes, which come in batches of at most `BATCH`."""
BREAKER_FAILURES = 10
"""Failed actions in a row after which the rest of a target is skipped."""


@dataclass(frozen=True, slots=True)
class OpenTarget:
    """A target that calls can be sent to."""

    lane: Lane
    api: Api
    resolve: Resolve
    replan: Replan
    source_of: SourceOf | None = None


OpenTargets = Callable[[Target], AbstractAsyncContextManager[OpenTarget]]


class Watcher(Protocol):
    """Is told of every outcome as it is recorded (progress, failure tolerance)."""

    def __call__(self, outcome: Outcome) -> None:
        """Take note; must not block."""
        ...


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an execution needs to know besides the run file."""

    max_targets: int
    settle_s: float
    retirement: Retirement = field(default_factory=Retirement)
    """What becomes of profiles that are replaced."""


class Engine:
    """One execution of a run's open actions."""

    def __init__(
        self, run: RunFile, traffic: Traffic, open_target: OpenTargets, settings: EngineSettings, watch: Watcher
    ) -> None:
        self.run = run
        self.traffic = traffic
        self.open_target = open_target
        self.settings = settings
        self.watch = watch
        self.token_seed = run.token_seed

    async def execute(self, targets: Sequence[Target]) -> None:
        """Carry every open action of `targets` to its outcome, or as far as the stop allows."""
        await self._give_sign_of_life()
        async with anyio.create_task_group() as beat:
            beat.start_soon(self._beat)
            await self._execute(targets)
            beat.cancel_scope.cancel()

    async def _execute(self, targets: Sequence[Target]) -> None:
        send, receive = anyio.create_memory_object_stream[Outcome](BATCH)
        async with anyio.create_task_group() as group:
            group.start_soon(self._write, receive)
            async with send:
                await side_by_side(targets, self.settings.max_targets, self.traffic, partial(self._lane, send))

    async def _lane(self, results: MemoryObjectSendStream[Outcome], target: Target) -> None:
        begun, first = await self.run.off_loop(
            lambda: (self.run.begun(target), self.run.pending(target, after=0, limit=PAGE))
        )
        settled = [outcome for outcome in map(without_call, first) if outcome is not None]
        if len(settled) == len(first) < PAGE:
            # Nothing is to be done here, as in most targets of most nights: so there is nothing to enter it for.
            for outcome in settled:
                await _hand_over(outcome, results)
            return
        try:
            async with self.open_target(target) as opened:
                turns, lost = await self.run.off_loop(lambda: (self.run.turns(target), self.run.lost_elsewhere(target)))
                lane = _LaneRun(self, opened, results, begun)
                for each in lost:
                    lane.performer.turns.lose(each.name, f"run {each.run_id} deleted the old one")
                await lane.work(target, turns)
        except StopRequestedError:
            return
        except AwsError as error:
            await self._refuse_all(target, error, results)

    async def _refuse_all(self, target: Target, error: AwsError, results: MemoryObjectSendStream[Outcome]) -> None:
        """A target that can't be opened fails its changes with the reason, and leaves the others alone."""
        async for page in self.pages(target, self.run.pending):
            for action in page:
                await results.send(
                    without_call(action) or closed_outcome(action, OutcomeKind.FAILED, error.code, str(error))
                )

    async def pages(
        self, target: Target, read: Callable[[Target, int, int], list[Action]]
    ) -> AsyncIterator[list[Action]]:
        """The target's actions without an outcome, page by page, as `read` reads them from the run file."""
        last = 0
        while page := await self.run.off_loop(partial(read, target, last, PAGE)):
            yield page
            if len(page) < PAGE:
                return
            last = page[-1].id

    async def _write(self, outcomes: MemoryObjectReceiveStream[Outcome]) -> None:
        """Commit outcomes in batches, off the loop: one commit per outcome would cost more than the call."""
        batch: list[Outcome] = []
        async with outcomes:
            try:
                async for first in outcomes:
                    batch.append(first)
                    _take_waiting(outcomes, batch, BATCH)
                    if len(batch) < BATCH:
                        # Sleeping, instead of receiving under a timeout, can't lose an outcome to a cancelled receive.
                        await anyio.sleep(FLUSH_S)
                        _take_waiting(outcomes, batch, BATCH)
                    await self._commit(batch)
                    batch = []
            except anyio.get_cancelled_exc_class():
                # What AWS has answered is recorded, whatever it is that ends the run.
                _take_waiting(outcomes, batch, math.inf)
                with anyio.CancelScope(shield=True):
                    await self._commit(batch)
                raise
        await self._commit([])

    async def _commit(self, batch: list[Outcome]) -> None:
        calls = self._take_counts()
        await self.run.off_loop(partial(self.run.record, batch, calls))
        for outcome in batch:
            self.watch(outcome)

    async def _beat(self) -> None:
        while True:
            await anyio.sleep(HEARTBEAT_S)
            await self._give_sign_of_life()

    async def _give_sign_of_life(self) -> None:
        """Note in the run file that calls may be sent: after a kill, it says how long ago that was."""
        # A disk that refuses this is noticed by the writer, which can say what is lost.
        with suppress(StateError):
            await self.run.off_loop(self.run.give_sign_of_life)

    def _take_counts(self) -> dict[str, CallCount]:
        """The calls since the last commit."""
        # A call may be counted as sent in one commit and as failed in the next.
        taken = {name: replace(count) for name, count in self.traffic.counts.items() if count != CallCount()}
        for name, count in taken.items():
            live = self.traffic.counts[name]
            live.sent -= count.sent
            live.throttled -= count.throttled
            live.failed -= count.failed
        return taken


async def _hand_over(outcome: Outcome, results: MemoryObjectSendStream[Outcome]) -> None:
    """Give an outcome to the writer; waits only where there is no room, so that batches fill up."""
    try:
        results.send_nowait(outcome)
    except anyio.WouldBlock:
        await results.send(outcome)


def _take_waiting(outcomes: MemoryObjectReceiveStream[Outcome], batch: list[Outcome], most: float) -> None:
    """Fill the batch with what can be had without waiting."""
    with suppress(anyio.WouldBlock, anyio.EndOfStream):
        while len(batch) < most:
            batch.append(outcomes.receive_nowait())


class _LaneRun:
    """One target's actions, a bounded number at once, with the reasons to end it early."""

    def __init__(
        self, engine: Engine, opened: OpenTarget, results: MemoryObjectSendStream[Outcome], begun: int
    ) -> None:
        self.engine = engine
        self.results = results
        self.performer = Performer(
            token_seed=engine.token_seed,
            lane=opened.lane,
            api=opened.api,
            replan=opened.replan,
            settle_s=engine.settings.settle_s,
            begun=begun,
            retirement=engine.settings.retirement,
            source_of=opened.source_of,
            note_open=self._note_open,
            note_whole=self._note_whole,
        )
        self.lane = opened.lane
        self.failures_in_a_row = 0
        self.lost: Mapping[str, LostProfile] = {}
        """In the turn of names without a profile: what is known of each."""
        self._ready: deque[Action] = deque()
        self._used_up = anyio.Event()
        self._workers = 0

    async def work(self, target: Target, turns: Iterable[Turn]) -> None:
        """Carry out what comes in each of `turns`, one after the other."""
        for turn in turns:
            if turn is Turn.REST and self.performer.turns.lost:
                # What is made new could take the place that a name without a profile needs.
                self.lane.close((Operation.CREATE,), REPLACEMENT_OPEN, self.performer.turns.reason)
            if turn is Turn.LOST:
                found = await self.engine.run.off_loop(partial(self.engine.run.lost, target))
                self.lost = {each.name: each for each in found}
            else:
                self.lost = {}
            await self._carry_out(target, partial(self.engine.run.take_up, turn=turn))
            if self.engine.traffic.stop.requested:
                return

    async def _carry_out(self, target: Target, read: Callable[[Target, int, int], list[Action]]) -> None:
        # Workers that go from one action to the next: a task for each action would cost a fifth of its call.
        async with anyio.create_task_group() as group:
            async for page in self.engine.pages(target, read):
                self._ready.extend(page)
                self._used_up = anyio.Event()
                for _ in range(min(len(page), LANE_WIDTH - self._workers)):
                    self._workers += 1
                    group.start_soon(self._work)
                await self._used_up.wait()
                if self.engine.traffic.stop.requested:
                    return

    async def _work(self) -> None:
        """Carry out what is ready until nothing is; calls under way elsewhere don't hold the next page up."""
        try:
            while self._ready and not self.engine.traffic.stop.requested:
                action = self._ready.popleft()
                if not self._ready:
                    self._used_up.set()
                await self._perform(action)
        except StopRequestedError:
            return
        finally:
            self._workers -= 1
            if self.engine.traffic.stop.requested:
                self._used_up.set()

    async def _perform(self, action: Action) -> None:
        outcome = await self.performer.perform(action)
        if _needs_call(action):
            self._take_note(outcome)
        if action.name in self.lost:
            outcome = self._of_lost(outcome, self.lost[action.name])
        await _hand_over(outcome, self.results)

    def _of_lost(self, outcome: Outcome, lost: LostProfile) -> Outcome:
        """The outcome of a name that a replacement left without a profile, with the ARN that it takes the place of."""
        outcome = replace(outcome, old_arn=lost.old_arn)
        if not outcome.error_code:
            return outcome
        self.performer.turns.lose(outcome.name, f"{outcome.error_code}: {outcome.error_message}")
        return replace(
            outcome, error_message=f"the old profile is deleted, by run {lost.run_id}; {outcome.error_message}"
        )

    async def _note_open(self, action: Action) -> None:
        """Keep that a replacement is about to delete the old profile."""
        run = self.engine.run
        await run.off_loop(partial(run.note_open, action))

    async def _note_whole(self, action: Action) -> None:
        """Take back what was kept, since the old profile stays."""
        run = self.engine.run
        await run.off_loop(partial(run.is_whole, action.target, [action.name]))

    def _take_note(self, outcome: Outcome) -> None:
        if outcome.error_code == "ServiceQuotaExceededException":
            # Creations that were under way beside it end alike, which says nothing about other changes.
            reason = f"not tried: the target's quota is used up ({outcome.error_message})"
            self.lane.close((Operation.CREATE,), "QuotaReached", reason)
        elif outcome.kind in {OutcomeKind.FAILED, OutcomeKind.UNKNOWN}:
            self.failures_in_a_row += 1
        elif outcome.kind is not OutcomeKind.SKIPPED:
            self.failures_in_a_row = 0
        if self.failures_in_a_row == BREAKER_FAILURES:
            reason = (
                f"not tried after {BREAKER_FAILURES} failures in a row, the last one "
                f"{outcome.error_code}: {outcome.error_message}"
            )
            self.lane.close(CHANGES, "CircuitOpen", reason)


def _needs_call(action: Action) -> bool:
    return action.refusal is None and action.kind is not ActionKind.NONE
