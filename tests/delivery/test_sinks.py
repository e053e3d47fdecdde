"""Outcomes to sinks: at least once, in batches, whatever the sinks do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import anyio
import anyio.lowlevel
import pytest

from bulkprof.delivery import sinks as sinks_module
from bulkprof.delivery.sinks import TRIES
from bulkprof.errors import ExitCode
from bulkprof.model import Outcome
from bulkprof.plugins import FinishedRun, GiveUpError
from bulkprof.store.run import RunFile
from tests.delivery.fakes import SUMMARY, FakeSink, deliver_to, record


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


async def test_a_sink_may_ask_for_more_time(run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks_module, "END_TIMEOUT_S", 0.0)
    monkeypatch.setattr(sinks_module, "CALL_TIMEOUT_S", 0.0)
    record(run, "a")
    slow, hasty = FakeSink("slow"), FakeSink("hasty")
    slow.end_timeout_s = 5.0
    slow.hold = hasty.hold = anyio.Event()
    delivery = deliver_to(run, told, hasty, slow)
    missing: list[str] = []

    async def finish() -> None:
        missing.extend(await delivery.finish(SUMMARY))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(finish)
            await slow.reached.wait()
            slow.hold.set()
    assert (slow.names, missing) == (["a"], ["hasty"])


async def test_a_deadline_leaves_such_a_sink_the_usual_time(
    run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_module, "END_TIMEOUT_S", 0.0)
    record(run, "a")
    slow = FakeSink("slow")
    slow.end_timeout_s = 600.0
    slow.hold = anyio.Event()
    delivery = deliver_to(run, told, slow)
    delivery.stop.request(ExitCode.ROWS_FAILED, "the deadline is reached")
    with anyio.fail_after(5):
        assert await delivery.finish(SUMMARY) == ["slow"]


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


def test_the_sinks_of_a_run_are_known_before_they_got_anything(run: RunFile) -> None:
    run.expect_sinks(["a", "b"])
    run.set_delivered("a", 0, finished=True)
    run.expect_sinks(["a", "b", "c"])
    assert run.sinks_missing() == ["b", "c"]
    run.forget_sinks(["c"])
    assert run.sinks_missing() == ["b"]
