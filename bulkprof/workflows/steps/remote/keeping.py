"""What comes from S3 at a run's start and goes back at its end, under the estate's lock.

What can't be read or written there costs a warning, never the run: AWS itself says what exists. One thing ends a run:
that another runner has taken the same one up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import anyio
import anyio.to_thread

from bulkprof.aws import AwsSessions
from bulkprof.aws.s3_prefix import S3Prefix, open_prefix
from bulkprof.errors import BulkprofError, LockHeldError, StateError, unwrapped
from bulkprof.model import ActionKind
from bulkprof.pacing.rates import FILE, RateStore
from bulkprof.store.history.pruning import prune_runs
from bulkprof.store.run import RunFile
from bulkprof.workflows.steps.context import Workspace

WAIT_S: Final = 60.0
"""Seconds that a step may take; the file of a million rows takes some."""
WAIT_AT_STOP_S: Final = 8.0
"""Seconds that what goes back may take where the run was stopped: it has to end soon then."""
_ROUNDS: Final = 5


@dataclass(slots=True)
class Keeper:
    """Keeps what a run leaves for later ones, where the config names a place in S3."""

    work: Workspace
    sessions: AwsSessions
    _etag: str | None = None
    """Of the learned rates as they were read last."""

    async def take(self, rates: RateStore) -> None:
        """See which runs are there, and take learned rates in."""
        remote = self.work.remote
        if remote is None:
            return

        async def taken(s3: S3Prefix) -> None:
            await remote.look(s3)
            if remote.given_up:
                return
            await self._take_rates(s3, rates)
            if (run_id := remote.last_written()) is not None:
                await anyio.to_thread.run_sync(self.work.state.prepare)
                # By the client that is open: each of its own costs a tenth of a second, and credentials anew.
                await remote.bring(s3, run_id, self.work.state.run_path(run_id))

        await self._bounded(taken, "what is kept there wasn't all taken up")
        if not remote.is_listed:
            remote.leave_aside()

    async def give_rates(self, rates: RateStore) -> None:
        """Let what was learned go back. Others may write at the same time: theirs is taken in before."""
        if self._is_off:
            return

        async def given(s3: S3Prefix) -> None:
            for again in range(_ROUNDS):
                if again:
                    await self._take_rates(s3, rates)
                if etag := await s3.write(FILE, await anyio.to_thread.run_sync(rates.text), self._etag):
                    self._etag = etag
                    return
            self.work.ui.warn(f"{s3.uri(FILE)}: others keep writing it, so what was learned stays on this disk")

        await self._bounded(given, "what was learned stays on this disk")

    async def give(self, run: RunFile) -> None:
        """Let the run's file go there. Raises `LockHeldError` where another runner has written it meanwhile."""
        remote = self.work.remote
        if remote is None or self._is_off:
            return

        async def given(s3: S3Prefix) -> None:
            await remote.put(s3, run)

        await self._bounded(given, f"run {run.details().id} is kept on this disk only as it is now")

    async def give_back(self, run: RunFile) -> None:
        """Let the file of a run that has ended go there. That another runner has written it meanwhile is told."""
        try:
            await self.give(run)
        except LockHeldError as error:
            self.work.ui.warn(str(error))

    @asynccontextmanager
    async def keeping(self, run: RunFile) -> AsyncIterator[None]:
        """Let the run's file go there before the first change, and at the end of the block, however it ends."""
        # A share goes home to its run, which is kept.
        if self._is_off or run.details().share:
            yield
            return
        pending = await run.off_loop(run.pending_counts)
        if any(set(kinds) - {ActionKind.NONE} for kinds in pending.values()):
            await self.give(run)
        try:
            with self.work.noted(run):
                yield
        except anyio.get_cancelled_exc_class():
            self.hurry()
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await self.give_back(run)

    def hurry(self) -> None:
        """Wait from now on as where the run was stopped: it was cancelled."""
        if self.work.remote is not None:
            self.work.remote.hurries = True

    @property
    def _hurries(self) -> bool:
        return self.work.stop.requested or (self.work.remote is not None and self.work.remote.hurries)

    @property
    def _is_off(self) -> bool:
        return self.work.remote is None or self.work.remote.given_up

    async def _take_rates(self, s3: S3Prefix, rates: RateStore) -> None:
        found = await s3.read(FILE)
        self._etag = found[1] if found else None
        if found and (problem := await anyio.to_thread.run_sync(rates.take_in, found[0], s3.uri(FILE))):
            self.work.ui.warn(problem)

    async def _bounded(self, step: Callable[[S3Prefix], Awaitable[None]], lost: str) -> None:
        """Do a step in bounded time, sooner where the run stops; `lost` says what it means that it can't be done."""
        state = self.work.settings.state
        done = False
        try:
            with unwrapped(), anyio.move_on_after(WAIT_S):
                async with anyio.create_task_group() as group:
                    group.start_soon(self._at_stop, group.cancel_scope)
                    async with open_prefix(self.sessions.client, str(state.s3), state.region) as s3:
                        await step(s3)
                    done = True
                    group.cancel_scope.cancel()
        except LockHeldError:
            raise
        except (BulkprofError, OSError) as error:
            self.work.ui.warn(f"{error}; {lost}")
            return
        if not done:
            why = "the run stops" if self._hurries else f"S3 gave no answer within {WAIT_S:.0f} s"
            self.work.ui.warn(f"{state.s3}: {why}; {lost}")
            if self._hurries and self.work.remote is not None:
                # The rest would take as long once more.
                self.work.remote.leave_aside()

    async def _at_stop(self, scope: anyio.CancelScope) -> None:
        if not self._hurries:
            await self.work.stop.wait()
        await anyio.sleep(WAIT_AT_STOP_S)
        scope.cancel()


async def forget_old_runs(work: Workspace, run: RunFile) -> None:
    """Forget the runs that the config keeps no longer, here and in S3, at the end of `run`."""
    if keep := work.settings.state.keep_runs:
        try:
            await run.off_loop(partial(prune_runs, work.state, keep))
        except StateError as error:
            work.ui.warn(f"old runs were not removed: {error}")
