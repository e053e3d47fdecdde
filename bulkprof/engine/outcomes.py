"""From an action to its outcome, and from outcomes to the run's record: one writer, in batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import anyio

from bulkprof.engine.lane import Traffic
from bulkprof.engine.store import Store
from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind
from bulkprof.totals import CallCount

BATCH = 200
FLUSH_S = 0.25
"""Seconds between commits of outcomes, which come in batches of at most `BATCH`."""


def closed_outcome(
    action: Action,
    kind: OutcomeKind,
    code: str = "",
    message: str = "",
    *,
    arn: str | None = None,
    attempts: int = 0,
) -> Outcome:
    """The outcome of an action, by default one that no call was made for; `arn` where it isn't the action's own."""
    return Outcome(
        action_id=action.id,
        target=action.target,
        name=action.name,
        kind=kind,
        file=action.file,
        line=action.line,
        arn=action.arn if arn is None else arn,
        model=action.model,
        tags=action.tags,
        attempts=attempts,
        error_code=code,
        error_message=message,
        source_arn=action.source_arn,
        description=action.description or "",
    )


def without_call(action: Action) -> Outcome | None:
    """The outcome of an action that needs no call, None for the others."""
    if action.refusal is not None:
        return closed_outcome(action, action.refusal.outcome, action.refusal.code, action.refusal.message)
    return closed_outcome(action, OutcomeKind.UNCHANGED) if action.kind is ActionKind.NONE else None


class Writer:
    """Commits outcomes in batches, off the event loop: one commit for each outcome would cost more than its call."""

    def __init__(self, store: Store, traffic: Traffic, watch: Callable[[Outcome], None]) -> None:
        """`watch` gets each outcome once it is recorded; calls are counted from `traffic`."""
        self._store = store
        self._traffic = traffic
        self._watch = watch
        self._send, self._receive = anyio.create_memory_object_stream[Outcome](BATCH)

    async def hand_over(self, outcome: Outcome) -> None:
        """Give an outcome to the writer; waits only where there is no room, so that batches fill up."""
        try:
            self._send.send_nowait(outcome)
        except anyio.WouldBlock:
            await self._send.send(outcome)

    def close(self) -> None:
        """Say that no more outcomes come."""
        self._send.close()

    async def write(self) -> None:
        """Commit what is handed over, until `close`."""
        batch: list[Outcome] = []
        async with self._receive:
            try:
                async for first in self._receive:
                    batch.append(first)
                    self._take_waiting(batch, BATCH)
                    if len(batch) < BATCH:
                        # Sleeping, instead of receiving under a timeout, can't lose an outcome to a cancelled receive.
                        await anyio.sleep(FLUSH_S)
                        self._take_waiting(batch, BATCH)
                    await self._commit(batch)
                    batch = []
            except anyio.get_cancelled_exc_class():
                # What AWS has answered is recorded, whatever it is that ends the run.
                self._take_waiting(batch, math.inf)
                with anyio.CancelScope(shield=True):
                    await self._commit(batch)
                raise
        await self._commit([])

    async def _commit(self, batch: list[Outcome]) -> None:
        calls = self._take_counts()
        await self._store.off_loop(partial(self._store.record, batch, calls, self._traffic.times.take()))
        for outcome in batch:
            self._watch(outcome)

    def _take_waiting(self, batch: list[Outcome], most: float) -> None:
        """Fill the batch with what can be had without waiting."""
        with suppress(anyio.WouldBlock, anyio.EndOfStream):
            while len(batch) < most:
                batch.append(self._receive.receive_nowait())

    def _take_counts(self) -> dict[str, CallCount]:
        """The calls since the last commit."""
        # A call may be counted as sent in one commit and as failed in the next.
        taken = {name: replace(count) for name, count in self._traffic.counts.items() if count != CallCount()}
        for name, count in taken.items():
            live = self._traffic.counts[name]
            live.sent -= count.sent
            live.throttled -= count.throttled
            live.failed -= count.failed
        return taken
