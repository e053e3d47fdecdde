"""Runs the actions of a run's targets and records their outcomes: targets side by side, one writer.

The engine knows nothing of manifests, plugins or sinks. It takes any subset of a run's targets, so that other
machines could take the others, and keeps what it needs in a `Store`, which need not be a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import anyio

from bulkprof.engine.actions import Performer
from bulkprof.engine.concurrency import side_by_side
from bulkprof.engine.lane import Traffic
from bulkprof.engine.outcomes import Writer, closed_outcome, without_call
from bulkprof.engine.store import PAGE, Store, pages
from bulkprof.engine.target_run import TargetRun
from bulkprof.engine.targets import OpenTarget, OpenTargets
from bulkprof.errors import AwsError, StateError
from bulkprof.model import Action, Outcome, OutcomeKind, Target
from bulkprof.planning.retirement import Retirement
from bulkprof.stop import StopRequestedError
from bulkprof.system.clocks import HEARTBEAT_S

TOGETHER = 200
"""Targets whose outcomes are written at once where nothing is to be done."""


class Watcher(Protocol):
    """Is told of every outcome as it is recorded (progress, failure tolerance)."""

    def __call__(self, outcome: Outcome) -> None:
        """Take note; must not block."""
        ...


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an execution needs to know besides the run's actions."""

    token_seed: str
    """What the run's idempotency tokens follow from."""
    max_targets: int
    settle_s: float
    """Seconds that lists may lag behind creations."""
    retirement: Retirement = field(default_factory=Retirement)
    """What becomes of profiles that are replaced."""


class Engine:
    """One execution of a run's open actions."""

    def __init__(
        self, store: Store, traffic: Traffic, open_target: OpenTargets, settings: EngineSettings, watch: Watcher
    ) -> None:
        self.store = store
        self.traffic = traffic
        self.open_target = open_target
        self.settings = settings
        self.watch = watch

    async def execute(self, targets: Sequence[Target]) -> None:
        """Carry every open action of `targets` to its outcome, or as far as the stop allows."""
        await self._give_sign_of_life()
        async with anyio.create_task_group() as beat:
            beat.start_soon(self._beat)
            await self._execute(targets)
            beat.cancel_scope.cancel()

    async def _execute(self, targets: Sequence[Target]) -> None:
        writer = Writer(self.store, self.traffic, self.watch)
        async with anyio.create_task_group() as group:
            group.start_soon(writer.write)
            with closing(writer):
                rest = await self._close_unchanged(targets)
                await side_by_side(rest, self.settings.max_targets, self.traffic, partial(self._run_target, writer))

    async def _close_unchanged(self, targets: Sequence[Target]) -> list[Target]:
        """Close the targets in which nothing is to be done: most of them, in most nights. Return the others."""
        rest: list[Target] = []
        for first in range(0, len(targets), TOGETHER):
            some = targets[first : first + TOGETHER]
            if self.traffic.stop.requested:
                return []
            outcomes = await self.store.off_loop(partial(self.store.close_unchanged, some, PAGE))
            for outcome in outcomes:
                self.watch(outcome)
            closed = {outcome.target for outcome in outcomes}
            rest += [target for target in some if target not in closed]
        return rest

    async def _run_target(self, writer: Writer, target: Target) -> None:
        store = self.store
        begun, first = await store.off_loop(lambda: (store.begun(target), store.pending(target, 0, PAGE)))
        outcomes = [outcome for outcome in map(without_call, first) if outcome is not None]
        if len(outcomes) == len(first) < PAGE:
            # Nothing is to be done here, as in most targets of most nights: so there is nothing to enter it for.
            for outcome in outcomes:
                await writer.hand_over(outcome)
            return
        try:
            async with self.open_target(target) as opened:
                turns, lost = await store.off_loop(lambda: (store.turns(target), store.lost_elsewhere(target)))
                performer = self._performer(opened, begun)
                for each in lost:
                    performer.open_names.lose(each.name, f"run {each.run_id} deleted the old one")
                await TargetRun(store, performer, writer.hand_over).work(target, turns)
        except StopRequestedError:
            return
        except AwsError as error:
            await self._refuse_all(target, error, writer)

    def _performer(self, opened: OpenTarget, begun: int) -> Performer:
        return Performer(
            token_seed=self.settings.token_seed,
            lane=opened.lane,
            api=opened.api,
            replan=opened.replan,
            settle_s=self.settings.settle_s,
            begun=begun,
            retirement=self.settings.retirement,
            source_of=opened.source_of,
            note_open=self._note_open,
            note_whole=self._note_whole,
        )

    async def _refuse_all(self, target: Target, error: AwsError, writer: Writer) -> None:
        """A target that can't be opened fails its changes with the reason, and leaves the others alone."""
        async for page in pages(self.store, target, self.store.pending):
            for action in page:
                failed = closed_outcome(action, OutcomeKind.FAILED, error.code, str(error))
                await writer.hand_over(without_call(action) or failed)

    async def _note_open(self, action: Action) -> None:
        """Keep that a replacement is about to delete the old profile."""
        await self.store.off_loop(partial(self.store.note_open, action))

    async def _note_whole(self, action: Action) -> None:
        """Take back what was kept, since the old profile stays."""
        await self.store.off_loop(partial(self.store.is_whole, action.target, [action.name]))

    async def _beat(self) -> None:
        while True:
            await anyio.sleep(HEARTBEAT_S)
            await self._give_sign_of_life()

    async def _give_sign_of_life(self) -> None:
        # A disk that refuses this is noticed by the writer, which can say what is lost.
        with suppress(StateError):
            await self.store.off_loop(self.store.give_sign_of_life)
