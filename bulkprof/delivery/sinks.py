"""Outcomes and the run's end to sinks, at least once, from the run file.

The run file is the queue: each sink has a position in it, so a slow sink delays nothing and memory stays flat, and what
a broken one missed is still there for `bulkprof runs redeliver`. Nothing that a sink does can harm the run.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import anyio

from bulkprof.config import Settings
from bulkprof.delivery.entries import RunEntries
from bulkprof.delivery.timed_steps import TimedSteps
from bulkprof.engine.retry import backoff
from bulkprof.errors import without_secrets
from bulkprof.model import Outcome
from bulkprof.plugins import FinishedRun, GiveUpError, RunContext, Sink
from bulkprof.plugins.registry import Registry
from bulkprof.reports.html.page import run_page
from bulkprof.stop import Stop
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary

BATCH = 200
POLL_S = 1.0
"""Seconds between two looks for new outcomes while the run goes on."""
TRIES = 3
CALL_TIMEOUT_S = 30.0
"""Seconds that one call of a sink may take."""
END_TIMEOUT_S = 60.0
"""Seconds that a run waits for its sinks after its last action, and then for each to take the end."""
SIGNAL_TIMEOUT_S = 5.0
"""The same after a signal: what sinks miss then is delivered by `resume` or `runs redeliver`."""
CLOSE_TIMEOUT_S = 5.0
BLOCKED_S = 1.0
"""Seconds for which a sink may block everything else of a run before there is a warning."""


@dataclass(slots=True)
class Delivery:
    """The sinks of one run, each fed by a task of its own."""

    run: RunFile
    state: StateDirectory
    """Where the run belongs."""
    sinks: Sequence[tuple[str, Sink]]
    """Plugin names and their sinks."""
    warn: Callable[[str], None]
    """Called once for each sink that is given up."""
    stop: Stop = field(default_factory=Stop)
    settings: Settings = field(default_factory=Settings)
    clock: Callable[[], float] = time.monotonic
    _ended: anyio.Event = field(default_factory=anyio.Event)
    _warned_of: set[str] = field(default_factory=set)
    _warned_of_blocking: set[str] = field(default_factory=set)

    async def follow(self) -> None:
        """Deliver batches while the run goes on; ends after `end()`, also where a slow sink has a backlog."""
        async with anyio.create_task_group() as group:
            for plugin, sink in self.sinks:
                group.start_soon(self._follow_one, plugin, sink)

    def end(self) -> None:
        """Say that no more outcomes come."""
        self._ended.set()

    async def finish(self, summary: RunSummary) -> list[str]:
        """Deliver what is left and the run's end, one sink after the other. Return those that miss something.

        In config order, so that a link which one sink returns (a report in S3) can be shown by the next (Slack).
        """
        self.end()
        missing = []
        for plugin, sink in self.sinks:
            # One that hangs must not use up the time of those after it.
            async with self._in_time(sink):
                await self._finish_one(plugin, sink, summary)
        for _, sink in self.sinks:
            if not (await self.run.off_loop(partial(self.run.delivered, sink.name)))[1]:
                missing.append(sink.name)
        return missing

    @asynccontextmanager
    async def _in_time(self, sink: Sink) -> AsyncIterator[None]:
        """Limit the time of what is inside, from `end()` on, and to less from a stop on."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._limit, group.cancel_scope, max(END_TIMEOUT_S, sink.end_timeout_s))
            yield
            group.cancel_scope.cancel()

    async def _limit(self, scope: anyio.CancelScope, seconds: float) -> None:
        await self._ended.wait()
        scope.deadline = anyio.current_time() + seconds
        await self.stop.wait()
        most = SIGNAL_TIMEOUT_S if self.stop.by_signal else END_TIMEOUT_S
        scope.deadline = min(scope.deadline, anyio.current_time() + most)

    async def close(self) -> None:
        """Let every sink release what it holds, also when the run is being cancelled."""
        for plugin, sink in self.sinks:
            try:
                with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True), _contained():
                    await self._call(plugin, sink, "close")
            except _SinkError as error:
                self.warn(f"sink {sink.name!r} (plugin {plugin!r}) doesn't close: {error}")

    async def _follow_one(self, plugin: str, sink: Sink) -> None:
        async with self._in_time(sink):
            while not self._ended.is_set():
                with anyio.move_on_after(POLL_S):
                    await self._ended.wait()
                if not await self._deliver_new(plugin, sink):
                    return

    async def _finish_one(self, plugin: str, sink: Sink, summary: RunSummary) -> None:
        position, finished = await self.run.off_loop(partial(self.run.delivered, sink.name))
        if finished or not await self._deliver_new(plugin, sink):
            return
        links = (await self.run.off_loop(self.run.details)).links
        html = partial(self._html, summary)
        entries = RunEntries(self.run, self.state, self.settings)
        end = FinishedRun(
            summary, self._outcomes, links, html, entries.there, entries.gone, entries.kept, entries.later
        )
        if taken := await self._guarded(plugin, sink, "finish", end):
            if taken.returned and not isinstance(taken.returned, str):
                self.warn(
                    f"sink {sink.name!r} (plugin {plugin!r}): {type(sink).__name__}.finish returned "
                    f"{type(taken.returned).__name__}, which is no link: return a URL or None"
                )
            elif taken.returned:
                # Kept with the run, for sinks that are served by a later `redeliver`.
                links = {**links, sink.name: taken.returned}
                await self.run.off_loop(partial(self.run.note, links=links))
            position, _ = await self.run.off_loop(partial(self.run.delivered, sink.name))
            await self.run.off_loop(partial(self.run.set_delivered, sink.name, position, finished=True))

    async def _deliver_new(self, plugin: str, sink: Sink) -> bool:
        """Bring a sink up to date. Return False when it was given up."""
        while True:
            batch = await self.run.off_loop(partial(self._next_batch, sink))
            if not batch:
                return True
            if not await self._guarded(plugin, sink, "deliver", [outcome for _, outcome in batch]):
                return False
            await self.run.off_loop(partial(self.run.set_delivered, sink.name, batch[-1][0]))

    def _next_batch(self, sink: Sink) -> list[tuple[int, Outcome]]:
        """Return the next outcomes for a sink, with their sequence numbers; for some, as they were before. Blocks."""
        position, _ = self.run.delivered(sink.name)
        batch = self.run.outcomes_after(position, BATCH)
        if not batch or not sink.same_batches:
            return batch
        ends = self.run.details().batches
        if same := [each for each in batch if each[0] <= ends.get(sink.name, 0)]:
            return same
        # Before it is sent: a run that is killed doesn't know whether it was taken.
        self.run.note(batches={**ends, sink.name: batch[-1][0]})
        return batch

    async def _outcomes(self) -> AsyncIterator[Sequence[Outcome]]:
        position = 0
        while batch := await self.run.off_loop(partial(self.run.outcomes_after, position, BATCH)):
            yield [outcome for _, outcome in batch]
            position = batch[-1][0]

    async def _html(self, summary: RunSummary) -> str:
        return await self.run.off_loop(partial(run_page, self.run, summary, self.state))

    async def _guarded(self, plugin: str, sink: Sink, method: str, argument: Any) -> _Taken | None:
        """Call a sink with a time limit and a few tries. Return None where it fails, after a warning."""
        limit_s = max(CALL_TIMEOUT_S, sink.end_timeout_s)
        for attempt in range(1, TRIES + 1):
            try:
                with anyio.fail_after(limit_s), _contained():
                    return _Taken(await self._call(plugin, sink, method, argument))
            except TimeoutError:
                reason = f"no answer within {limit_s:g} s"
            except _NotAsyncError as error:
                # The next try would end the same way.
                reason = str(error)
                break
            except _SinkError as error:
                reason = str(error)
                if isinstance(error.__cause__, GiveUpError):
                    break
            if attempt < TRIES:
                await anyio.sleep(backoff(attempt))
        if sink.name not in self._warned_of:
            self._warned_of.add(sink.name)
            again = "`bulkprof runs redeliver` sends what is missing"
            self.warn(f"sink {sink.name!r} (plugin {plugin!r}): {reason}; {again}")
        return None

    async def _call(self, plugin: str, sink: Sink, method: str, *arguments: Any) -> Any:
        """Call a method of a sink, and warn when it blocked everything else."""
        awaitable = getattr(sink, method)(*arguments)
        if not inspect.isawaitable(awaitable):
            what = f"{type(sink).__name__}.{method} is not async"
            raise _NotAsyncError(f"{what}, so it can't be awaited; write `async def {method}`")
        timed = TimedSteps(awaitable, self.clock)
        try:
            return await timed
        finally:
            if timed.longest_s >= BLOCKED_S and sink.name not in self._warned_of_blocking:
                self._warned_of_blocking.add(sink.name)
                self.warn(
                    f"sink {sink.name!r} (plugin {plugin!r}): {type(sink).__name__}.{method} kept the whole run from "
                    f"going on for {timed.longest_s:.1f} s; await what takes time, or do it in a thread "
                    "(anyio.to_thread.run_sync)"
                )


class _Taken(NamedTuple):
    """That a sink took something, and what it returned."""

    returned: Any


class _SinkError(Exception):
    """What a sink raised, in words."""


class _NotAsyncError(_SinkError):
    """A method of a sink that can't be awaited."""


@contextmanager
def _contained() -> Iterator[None]:
    """Turn whatever a sink raises into a `_SinkError`: it is foreign code, and no error of it may harm the run."""
    try:
        yield
    except _SinkError:
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # The run was not cancelled: something of the sink's own was, which it waited for.
        raise _SinkError("CancelledError: what it waited for was cancelled") from None
    except (Exception, SystemExit) as error:
        raise _SinkError(f"{type(error).__name__}: {without_secrets(str(error))}") from error


class MadeSinks(NamedTuple):
    """The sinks of a run."""

    sinks: list[tuple[str, Sink]]
    """Plugin names and their sinks."""
    unmade: list[str]
    """The plugins whose sinks could not be made: `redeliver` delivers what they miss, too."""


def make_sinks(registry: Registry, context: RunContext, warn: Callable[[str], None]) -> MadeSinks:
    """Ask the plugins for their sinks. A warning says which can't be made; the run goes on without them."""
    sinks: list[tuple[str, Sink]] = []
    unmade: list[str] = []
    for implementation in registry.implementations("bulkprof_sinks"):
        try:
            made: list[Any] = list(implementation.call(context) or ())
            if strange := [sink for sink in made if not isinstance(sink, Sink)]:
                raise TypeError(f"{type(strange[0]).__name__} is not a bulkprof.plugins.Sink")  # noqa: TRY301
            named = list(_named(made, implementation.plugin, {sink.name for _, sink in sinks}))
        except Exception as error:  # noqa: BLE001 - as above
            warn(f"plugin {implementation.plugin!r} makes no sink: {without_secrets(str(error))}")
            unmade.append(implementation.plugin)
            continue
        sinks.extend(named)
    return MadeSinks(sinks, unmade)


def _named(made: Sequence[Sink], plugin: str, taken: set[str]) -> Iterator[tuple[str, Sink]]:
    """Return a plugin's sinks with names that aren't `taken`. Raises what a foreign class raises at a new name."""
    for sink in made:
        if not isinstance(sink.end_timeout_s, int | float):
            raise TypeError(f"{type(sink).__name__}.end_timeout_s must be a number of seconds")
        # Positions are kept by name: two of one name would each get a part.
        name = sink.name or plugin
        if not isinstance(name, str):
            raise TypeError(f"{type(sink).__name__}.name must be a string, not {type(name).__name__}")
        free = next(each for n in count(1) if (each := name if n == 1 else f"{name}-{n}") not in taken)
        if sink.name != free:
            sink.name = free
        taken.add(free)
        yield plugin, sink
