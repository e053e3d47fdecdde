"""An engine that is stopped, cancelled or left without a disk: what was done is on record, the rest is open."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from bulkprof.engine import engine as engine_module
from bulkprof.engine import in_flight, outcomes
from bulkprof.engine.target_run import LANE_WIDTH
from bulkprof.errors import StateError, unwrapped
from bulkprof.model import ActionKind, Outcome, OutcomeKind, Target
from bulkprof.profiles.operations import Operation
from bulkprof.stop import Stop
from bulkprof.store.run import RunFile
from bulkprof.system import clocks
from tests.engine.fake_aws import FakeAws
from tests.engine.harness import make_traffic
from tests.engine.test_engine import WEST, make_engine
from tests.factories import TARGET, desire, make_run, plan_all

ROWS = 3 * LANE_WIDTH


@pytest.fixture(autouse=True)
def _commit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "FLUSH_S", 0.0)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFile]:
    run = make_run(tmp_path / "run.db")
    desire(run, *(f"p{number:03}" for number in range(ROWS)))
    plan_all(run)
    yield run
    run.close()


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.mark.parametrize("most", [1, 64])
async def test_a_stop_records_what_is_in_flight_and_leaves_the_rest_open(
    run: RunFile, aws: FakeAws, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As wide as a lane gets when it has had answers.
    monkeypatch.setattr(in_flight, "START_ROOM", LANE_WIDTH)
    stop, go = Stop(), anyio.Event()

    under_way = anyio.Event()

    async def before(operation: str, what: str) -> None:
        if len(aws.calls) == min(most, LANE_WIDTH):
            under_way.set()
        await go.wait()

    aws.before = before
    traffic = make_traffic(in_flight=most, stop=stop)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(make_engine(run, {TARGET: aws}, traffic).execute, [TARGET])
            await under_way.wait()
            stop.request()
            go.set()
    assert run.outcome_counts() == {OutcomeKind.CREATED: len(aws.profiles)}
    assert len(aws.profiles) == min(most, LANE_WIDTH)
    assert len(run.pending(TARGET, 0, 1000)) == ROWS - len(aws.profiles)
    assert traffic.in_flight.free == most


async def test_a_stop_starts_no_further_target(run: RunFile, aws: FakeAws) -> None:
    others = [Target(f"{number:012}", "eu-west-1") for number in range(9)]
    for target in others:
        desire(run, "a", target=target)
    plan_all(run)
    stop = Stop()
    aws.script("create", *[_requesting(stop)] * ROWS)
    opened: list[str] = []

    async def before(operation: str, what: str) -> None:
        opened.append(what)

    aws.before = before
    engine = make_engine(run, {TARGET: aws} | dict.fromkeys(others, aws), make_traffic(stop=stop), max_targets=1)
    await engine.execute([TARGET, *others])
    assert "a" not in opened
    assert set(run.pending_targets()) == {TARGET, *others}


def _requesting(stop: Stop) -> object:
    async def step() -> None:
        stop.request()

    return step


async def test_an_engine_that_starts_stopped_does_nothing(run: RunFile, aws: FakeAws) -> None:
    stop = Stop()
    stop.request()
    await make_engine(run, {TARGET: aws}, make_traffic(stop=stop)).execute([TARGET])
    assert (aws.calls, run.outcome_counts()) == ([], {})


async def test_what_was_left_open_is_carried_on_by_the_next_engine(run: RunFile, aws: FakeAws) -> None:
    stop = Stop()
    aws.script("create", *[None] * 7, _requesting(stop))
    await make_engine(run, {TARGET: aws}, make_traffic(stop=stop)).execute([TARGET])
    done = sum(run.outcome_counts().values())
    assert 8 <= done < ROWS
    await make_engine(run, {TARGET: aws}).execute(run.pending_targets())
    assert run.outcome_counts() == {OutcomeKind.CREATED: ROWS}
    assert set(aws.names().values()) == {1}
    assert run.calls()[Operation.CREATE].sent == ROWS


async def test_a_cancelled_engine_has_recorded_every_answer(
    run: RunFile, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "FLUSH_S", 3600.0)
    made, rest = anyio.Event(), 10

    async def before(operation: str, what: str) -> None:
        if len(aws.profiles) >= rest:
            made.set()
            await anyio.sleep_forever()

    aws.before = before
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(make_engine(run, {TARGET: aws}).execute, [TARGET])
            await made.wait()
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
    recorded = {outcome.arn for _, outcome in run.outcomes_after(0, 1000)}
    assert recorded == set(aws.profiles)
    assert len(recorded) >= rest


async def test_an_unforeseen_error_loses_no_answer(run: RunFile, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "FLUSH_S", 3600.0)

    async def broken() -> None:
        await anyio.wait_all_tasks_blocked()
        raise ZeroDivisionError

    aws.script("create", *[None] * 5, broken, *[anyio.sleep_forever] * ROWS)
    with anyio.fail_after(5), pytest.raises(BaseExceptionGroup) as caught:
        await make_engine(run, {TARGET: aws}).execute([TARGET])
    assert caught.group_contains(ZeroDivisionError)
    assert {outcome.arn for _, outcome in run.outcomes_after(0, 1000)} == set(aws.profiles)
    assert len(aws.profiles) == 5


async def test_a_full_disk_is_one_error_and_loses_nothing_recorded(
    run: RunFile, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "BATCH", 10)
    aws.script("create", *[None] * 30, anyio.sleep_forever)
    told: list[Outcome] = []
    real, left = run.record, 1

    def record(*values: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise StateError("disk full")
        real(*values)

    run.record = record
    with anyio.fail_after(5), pytest.raises(StateError, match="disk full"), unwrapped():
        await make_engine(run, {TARGET: aws}, make_traffic(in_flight=1), watch=told.append).execute([TARGET])
    assert len(told) == sum(run.outcome_counts().values()) <= 10


async def test_outcomes_are_committed_in_batches(run: RunFile, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "BATCH", 10)
    batches: list[int] = []
    real = run.record

    def record(outcomes: list[Outcome], *values: object) -> None:
        batches.append(len(outcomes))
        real(outcomes, *values)

    run.record = record
    await make_engine(run, {TARGET: aws}).execute([TARGET])
    assert sum(batches) == ROWS
    assert max(batches) <= 10
    assert len(batches) < ROWS


async def test_a_full_batch_does_not_wait_for_the_next_flush(
    run: RunFile, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Outcomes that cost no call come faster than any flush: only a batch that isn't full may wait.
    monkeypatch.setattr(outcomes, "BATCH", 8)
    slept: list[int] = []
    real = engine_module.anyio.sleep

    async def sleep(seconds: float) -> None:
        if seconds == outcomes.FLUSH_S:
            slept.append(1)
        await real(seconds if seconds <= 1 else 0)

    monkeypatch.setattr(engine_module.anyio, "sleep", sleep)
    monkeypatch.setattr(engine_module, "HEARTBEAT_S", 0.5)
    run.clear_intake()
    desire(run, *(f"p{number:03}" for number in range(160)))
    plan_all(run, ActionKind.NONE)
    await make_engine(run, {TARGET: aws}).execute([TARGET])
    assert run.outcome_counts() == {OutcomeKind.UNCHANGED: 160}
    assert len(slept) < 10


async def test_a_run_at_work_gives_signs_of_life(run: RunFile, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "HEARTBEAT_S", 0.0)
    loop, beaten, kept = asyncio.get_running_loop(), anyio.Event(), list[object]()

    def moment() -> list[object]:
        kept.append(["boot", len(kept)])
        if len(kept) == 3:
            loop.call_soon_threadsafe(beaten.set)
        return kept[-1:]

    monkeypatch.setattr(clocks, "moment", moment)
    aws.script("create", beaten.wait)
    with anyio.fail_after(5):
        await make_engine(run, {TARGET: aws}).execute([TARGET])
    assert run.details().alive == kept[-1:]


async def test_the_first_sign_of_life_comes_before_the_first_call(
    run: RunFile, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    monkeypatch.setattr(clocks, "moment", lambda: called.append(len(aws.calls)))
    await make_engine(run, {TARGET: aws}).execute([TARGET])
    assert called[0] == 0


async def test_a_sign_of_life_that_cannot_be_given_does_not_end_the_run(
    run: RunFile, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[bool] = []

    def moment() -> list[object]:
        refused.append(True)
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(clocks, "moment", moment)
    with anyio.fail_after(5):
        await make_engine(run, {TARGET: aws}).execute([TARGET])
    assert refused
    assert run.outcome_counts() == {OutcomeKind.CREATED: ROWS}


async def test_a_watch_that_stops_the_run_stops_every_target(run: RunFile, aws: FakeAws) -> None:
    desire(run, "a", target=WEST)
    plan_all(run)
    stop = Stop()
    aws.script("create", *[None] * 20, stop.wait)
    engine = make_engine(
        run, {TARGET: aws, WEST: aws}, make_traffic(in_flight=1, stop=stop), watch=lambda _: stop.request()
    )
    with anyio.fail_after(5):
        await engine.execute([TARGET, WEST])
    assert sum(run.outcome_counts().values()) == len(aws.profiles) < ROWS
