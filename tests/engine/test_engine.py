"""A run's actions to their outcomes: lanes side by side, each failing by itself, every row accounted for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from bulkprof.engine import outcomes, store
from bulkprof.engine.engine import Engine, EngineSettings
from bulkprof.engine.lane import Lane, Traffic
from bulkprof.engine.store import PAGE, Store
from bulkprof.engine.target_run import BREAKER_FAILURES, LANE_WIDTH
from bulkprof.engine.targets import OpenTarget
from bulkprof.errors import AccessDeniedError, AwsError, CredentialsError, InvalidRequestError, QuotaError
from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind, Refusal, Target
from bulkprof.profiles.operations import Operation
from bulkprof.stop import StopRequestedError
from bulkprof.store.run import RunFile
from bulkprof.totals import CallCount
from tests.engine.fake_aws import FakeAws, cut
from tests.engine.harness import make_traffic, replan_with
from tests.factories import TARGET, desire, make_run, plan_all, resolve

WEST = Target("111122223333", "us-west-2")
MAKE, SKIP, FAIL = OutcomeKind.CREATED, OutcomeKind.SKIPPED, OutcomeKind.FAILED


@pytest.fixture(autouse=True)
def _commit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "FLUSH_S", 0.0)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFile]:
    run = make_run(tmp_path / "run.db")
    yield run
    run.close()


def make_engine(
    run: Store,
    worlds: Mapping[Target, FakeAws | AwsError | StopRequestedError],
    traffic: Traffic | None = None,
    *,
    max_targets: int = 50,
    watch: Callable[[Outcome], None] = lambda outcome: None,
) -> Engine:
    """An engine over targets that are there, or that can't be opened."""
    traffic = traffic or make_traffic()

    @asynccontextmanager
    async def open_target(target: Target) -> AsyncIterator[OpenTarget]:
        world = worlds[target]
        if not isinstance(world, FakeAws):
            raise world
        yield OpenTarget(Lane(target, traffic), world, resolve, replan_with())

    return Engine(run, traffic, open_target, EngineSettings("run-1", max_targets, settle_s=0.0), watch)


def ends(run: RunFile) -> list[tuple[str, OutcomeKind, str]]:
    return [(outcome.name, outcome.kind, outcome.error_code) for outcome in run.results()]


def adds_up(run: RunFile) -> bool:
    return sum(run.outcome_counts().values()) == sum(run.action_counts())


async def test_many_targets_each_get_their_profiles_once(run: RunFile) -> None:
    worlds = {Target(f"{number:012}", "us-east-1"): FakeAws() for number in range(120)}
    for target in worlds:
        desire(run, "a", "b", "c", target=target)
    plan_all(run)
    told: list[Outcome] = []
    await make_engine(run, worlds, max_targets=7, watch=told.append).execute(run.pending_targets())
    assert run.outcome_counts() == {MAKE: 360}
    assert all(world.names() == {"a": 1, "b": 1, "c": 1} for world in worlds.values())
    assert run.calls() == {Operation.CREATE: CallCount(sent=360)}
    assert sum(count.accepted for count in run.call_times()[Operation.CREATE].values()) == 360
    assert [(o.target, o.name) for o in told] == [(o.target, o.name) for _, o in run.outcomes_after(0, 1000)]


async def test_a_target_with_nothing_to_do_is_not_opened(run: RunFile) -> None:
    desire(run, "a", "b")
    desire(run, "c", "d", target=WEST)
    refusal = Refusal("OtherEstate", "not ours")
    for target, last in ((TARGET, ActionKind.NONE), (WEST, ActionKind.CREATE)):
        first, second = run.wanted(target)
        run.save_plan([replace(first, refusal=refusal), replace(second, kind=last, source_arn="source/lite")])
    told: list[Outcome] = []
    # Opening the first one would fail its rows, opening the second one does.
    closed = AccessDeniedError("no", code="AccessDenied")
    await make_engine(run, {TARGET: closed, WEST: closed}, watch=told.append).execute(run.pending_targets())
    assert ends(run) == [
        ("a", FAIL, "OtherEstate"),
        ("b", OutcomeKind.UNCHANGED, ""),
        ("c", FAIL, "OtherEstate"),
        ("d", FAIL, "AccessDenied"),
    ]
    assert sorted(outcome.name for outcome in told) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_unchanged_profiles_count_once_however_many_there_are(run: RunFile, more: int) -> None:
    desire(run, *(f"p{number}" for number in range(PAGE + more)))
    plan_all(run, ActionKind.NONE)
    told: list[Outcome] = []
    await make_engine(run, {TARGET: FakeAws()}, watch=told.append).execute([TARGET])
    assert run.outcome_counts() == {OutcomeKind.UNCHANGED: PAGE + more}
    assert len({outcome.name for outcome in told}) == len(told) == PAGE + more


async def test_more_actions_than_a_page_holds(run: RunFile) -> None:
    aws, count = FakeAws(), 2 * PAGE + 1
    desire(run, *(f"p{number}" for number in range(count)))
    plan_all(run)
    await make_engine(run, {TARGET: aws}).execute([TARGET])
    assert (run.outcome_counts(), len(aws.profiles)) == ({MAKE: count}, count)


async def test_lanes_are_bounded(run: RunFile) -> None:
    worlds = {Target(f"{number:012}", "us-east-1"): FakeAws() for number in range(12)}
    for target in worlds:
        desire(run, "a", target=target)
    plan_all(run)
    engine = make_engine(run, worlds, max_targets=3)
    inside, most, real = 0, 0, engine.open_target

    @asynccontextmanager
    async def counting(target: Target) -> AsyncIterator[OpenTarget]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        async with real(target) as opened:
            yield opened
        inside -= 1

    engine.open_target = counting
    await engine.execute(run.pending_targets())
    assert (most, run.outcome_counts()) == (3, {MAKE: 12})


async def test_a_target_that_cannot_be_opened_leaves_the_others_alone(run: RunFile) -> None:
    desire(run, "a", "b")
    desire(run, "c", target=WEST)
    plan_all(run)
    closed = CredentialsError("no way in", code="InvalidClientTokenId", where="111122223333")
    await make_engine(run, {TARGET: closed, WEST: FakeAws()}).execute(run.pending_targets())
    assert ends(run) == [("a", FAIL, "InvalidClientTokenId"), ("b", FAIL, "InvalidClientTokenId"), ("c", MAKE, "")]
    assert "no way in" in next(run.results()).error_message


async def test_a_stop_while_a_target_is_opened_leaves_its_rows_open(run: RunFile) -> None:
    desire(run, "a")
    plan_all(run)
    await make_engine(run, {TARGET: StopRequestedError()}).execute([TARGET])
    assert run.outcome_counts() == {}


async def test_only_the_targets_that_were_asked_for_are_run(run: RunFile) -> None:
    desire(run, "a")
    desire(run, "a", target=WEST)
    plan_all(run)
    await make_engine(run, {WEST: FakeAws()}).execute([WEST])
    assert run.pending_targets() == [TARGET]


async def test_rows_that_need_no_call_make_none_and_count(run: RunFile) -> None:
    desire(run, "a", "b")
    plan_all(run, ActionKind.NONE, arn="arn:x")
    run.save_plan([replace(run.wanted(TARGET)[1], refusal=Refusal("NotOurs", "no"))])
    aws = FakeAws()
    await make_engine(run, {TARGET: aws}).execute([TARGET])
    assert (ends(run), aws.calls) == ([("a", OutcomeKind.UNCHANGED, ""), ("b", FAIL, "NotOurs")], [])


async def test_a_full_target_gets_no_more_creations_but_its_other_changes(
    run: RunFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The deletion is read after many creations that were under way side by side have failed.
    monkeypatch.setattr(store, "PAGE", 50)
    aws = FakeAws()
    desire(run, *(f"new{number:02}" for number in range(60)))
    desire(run, "a", target=WEST)
    plan_all(run)
    run.save_plan([Action(0, TARGET, ActionKind.DELETE, "old", arn=aws.there("old"))])
    aws.script("create", *[None] * 5, *[QuotaError("full", code="ServiceQuotaExceededException")] * 60)
    await make_engine(run, {TARGET: aws, WEST: FakeAws()}).execute(run.pending_targets())
    counts = run.outcome_counts()
    assert (counts[MAKE], counts[OutcomeKind.DELETED], counts[FAIL] + counts[SKIP]) == (6, 1, 55)
    assert {outcome.error_code for outcome in run.results() if outcome.kind is SKIP} == {"QuotaReached"}
    assert aws.calls.count("create") == 5 + counts[FAIL]
    assert adds_up(run)


async def test_creations_that_wait_for_their_turn_are_not_sent_to_a_full_target(run: RunFile) -> None:
    aws = FakeAws()
    desire(run, *(f"new{number:02}" for number in range(LANE_WIDTH)))
    plan_all(run)
    aws.script("create", *[QuotaError("full", code="ServiceQuotaExceededException")] * LANE_WIDTH)
    traffic = make_traffic(in_flight=1)
    await make_engine(run, {TARGET: aws}, traffic).execute([TARGET])
    assert aws.calls == ["create"]
    assert run.calls()[Operation.CREATE].sent == 1
    assert run.outcome_counts() == {FAIL: 1, SKIP: LANE_WIDTH - 1}


@pytest.mark.parametrize("error", [InvalidRequestError("bad"), AccessDeniedError("no"), cut()])
async def test_too_many_failures_in_a_row_close_the_target_alone(run: RunFile, error: AwsError) -> None:
    desire(run, *(f"p{number:03}" for number in range(3 * LANE_WIDTH)))
    desire(run, "a", target=WEST)
    plan_all(run)
    aws = FakeAws()
    aws.script("create", *[error] * 1000)
    await make_engine(run, {TARGET: aws, WEST: FakeAws()}).execute(run.pending_targets())
    skipped = [outcome for outcome in run.results() if outcome.kind is SKIP]
    assert len(skipped) >= LANE_WIDTH
    assert {outcome.error_code for outcome in skipped} == {"CircuitOpen"}
    assert f"after {BREAKER_FAILURES} failures in a row" in skipped[0].error_message
    assert (run.outcome_counts()[MAKE], adds_up(run)) == (1, True)


async def test_failures_that_are_not_in_a_row_close_nothing(run: RunFile) -> None:
    desire(run, *(f"p{number:03}" for number in range(100)))
    plan_all(run)
    aws = FakeAws()
    aws.script("create", *[InvalidRequestError("bad"), InvalidRequestError("bad"), None] * 34)
    await make_engine(run, {TARGET: aws}).execute([TARGET])
    assert SKIP not in run.outcome_counts()


async def test_refused_rows_do_not_close_a_target(run: RunFile) -> None:
    desire(run, *(f"p{number:03}" for number in range(50)))
    plan_all(run, ActionKind.REPLACE, refusal=Refusal("ReplacementNeeded", "no"))
    await make_engine(run, {TARGET: FakeAws()}).execute([TARGET])
    assert run.outcome_counts() == {FAIL: 50}


async def test_calls_that_fail_after_a_commit_are_counted_too(run: RunFile) -> None:
    desire(run, "a", "b")
    plan_all(run)
    aws, recorded = FakeAws(), anyio.Event()

    async def refuse() -> None:
        await recorded.wait()
        raise InvalidRequestError("bad")

    aws.script("create", None, refuse)
    engine = make_engine(run, {TARGET: aws}, watch=lambda outcome: recorded.set())
    with anyio.fail_after(5):
        await engine.execute([TARGET])
    assert run.calls() == {Operation.CREATE: CallCount(sent=2, failed=1)}
