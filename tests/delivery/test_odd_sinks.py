"""Sinks that end, block, return or wait in odd ways."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from bulkprof.delivery import sinks as sinks_module
from bulkprof.model import Outcome
from bulkprof.plugins import Sink
from bulkprof.store.run import RunFile
from tests.delivery.fakes import SUMMARY, FakeSink, deliver_to, record


class BadlyClosing(FakeSink):
    async def close(self) -> None:
        await super().close()
        raise OSError("already gone")


async def test_every_sink_is_closed_once_also_when_cancelled(run: RunFile, told: list[str]) -> None:
    sinks = [FakeSink("a"), BadlyClosing("b"), FakeSink("c")]
    with anyio.CancelScope() as scope:
        scope.cancel()
        await deliver_to(run, told, *sinks).close()
    assert [sink.closed for sink in sinks] == [1, 1, 1]
    assert told == ["sink 'b' (plugin 'plugin-b') doesn't close: OSError: already gone"]


class NeverClosing(FakeSink):
    async def close(self) -> None:
        await anyio.sleep_forever()


async def test_a_sink_that_does_not_close_is_left_behind(
    run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_module, "CLOSE_TIMEOUT_S", 0.05)
    last = FakeSink("last")
    with anyio.fail_after(5):
        await deliver_to(run, told, NeverClosing("never"), last).close()
    assert last.closed == 1


async def test_cancelling_passes_through_a_sink_at_once(run: RunFile, told: list[str]) -> None:
    record(run, "a")
    sink = FakeSink()
    sink.hold = anyio.Event()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(deliver_to(run, told, sink).follow)
            await sink.reached.wait()
            group.cancel_scope.cancel()
    assert (run.delivered("fake"), told) == ((0, False), [])


class PlainSink(Sink):
    """Somebody's first sink."""

    name = "plain"

    def __init__(self) -> None:
        self.calls = 0

    def deliver(self, outcomes: Sequence[Outcome]) -> None:  # type: ignore[override]
        self.calls += 1


async def test_a_sink_that_is_not_async_is_named_at_once(run: RunFile, told: list[str]) -> None:
    sink = PlainSink()
    record(run, "a")
    delivery = deliver_to(run, told, sink)
    assert await delivery.finish(SUMMARY) == ["plain"]
    assert await delivery.finish(SUMMARY) == ["plain"]
    assert sink.calls == 2
    assert told == [
        "sink 'plain' (plugin 'plugin-plain'): PlainSink.deliver is not async, so it can't be awaited; write "
        "`async def deliver`; `bulkprof runs redeliver` sends what is missing"
    ]


async def test_what_a_sink_answers_may_be_any_awaitable(run: RunFile, told: list[str]) -> None:
    class Future(FakeSink):
        def deliver(self, outcomes: Sequence[Outcome]) -> asyncio.Future[None]:  # type: ignore[override]
            future = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(future.set_result, None)
            self.batches.append([outcome.name for outcome in outcomes])
            return future

    sink = Future()
    record(run, "a")
    assert await deliver_to(run, told, sink).finish(SUMMARY) == []
    assert (sink.names, told) == (["a"], [])


async def test_a_sink_that_keeps_the_run_from_going_on_is_named_once(
    run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    class Blocking(FakeSink):
        async def deliver(self, outcomes: Sequence[Outcome]) -> None:
            # Waiting for others is no fault, however long it takes.
            await anyio.lowlevel.checkpoint()
            now[0] += 12.5
            await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(sinks_module, "BATCH", 1)
    record(run, "a", "b")
    delivery = deliver_to(run, told, Blocking("slow"), FakeSink("quick"))
    delivery.clock = lambda: now[0]
    assert await delivery.finish(SUMMARY) == []
    assert now == [25.0]
    assert told == [
        "sink 'slow' (plugin 'plugin-slow'): Blocking.deliver kept the whole run from going on for 12.5 s; await what "
        "takes time, or do it in a thread (anyio.to_thread.run_sync)"
    ]


async def test_time_that_passes_while_a_sink_waits_is_not_its_own(run: RunFile, told: list[str]) -> None:
    now, went_on = [0.0], anyio.Event()

    class Waiting(FakeSink):
        async def deliver(self, outcomes: Sequence[Outcome]) -> None:
            await went_on.wait()

    async def others() -> None:
        now[0] += 60.0
        went_on.set()

    record(run, "a")
    delivery = deliver_to(run, told, Waiting())
    delivery.clock = lambda: now[0]
    async with anyio.create_task_group() as group:
        group.start_soon(delivery.finish, SUMMARY)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(others)
    assert told == []


async def test_what_a_sink_answers_that_is_no_link_is_told_and_harms_nothing(run: RunFile, told: list[str]) -> None:
    record(run, "a")
    odd, other = FakeSink("odd", link=cast("str", {"url": object()})), FakeSink("other")
    assert await deliver_to(run, told, odd, other).finish(SUMMARY) == []
    assert [line.partition(": ")[2] for line in told] == [
        "FakeSink.finish returned dict, which is no link: return a URL or None"
    ]
    assert other.ends[0].links == {}
