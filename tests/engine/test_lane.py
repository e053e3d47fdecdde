"""A lane's calls: in turn, paced, counted, and bounded together with all others in flight."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from bulkprof.engine.lane import RETRY_AFTER_MOST_S, Lane, LaneClosedError
from bulkprof.engine.retry import CERTAIN, THROTTLE_PATIENCE_S
from bulkprof.errors import AccessDeniedError, AmbiguousError, AwsError, ThrottledError
from bulkprof.model import Target
from bulkprof.stop import Stop, StopRequestedError
from bulkprof.telemetry.seam import Call as Watched
from bulkprof.telemetry.seam import Calls
from bulkprof.totals import CallCount, CallTimes
from tests.engine.harness import FreePacer, InstantStop, make_traffic
from tests.factories import TARGET

OTHER = Target("444455556666", "us-east-1")


class Call:
    """A call that is answered when the test says so."""

    def __init__(self) -> None:
        self.sent = anyio.Event()
        self.answer = anyio.Event()

    async def __call__(self) -> str:
        self.sent.set()
        await self.answer.wait()
        return "done"


async def _answered() -> str:
    await anyio.lowlevel.checkpoint()
    return "done"


async def test_calls_of_one_operation_go_in_the_order_in_which_they_asked() -> None:
    lane = Lane(TARGET, make_traffic(in_flight=1))
    order: list[int] = []

    async def one(number: int) -> None:
        async def send() -> None:
            await anyio.lowlevel.checkpoint()
            order.append(number)

        await lane.call("Op", send)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(one, number)
    assert order == list(range(20))


async def test_a_lane_that_waits_for_its_pacer_holds_no_permit() -> None:
    slow, stop = FreePacer(), Stop()
    slow.delay = 3600.0
    traffic = make_traffic(in_flight=1, stop=stop, Slow=slow)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(_expect_stop, Lane(TARGET, traffic))
            await anyio.wait_all_tasks_blocked()
            # The other lane gets the only permit, though the first came earlier.
            assert await Lane(OTHER, traffic).call("Fast", _answered) == "done"
            assert slow.told == []
            stop.request()
    assert traffic.in_flight.free == 1


async def _expect_stop(lane: Lane) -> None:
    with pytest.raises(StopRequestedError):
        await lane.call("Slow", _answered)


async def test_the_limit_of_calls_in_flight_is_one_for_all_lanes() -> None:
    traffic = make_traffic(in_flight=2)
    calls = [Call() for _ in range(3)]
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for number, call in enumerate(calls):
                group.start_soon(Lane(Target(str(number), "r"), traffic).call, "Op", call)
            await anyio.wait_all_tasks_blocked()
            assert [call.sent.is_set() for call in calls] == [True, True, False]
            calls[1].answer.set()
            await calls[2].sent.wait()
            for call in calls:
                call.answer.set()
    assert traffic.in_flight.free == 2
    assert traffic.counts["Op"] == CallCount(sent=3)


async def test_operations_of_one_lane_do_not_wait_for_each_other() -> None:
    slow = FreePacer()
    slow.delay = 3600.0
    traffic = make_traffic(stop=Stop(), Slow=slow)
    lane = Lane(TARGET, traffic)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(_expect_stop, lane)
            await anyio.wait_all_tasks_blocked()
            assert await lane.call("Fast", _answered) == "done"
            traffic.stop.request()


async def test_every_attempt_counts_once_and_the_pacer_hears_of_each() -> None:
    pacer = FreePacer()
    traffic = make_traffic(Op=pacer)
    traffic.times = CallTimes(lambda: 7.5)
    errors = [ThrottledError("x", retry_after=7.0), AmbiguousError("y"), ThrottledError("z"), None]

    async def send() -> str:
        if (error := errors.pop(0)) is not None:
            raise error
        return "done"

    lane = Lane(TARGET, traffic)
    assert await lane.call("Op", send) == "done"
    assert traffic.counts == {"Op": CallCount(sent=4, throttled=2, failed=1)}
    assert traffic.times.take() == {"Op": {7: CallCount(sent=4, throttled=2, failed=1)}}
    assert (lane.throttles, Lane(OTHER, traffic).throttles) == (2, 0)
    assert [each for each in pacer.told if each != "started"] == [
        "throttled 7.0", "accepted", "throttled None", "accepted",
    ]  # fmt: skip


async def test_a_long_retry_after_is_honoured_in_part_and_told_once() -> None:
    told: list[str] = []
    pacer = FreePacer()
    traffic = make_traffic(Op=pacer)
    traffic.tell = told.append
    errors = [ThrottledError("x", retry_after=seconds) for seconds in (5.0, 86_400.0, 1e20)]

    async def send() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    lane = Lane(TARGET, traffic)
    assert await lane.call("Op", send) == "done"
    assert [each for each in pacer.told if each.startswith("throttled")] == [
        "throttled 5.0", f"throttled {RETRY_AFTER_MOST_S}", f"throttled {RETRY_AFTER_MOST_S}",
    ]  # fmt: skip
    assert told == [f"{TARGET}: Op waits 300 s, as Retry-After asks (it says 86400 s)"]
    errors.append(ThrottledError("x", retry_after=60.0))
    await lane.call("Other", send)
    assert told[1:] == [f"{TARGET}: Other waits 60 s, as Retry-After asks"]


async def test_what_is_only_throttled_is_given_up_in_time_with_all_that_wait() -> None:
    """One after the other, each of them would wait as long as the first."""
    now = 0.0

    class Clocked(InstantStop):
        async def pause(self, seconds: float) -> None:
            nonlocal now
            now += seconds
            pacer.delay = max(0.0, pacer.delay - seconds)
            await anyio.lowlevel.checkpoint()

    pacer, sent = FreePacer(), 0
    traffic = make_traffic(stop=Clocked(), Op=pacer)
    traffic.clock = lambda: now
    lane = Lane(TARGET, traffic)

    async def throttled() -> None:
        nonlocal sent
        sent += 1
        pacer.delay = RETRY_AFTER_MOST_S
        raise ThrottledError("slower", retry_after=86_400.0)

    async def expect_the_end() -> None:
        with pytest.raises(AwsError, match="nothing but throttles came in 900 s") as caught:
            await lane.call("Op", throttled)
        assert caught.value.code == "OnlyThrottles"

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(expect_the_end)
    assert (now, sent) == (THROTTLE_PATIENCE_S, 4)
    # Other operations of the target have nothing to do with it, and this one is tried again once it may be at once.
    assert await lane.call("Other", _answered) == "done"
    pacer.delay = 0.0
    assert await lane.call("Op", _answered) == "done"


@pytest.mark.parametrize("error", [AccessDeniedError("x"), ThrottledError("x"), AmbiguousError("x"), ValueError("x")])
async def test_whatever_a_call_raises_its_permit_is_free_again(error: Exception) -> None:
    traffic = make_traffic(in_flight=1, attempts=1)
    lane = Lane(TARGET, traffic)
    raised = False

    async def send() -> str:
        nonlocal raised
        if not raised:
            raised = True
            raise error
        return "done"

    if isinstance(error, ThrottledError):
        assert await lane.call("Op", send) == "done"
    else:
        with pytest.raises(type(error)):
            await lane.call("Op", send, retry_on=CERTAIN)
        assert await lane.call("Op", send) == "done"
    assert traffic.in_flight.free == 1


@pytest.mark.parametrize("moment", ["in flight", "waiting for a permit", "waiting for its turn"])
async def test_a_cancelled_call_frees_whatever_it_held(moment: str) -> None:
    traffic = make_traffic(in_flight=1)
    lane = Lane(TARGET, traffic)
    first, second, third = Call(), Call(), Call()
    scopes = [anyio.CancelScope() for _ in range(3)]

    async def one(call: Call, scope: anyio.CancelScope) -> None:
        with scope:
            await lane.call("Op", call)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for call, scope in zip((first, second, third), scopes, strict=True):
                group.start_soon(one, call, scope)
            await anyio.wait_all_tasks_blocked()
            cancelled = ("in flight", "waiting for a permit", "waiting for its turn").index(moment)
            scopes[cancelled].cancel()
            for call in (first, second, third):
                call.answer.set()
    assert [call.sent.is_set() for call in (first, second, third)].count(True) == (3 if cancelled == 0 else 2)
    assert traffic.in_flight.free == 1
    assert await lane.call("Op", _answered) == "done"


@pytest.mark.parametrize("waits_for", ["pacer", "permit", "turn"])
async def test_a_stop_ends_every_wait_without_sending(waits_for: str) -> None:
    pacer, stop = FreePacer(), Stop()
    traffic = make_traffic(in_flight=1, stop=stop, Slow=pacer)
    lane, other = Lane(TARGET, traffic), Lane(OTHER, traffic)
    running = Call()
    pacer.delay = 0.0 if waits_for == "permit" else 3600.0
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(other.call, "Op", running)
            await running.sent.wait()
            for _ in range(2 if waits_for == "turn" else 1):
                group.start_soon(_expect_stop, lane)
            await anyio.wait_all_tasks_blocked()
            stop.request()
            await anyio.wait_all_tasks_blocked()
            running.answer.set()
    assert traffic.counts["Slow"] == CallCount()
    assert traffic.counts["Op"] == CallCount(sent=1)
    assert traffic.in_flight.free == 1


async def test_a_stop_between_two_attempts_ends_the_call() -> None:
    stop = InstantStop()
    traffic = make_traffic(stop=stop)

    async def send() -> None:
        stop.request()
        raise AmbiguousError("x")

    with pytest.raises(StopRequestedError):
        await Lane(TARGET, traffic).call("Op", send)
    assert traffic.counts["Op"] == CallCount(sent=1, failed=1)


class Watching(Calls):
    """Keeps the calls that it takes."""

    def __init__(self) -> None:
        self.taken: list[Watched] = []

    def take(self, call: Watched) -> None:
        self.taken.append(call)


async def test_each_attempt_is_told_to_telemetry_with_its_end_and_its_wait() -> None:
    answers: list[AwsError | str] = [ThrottledError("slow"), AmbiguousError("cut"), "done"]
    times = iter(range(100))
    traffic = make_traffic()
    traffic.clock = lambda: float(next(times))
    watching = Watching()

    async def send() -> str:
        answer = answers.pop(0)
        if isinstance(answer, AwsError):
            raise answer
        return answer

    assert await Lane(TARGET, traffic, watching).call("Op", send) == "done"
    assert [type(call.error) for call in watching.taken] == [ThrottledError, AmbiguousError, type(None)]
    assert {call.operation for call in watching.taken} == {"Op"}
    assert all(call.waited_s > 0 and call.ended_at > call.sent_at > 0 for call in watching.taken)


async def test_a_call_that_is_cut_short_is_told_and_one_that_never_goes_out_is_not() -> None:
    watching, call = Watching(), Call()
    lane = Lane(TARGET, make_traffic(), watching)
    async with anyio.create_task_group() as group:
        group.start_soon(lane.call, "Op", call)
        await call.sent.wait()
        group.cancel_scope.cancel()
    assert [type(each.error) for each in watching.taken] == [anyio.get_cancelled_exc_class()]
    lane.close(("Op",), "Closed", "no more")
    with pytest.raises(LaneClosedError):
        await lane.call("Op", _answered)
    assert len(watching.taken) == 1
