"""Outcomes to sinks: at least once, in batches, whatever the sinks do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from bulkprof.delivery import sinks as sinks_module
from bulkprof.delivery.sinks import TRIES, Delivery, make_sinks
from bulkprof.engine.outcomes import closed_outcome
from bulkprof.errors import ExitCode, PluginError
from bulkprof.model import Outcome, OutcomeKind
from bulkprof.plugins import FinishedRun, GiveUpError, RunContext, Sink
from bulkprof.plugins.registry import Implementation, Registry
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary
from tests.factories import TARGET, desire, make_run, plan_all

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


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks_module, "POLL_S", 0.0)
    monkeypatch.setattr(sinks_module, "backoff", lambda attempt: 0.0)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFile]:
    run = make_run(tmp_path / "run.db")
    yield run
    run.close()


@pytest.fixture
def told() -> list[str]:
    return []


def record(run: RunFile, *names: str) -> None:
    """Rows that were carried out."""
    known = {action.name for action in run.wanted(TARGET)}
    desire(run, *(name for name in names if name not in known))
    plan_all(run)
    run.record(closed_outcome(a, OutcomeKind.CREATED) for a in run.pending(TARGET, 0, 1000) if a.name in names)


def deliver_to(run: RunFile, told: list[str], *sinks: Sink) -> Delivery:
    return Delivery(run, [(f"plugin-{sink.name}", sink) for sink in sinks], told.append)


async def test_outcomes_come_while_the_run_goes_on_and_each_once(run: RunFile, told: list[str]) -> None:
    sink = FakeSink()
    delivery = deliver_to(run, told, sink)
    record(run, "a", "b")
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(delivery.follow)
            await sink.reached.wait()
            record(run, "c")
            delivery.end()
    assert await delivery.finish(SUMMARY) == []
    assert sink.names == ["a", "b", "c"]
    assert (len(sink.ends), sink.ends[0].summary, told) == (1, SUMMARY, [])


async def test_batches_are_bounded_and_in_the_order_of_recording(
    run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_module, "BATCH", 2)
    record(run, "e")
    record(run, "a", "b", "c", "d")
    sink = FakeSink()
    assert await deliver_to(run, told, sink).finish(SUMMARY) == []
    assert sink.batches == [["e", "a"], ["b", "c"], ["d"]]
    assert [[o.name for o in batch] async for batch in sink.ends[0].outcomes()] == sink.batches


async def test_a_batch_that_failed_comes_again_whole(run: RunFile, told: list[str]) -> None:
    record(run, "a", "b")
    sink = FakeSink(fails=TRIES - 1, fails_at_end=TRIES - 1)
    assert await deliver_to(run, told, sink).finish(SUMMARY) == []
    assert (sink.batches, len(sink.ends), told) == ([["a", "b"]], 1, [])


async def test_a_sink_that_gives_up_is_not_tried_again(run: RunFile, told: list[str]) -> None:
    class RefusedError(GiveUpError):
        """One of a plugin's own."""

    class Refusing(FakeSink):
        calls = 0

        async def finish(self, run: FinishedRun) -> str | None:
            self.calls += 1
            raise RefusedError("invalid_blocks")

    sink = Refusing()
    record(run, "a")
    delivery = deliver_to(run, told, sink)
    assert await delivery.finish(SUMMARY) == ["fake"]
    assert sink.calls == 1
    (line,) = told
    assert "invalid_blocks" in line


async def test_a_sink_that_keeps_failing_is_told_once_with_its_plugin(run: RunFile, told: list[str]) -> None:
    record(run, "a")
    dead, well = FakeSink("dead", fails=1000), FakeSink("well")
    delivery = deliver_to(run, told, dead, well)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(delivery.follow)
            await well.reached.wait()
            delivery.end()
    assert await delivery.finish(SUMMARY) == ["dead"]
    assert (well.names, len(well.ends)) == (["a"], 1)
    assert len(told) == 1
    assert told[0].startswith("sink 'dead' (plugin 'plugin-dead'): ConnectionError: no route to the bucket")
    assert "runs redeliver" in told[0]


WEBHOOK = "POST https://user:pass@hooks.example.com:8443/services/T0/secret?key=secret"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError(f"{WEBHOOK} failed"), "RuntimeError: POST https://hooks.example.com:8443/… failed"),
        (SystemExit(7), "SystemExit: 7"),
        (asyncio.CancelledError(), "CancelledError: what it waited for was cancelled"),
        (TimeoutError("no route"), "TimeoutError: no route"),
    ],
)
async def test_nothing_that_a_sink_raises_gets_out(
    run: RunFile, told: list[str], error: BaseException, reason: str
) -> None:
    """Neither out of the run, nor with secrets to its user; cancelled, it is the sink's own affair that was."""

    class Raising(FakeSink):
        async def deliver(self, outcomes: Sequence[Outcome]) -> None:
            self.reached.set()
            raise error

        async def close(self) -> None:
            raise error

    record(run, "a")
    bad, well = Raising("bad"), FakeSink("well")
    delivery = deliver_to(run, told, bad, well)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(delivery.follow)
            await bad.reached.wait()
            await well.reached.wait()
            delivery.end()
        assert await delivery.finish(SUMMARY) == ["bad"]
        await delivery.close()
    assert (well.names, len(well.ends), well.closed) == (["a"], 1, 1)
    assert told == [
        f"sink 'bad' (plugin 'plugin-bad'): {reason}; `bulkprof runs redeliver` sends what is missing",
        f"sink 'bad' (plugin 'plugin-bad') doesn't close: {reason}",
    ]


async def test_a_sink_that_never_answers_is_given_up(
    run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_module, "CALL_TIMEOUT_S", 0.0)
    record(run, "a")
    hung = FakeSink("hung")
    hung.hold = anyio.Event()
    with anyio.fail_after(5):
        assert await deliver_to(run, told, hung).finish(SUMMARY) == ["hung"]
    assert len(told) == 1
    assert "no answer within 0 s" in told[0]


async def test_one_that_hangs_at_the_end_leaves_the_next_its_time(
    run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_module, "END_TIMEOUT_S", 0.2)
    record(run, "a")
    hung, well = FakeSink("hung"), FakeSink("well")
    hung.hold = anyio.Event()
    with anyio.fail_after(5):
        assert await deliver_to(run, told, hung, well).finish(SUMMARY) == ["hung"]
    assert (well.names, len(well.ends)) == (["a"], 1)


async def test_a_slow_sink_neither_holds_up_the_others_nor_the_end(
    run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_module, "END_TIMEOUT_S", 0.0)
    record(run, "a")
    slow, well = FakeSink("slow"), FakeSink("well")
    slow.hold = anyio.Event()
    delivery = deliver_to(run, told, slow, well)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(delivery.follow)
            await slow.reached.wait()
            await well.reached.wait()
            record(run, "b")
            delivery.end()
    # What it was busy with isn't counted as delivered, and comes again.
    assert run.delivered("slow") == (0, False)
    slow.hold.set()
    monkeypatch.setattr(sinks_module, "END_TIMEOUT_S", 5.0)
    assert await delivery.finish(SUMMARY) == []
    assert (slow.names, well.names) == (["a", "b"], ["a", "b"])


@pytest.mark.parametrize("early", [True, False])
async def test_a_signal_leaves_hanging_sinks_behind(
    run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """Whoever wants the run to stop doesn't wait for its sinks, whether the run was at work or waited for them."""
    monkeypatch.setattr(sinks_module, "SIGNAL_TIMEOUT_S", 0.0)
    record(run, "a")
    hung = FakeSink("hung")
    hung.hold = anyio.Event()
    delivery = deliver_to(run, told, hung)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(delivery.follow)
            await hung.reached.wait()
            if early:
                delivery.stop.request(ExitCode.TERMINATED)
                await anyio.wait_all_tasks_blocked()
            # While the run is at work, its calls in flight are what it waits for.
            delivery.end()
            delivery.stop.request(ExitCode.TERMINATED)
        assert await delivery.finish(SUMMARY) == ["hung"]
    assert run.delivered("hung") == (0, False)


async def test_a_stop_of_another_kind_gives_sinks_their_time(
    run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_module, "SIGNAL_TIMEOUT_S", 0.0)
    record(run, "a")
    slow = FakeSink("slow")
    slow.hold = anyio.Event()
    delivery = deliver_to(run, told, slow)
    delivery.stop.request(ExitCode.SAFETY_LIMIT)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(delivery.finish, SUMMARY)
            await slow.reached.wait()
            await anyio.wait_all_tasks_blocked()
            slow.hold.set()
    assert (slow.names, len(slow.ends)) == (["a"], 1)


async def test_delivering_again_sends_only_what_is_missing(run: RunFile, told: list[str]) -> None:
    record(run, "a")
    dead, well, late = FakeSink("dead"), FakeSink("well"), FakeSink("late", fails_at_end=TRIES)
    assert await deliver_to(run, told, dead, well, late).finish(SUMMARY) == ["late"]
    record(run, "b")
    again = [FakeSink("dead"), FakeSink("well"), FakeSink("late"), FakeSink("new")]
    assert await deliver_to(run, told, *again).finish(SUMMARY) == []
    # A sink that has the end has everything; the one that missed only the end gets what came since.
    assert [sink.names for sink in again] == [[], [], ["b"], ["a", "b"]]
    assert [len(sink.ends) for sink in again] == [0, 0, 1, 1]


async def test_later_sinks_see_what_earlier_ones_published(run: RunFile, told: list[str]) -> None:
    record(run, "a")
    first, second, third = FakeSink("s3", link="https://report"), FakeSink("quiet"), FakeSink("slack")
    await deliver_to(run, told, first, second, third).finish(SUMMARY)
    links = [dict(sink.ends[0].links) for sink in (first, second, third)]
    assert links == [{}, {"s3": "https://report"}, {"s3": "https://report"}]


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


class Plugins(Registry):
    """Answers of `bulkprof_sinks`, by plugin; an exception is raised."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers

    def implementations(self, hook: str) -> tuple[Implementation, ...]:
        def answering(answer: object) -> object:
            def implementation(run: RunContext) -> object:
                if isinstance(answer, Exception):
                    raise answer
                return answer

            return implementation

        return tuple(Implementation(name, hook, answering(a), True) for name, a in self.answers.items())


def made(told: list[str], **answers: object) -> list[tuple[str, str]]:
    context = RunContext("run-1", "apply", "org", "2026-11-23T00:00:00+00:00", client=None)
    return [(plugin, sink.name) for plugin, sink in make_sinks(Plugins(**answers), context, told.append).sinks]


def test_sinks_are_named_by_themselves_or_their_plugin(told: list[str]) -> None:
    answers = {"s3": [FakeSink("")], "none": None, "own": [FakeSink("mine")]}
    assert made(told, **answers) == [("s3", "s3"), ("own", "mine")]
    assert told == []


def test_no_two_sinks_share_a_name_and_so_a_position(told: list[str]) -> None:
    answers = {"s3": [FakeSink(""), FakeSink("")], "other": [FakeSink("s3")]}
    assert made(told, **answers) == [("s3", "s3"), ("s3", "s3-2"), ("other", "s3-3")]


@pytest.mark.parametrize("answer", [ValueError("no bucket"), PluginError("bad", "no bucket"), [object()], 5])
def test_a_plugin_that_makes_no_sink_is_told_and_left_out(told: list[str], answer: object) -> None:
    assert made(told, bad=answer, good=[FakeSink("")]) == [("good", "good")]
    assert len(told) == 1
    assert told[0].startswith("plugin 'bad' makes no sink: ")


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


async def test_a_sink_that_keeps_the_run_from_going_on_is_named_once(run: RunFile, told: list[str]) -> None:
    now = [0.0]

    class Blocking(FakeSink):
        async def deliver(self, outcomes: Sequence[Outcome]) -> None:
            # Waiting for others is no fault, however long it takes.
            await anyio.lowlevel.checkpoint()
            now[0] += 12.5
            await anyio.lowlevel.checkpoint()

    record(run, "a")
    delivery = deliver_to(run, told, Blocking("slow"), FakeSink("quick"))
    delivery.clock = lambda: now[0]
    assert await delivery.finish(SUMMARY) == []
    record(run, "b")
    await delivery._deliver_new("plugin-slow", delivery.sinks[0][1])
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


def test_the_sinks_of_a_run_are_known_before_they_got_anything(run: RunFile) -> None:
    run.expect_sinks(["a", "b"])
    run.set_delivered("a", 0, finished=True)
    run.expect_sinks(["a", "b", "c"])
    assert run.sinks_missing() == ["b", "c"]
    run.forget_sinks(["c"])
    assert run.sinks_missing() == ["b"]


async def test_what_a_sink_answers_that_is_no_link_is_told_and_harms_nothing(run: RunFile, told: list[str]) -> None:
    record(run, "a")
    odd, other = FakeSink("odd", link=cast("str", {"url": object()})), FakeSink("other")
    assert await deliver_to(run, told, odd, other).finish(SUMMARY) == []
    assert [line.partition(": ")[2] for line in told] == [
        "FakeSink.finish answers dict, which is no link: answer a URL or None"
    ]
    assert other.ends[0].links == {}


@dataclass(frozen=True)
class FrozenSink(Sink):
    """A sink that can't be given another name."""

    name: str = "frozen"


def test_a_sink_that_takes_no_name_keeps_its_own(told: list[str]) -> None:
    assert made(told, p=[FrozenSink()]) == [("p", "frozen")]
    assert made(told, p=[FrozenSink(), FrozenSink()]) == []
    assert told == ["plugin 'p' makes no sink: cannot assign to field 'name'"]


def test_a_name_of_a_sink_is_a_string(told: list[str]) -> None:
    assert made(told, p=[FakeSink(cast("str", 5))]) == []
    assert told == ["plugin 'p' makes no sink: FakeSink.name must be a string, not int"]
