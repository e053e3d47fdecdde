"""One target's actions, a bounded number at once, and the reasons to send no more of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

import anyio

from bulkprof.engine.actions import Performer
from bulkprof.engine.outcomes import without_call
from bulkprof.engine.store import Read, Store, pages
from bulkprof.model import REPLACEMENT_OPEN, Action, Outcome, OutcomeKind, Target, Turn
from bulkprof.profiles.operations import CHANGES, Operation
from bulkprof.profiles.quota import QUOTA_EXCEEDED
from bulkprof.stop import StopRequestedError
from bulkprof.totals import LostProfile

LANE_WIDTH = 32
"""Actions of one target under way at once: enough for 250 calls a second at 120 ms each."""
BREAKER_FAILURES = 10
"""Failed actions in a row after which the rest of a target is skipped."""


class TargetRun:
    """One target at work."""

    def __init__(self, store: Store, performer: Performer, hand_over: Callable[[Outcome], Awaitable[None]]) -> None:
        """`hand_over` takes the outcomes."""
        self.performer = performer
        self.failures_in_a_row = 0
        self.lost: Mapping[str, LostProfile] = {}
        """In the turn of names without a profile: what is known of each."""
        self._store = store
        self._hand_over = hand_over
        self._lane = performer.lane
        self._stop = performer.lane.traffic.stop
        self._ready: deque[Action] = deque()
        self._used_up = anyio.Event()
        self._workers = 0

    async def work(self, target: Target, turns: Iterable[Turn]) -> None:
        """Carry out what comes in each of `turns`, one after the other."""
        for turn in turns:
            if turn is Turn.REST and self.performer.open_names.lost:
                # What is made new could take the place that a name without a profile needs.
                self._lane.close((Operation.CREATE,), REPLACEMENT_OPEN, self.performer.open_names.reason)
            if turn is Turn.LOST:
                found = await self._store.off_loop(partial(self._store.lost, target))
                self.lost = {each.name: each for each in found}
            else:
                self.lost = {}
            await self._carry_out(target, partial(self._store.take_up, turn=turn))
            if self._stop.requested:
                return

    async def _carry_out(self, target: Target, read: Read) -> None:
        # Workers that go from one action to the next: a task for each action would cost a fifth of its call.
        async with anyio.create_task_group() as group:
            async for page in pages(self._store, target, read):
                self._ready.extend(page)
                self._used_up = anyio.Event()
                for _ in range(min(len(page), LANE_WIDTH - self._workers)):
                    self._workers += 1
                    group.start_soon(self._work)
                await self._used_up.wait()
                if self._stop.requested:
                    return

    async def _work(self) -> None:
        """Carry out what is ready until nothing is; calls under way elsewhere don't hold the next page up."""
        try:
            while self._ready and not self._stop.requested:
                action = self._ready.popleft()
                if not self._ready:
                    self._used_up.set()
                await self._perform(action)
        except StopRequestedError:
            return
        finally:
            self._workers -= 1
            if self._stop.requested:
                self._used_up.set()

    async def _perform(self, action: Action) -> None:
        outcome = await self.performer.perform(action)
        if without_call(action) is None:
            self._take_note(outcome)
        if action.name in self.lost:
            outcome = self._of_lost(outcome, self.lost[action.name])
        await self._hand_over(outcome)

    def _of_lost(self, outcome: Outcome, lost: LostProfile) -> Outcome:
        """The outcome of a name that a replacement left without a profile, with the ARN that it takes the place of."""
        outcome = replace(outcome, old_arn=lost.old_arn)
        if not outcome.error_code:
            return outcome
        self.performer.open_names.lose(outcome.name, f"{outcome.error_code}: {outcome.error_message}")
        return replace(
            outcome, error_message=f"the old profile is deleted, by run {lost.run_id}; {outcome.error_message}"
        )

    def _take_note(self, outcome: Outcome) -> None:
        """Close operations of the target that would only fail."""
        if outcome.error_code == QUOTA_EXCEEDED:
            # Creations that were under way beside it end alike, which says nothing about other changes.
            reason = f"not tried: the target's quota is used up ({outcome.error_message})"
            self._lane.close((Operation.CREATE,), "QuotaReached", reason)
        elif outcome.kind.is_failure:
            self.failures_in_a_row += 1
        elif outcome.kind is not OutcomeKind.SKIPPED:
            self.failures_in_a_row = 0
        if self.failures_in_a_row == BREAKER_FAILURES:
            reason = (
                f"not tried after {BREAKER_FAILURES} failures in a row, the last one "
                f"{outcome.error_code}: {outcome.error_message}"
            )
            self._lane.close(CHANGES, "CircuitOpen", reason)
