"""Who may have calls in flight when targets stop answering: bounds that hold, and permits that come free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import anyio
import pytest

from bulkprof.engine.concurrency import side_by_side
from bulkprof.engine.in_flight import PATIENCE_S, REGROWTH, START_ROOM, CallLimit, Contact
from bulkprof.engine.lane import Lane, Traffic
from bulkprof.engine.retry import CERTAIN
from bulkprof.errors import AccessDeniedError, AmbiguousError, AwsError, UnreachableError
from bulkprof.model import Target
from bulkprof.pacing.pacer import Pacer
from bulkprof.stop import Stop, StopRequestedError
from bulkprof.totals import CallCount
from tests.engine.harness import FreePacer
from tests.simulation.virtual import run_virtually

DEAD, ALIVE = Target("111122223333", "us-east-1"), Target("444455556666", "us-east-1")
TIMEOUT_S = 30.0


def _traffic(*, due: int, overdue: int = 64, attempts: int = 8) -> Traffic:
    """Traffic in virtual time, without pacing."""

    def pacer_for(target: Target, operation: str) -> Pacer:
        return cast("Pacer", FreePacer())

    clock = asyncio.get_running_loop().time
    return Traffic(CallLimit(due, overdue), attempts, Stop(), pacer_for, TIMEOUT_S, clock)


class Calls:
    """What a target does with calls: it answers after `latency`, or never."""

    def __init__(self, latency: float = 0.1, *, dead: bool = False) -> None:
        self.latency = latency
        self.dead = dead
        self.in_flight = self.most = 0

    async def __call__(self) -> float:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            if self.dead:
                await anyio.sleep(TIMEOUT_S)
                raise AmbiguousError("no answer")
            await anyio.sleep(self.latency)
        finally:
            self.in_flight -= 1
        return anyio.current_time()


async def _swallow(lane: Lane, send: Calls, errors: list[str]) -> None:
    try:
        await lane.call("Op", send, retry_on=CERTAIN)
    except AwsError as error:
        errors.append(error.code or type(error).__name__)


def test_overdue_calls_make_room_for_other_targets() -> None:
    async def main() -> float:
        traffic, dead, errors = _traffic(due=START_ROOM), Calls(dead=True), list[str]()
        async with anyio.create_task_group() as group:
            lane = Lane(DEAD, traffic)
            for _ in range(START_ROOM):
                group.start_soon(_swallow, lane, dead, errors)
            await anyio.sleep(0.01)
            answered = await Lane(ALIVE, traffic).call("Op", Calls())
            assert dead.in_flight == START_ROOM
            assert traffic.in_flight.free == START_ROOM
        assert errors == ["AmbiguousError"] * START_ROOM
        assert traffic.in_flight.free == START_ROOM
        return answered

    assert run_virtually(main) == pytest.approx(PATIENCE_S + 0.1, abs=0.01)


def test_a_target_begins_with_few_calls_and_each_answer_makes_room() -> None:
    async def main() -> list[int]:
        traffic, calls, errors, most = _traffic(due=64), Calls(0.8), list[str](), list[int]()
        async with anyio.create_task_group() as group:
            lane = Lane(ALIVE, traffic)
            for _ in range(100):
                group.start_soon(_swallow, lane, calls, errors)
            for _ in range(3):
                await anyio.sleep(0.4)
                most.append(calls.in_flight)
                await anyio.sleep(0.4)
        return most

    first = START_ROOM
    assert run_virtually(main) == [first, first * (1 + REGROWTH), first * (1 + REGROWTH) ** 2]


def test_overdue_calls_are_bounded_too() -> None:
    async def main() -> None:
        traffic, errors = _traffic(due=4, overdue=3), list[str]()
        dead = [Calls(dead=True) for _ in range(20)]
        async with anyio.create_task_group() as group:
            for number, calls in enumerate(dead):
                group.start_soon(_swallow, Lane(Target(str(number), "r"), traffic), calls, errors)
            await anyio.sleep(TIMEOUT_S - 0.1)
            assert sum(calls.in_flight for calls in dead) == 4 + 3
        assert len(errors) == 20
        assert traffic.in_flight.free == 4

    run_virtually(main)


def test_a_silent_target_has_one_call_in_flight_until_it_answers_again() -> None:
    async def main() -> None:
        traffic, calls, errors = _traffic(due=64), Calls(), list[str]()
        lane = Lane(DEAD, traffic)
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(_swallow, lane, calls, errors)
            await anyio.sleep(0.5)
            calls.dead = True
            for _ in range(6):
                group.start_soon(_swallow, lane, calls, errors)
            await anyio.sleep(2 * PATIENCE_S)
            calls.most = 0
            for _ in range(30):
                group.start_soon(_swallow, lane, calls, errors)
            # Those six come back, and then there is one after the other.
            await anyio.sleep(2.5 * TIMEOUT_S)
            assert calls.in_flight == 1
            calls.dead = False
        # Each answer makes room for two more: 1, 3, 9, …
        assert calls.most > 3
        assert errors == ["AmbiguousError"] * 8
        assert traffic.counts["Op"] == CallCount(sent=46, failed=8)

    run_virtually(main)


def test_a_slow_target_is_not_held_back() -> None:
    async def main() -> float:
        traffic, slow, errors = _traffic(due=16), Calls(3 * PATIENCE_S), list[str]()
        async with anyio.create_task_group() as group:
            lane = Lane(ALIVE, traffic)
            for _ in range(200):
                group.start_soon(_swallow, lane, slow, errors)
                await anyio.sleep(0.1)
        assert errors == []
        return anyio.current_time()

    # After one start in which it seemed dead, it takes what comes as it comes.
    assert run_virtually(main) < 20.0 + 3 * PATIENCE_S + 2.0


def test_a_target_that_stays_silent_is_given_up_after_the_time_of_all_attempts() -> None:
    async def main() -> float:
        traffic, dead, errors = _traffic(due=64, attempts=4), Calls(dead=True), list[str]()
        async with anyio.create_task_group() as group:
            lane = Lane(DEAD, traffic)
            for _ in range(100):
                group.start_soon(_swallow, lane, dead, errors)
            await anyio.sleep(2 * PATIENCE_S)
        assert errors[-1] == "NoAnswer"
        assert traffic.counts["Op"].sent == 100 - errors.count("NoAnswer")
        return anyio.current_time()

    assert run_virtually(main) == pytest.approx(4 * TIMEOUT_S, abs=1)


def test_a_stop_leaves_the_calls_of_a_silent_target_unsent() -> None:
    async def main() -> None:
        traffic, dead, errors = _traffic(due=1), Calls(dead=True), list[str]()
        stopped: list[float] = []

        async def one(lane: Lane) -> None:
            try:
                await _swallow(lane, dead, errors)
            except StopRequestedError:
                stopped.append(anyio.current_time())

        async with anyio.create_task_group() as group:
            lane = Lane(DEAD, traffic)
            for _ in range(5):
                group.start_soon(one, lane)
            await anyio.sleep(2 * PATIENCE_S)
            traffic.stop.request()
        assert (len(errors), len(stopped), traffic.counts["Op"].sent) == (1, 4, 1)
        assert max(stopped) == pytest.approx(TIMEOUT_S)

    run_virtually(main)


@pytest.mark.parametrize(
    ("error", "answers"),
    [(None, True), (AccessDeniedError("x"), True), (AmbiguousError("x"), False), (UnreachableError("x"), False)],
)
def test_what_counts_as_an_answer(error: AwsError | None, answers: bool) -> None:
    async def main() -> None:
        traffic, calls = _traffic(due=64, attempts=1), Calls(dead=True)

        async def other() -> None:
            await anyio.sleep(2 * PATIENCE_S)
            if error is not None:
                raise error

        lane, errors = Lane(DEAD, traffic), list[str]()
        await lane.call("Op", Calls())
        await anyio.sleep(0.5)
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(_swallow, lane, calls, errors)
            group.start_soon(_swallow, lane, cast("Calls", other), errors)
            await anyio.sleep(2 * PATIENCE_S + 0.1)
            group.start_soon(_swallow, lane, calls, errors)
            await anyio.sleep(0.1)
            assert calls.in_flight == (3 if answers else 2)

    run_virtually(main)


def test_time_that_calls_wait_together_counts_once() -> None:
    contact = Contact(60.0)
    for sent_at in (0.0, 1.0, 2.0):
        contact.sent()
        contact.unanswered(sent_at + 30.0, sent_at)
        contact.returned()
    assert (contact.waited_s, contact.lost) == (32.0, False)
    # A pause between two calls is no waiting.
    contact.unanswered(130.0, 100.0)
    assert (contact.waited_s, contact.lost) == (62.0, True)
    contact.answered(140.0, 139.9)
    assert (contact.waited_s, contact.lost) == (0.0, False)


def _sides(width: int, targets: int, dead: Callable[[int], bool]) -> tuple[list[float], int]:
    """When each living target was done, and how many were at work at once."""

    async def main() -> tuple[list[float], int]:
        traffic, done, errors = _traffic(due=64, attempts=2), list[float](), list[str]()
        at_work = most = 0

        async def work(target: Target) -> None:
            nonlocal at_work, most
            at_work += 1
            most = max(most, at_work)
            gone = dead(int(target.account))
            await _swallow(Lane(target, traffic), Calls(dead=gone), errors)
            if not gone:
                done.append(anyio.current_time())
            at_work -= 1

        everywhere = [Target(str(number), "r") for number in range(targets)]
        assert await side_by_side(everywhere, width, traffic, work)
        return done, most

    return run_virtually(main)


def test_silent_targets_let_the_next_ones_in() -> None:
    done, most = _sides(5, 25, lambda number: number < 10)
    # The first five make room after a second, and stay beside the second five, which have to run out of time.
    assert most == 10
    assert max(done) == pytest.approx(PATIENCE_S + TIMEOUT_S + 0.3, abs=0.1)
    done, most = _sides(5, 25, lambda number: number < 9)
    assert max(done) == pytest.approx(PATIENCE_S + 1.6, abs=0.1)


def test_a_stop_leaves_the_targets_that_wait_out() -> None:
    async def main() -> int:
        traffic, begun = _traffic(due=64), list[Target]()

        async def work(target: Target) -> None:
            begun.append(target)
            await anyio.sleep(1)
            traffic.stop.request()

        assert not await side_by_side([Target(str(number), "r") for number in range(9)], 3, traffic, work)
        return len(begun)

    assert run_virtually(main) == 3
