"""The engine needs a store and no file: any subset of a run's targets, outcomes handed back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from bulkprof.engine import outcomes
from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind, Target
from bulkprof.profiles.operations import Operation
from bulkprof.stop import Stop
from bulkprof.totals import LostProfile
from tests.engine.fake_aws import FakeAws
from tests.engine.harness import make_traffic
from tests.engine.memory_store import MemoryStore
from tests.engine.test_engine import make_engine
from tests.factories import OURS

TARGETS = [Target(f"{number:012}", "eu-west-1") for number in range(1, 6)]


@pytest.fixture(autouse=True)
def _commit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "FLUSH_S", 0.0)


def creations(*names: str) -> list[Action]:
    """A creation of each name in each target."""
    numbers = count(1)
    return [
        Action(next(numbers), target, ActionKind.CREATE, name, source="lite", source_arn="source/lite", tags=OURS)
        for target in TARGETS
        for name in names
    ]


@pytest.mark.parametrize("chosen", [TARGETS[:1], TARGETS[1:4], TARGETS], ids=["one", "some", "all"])
async def test_any_targets_of_a_run_are_carried_out_and_no_others(chosen: list[Target]) -> None:
    store = MemoryStore(creations("a", "b"))
    worlds = {target: FakeAws() for target in TARGETS}
    told: list[Outcome] = []
    await make_engine(store, worlds, watch=told.append).execute(chosen)
    assert {target for target, aws in worlds.items() if aws.calls} == set(chosen)
    assert {outcome.target for outcome in store.outcomes.values()} == set(chosen)
    assert {outcome.kind for outcome in store.outcomes.values()} == {OutcomeKind.CREATED}
    assert sorted(each.action_id for each in told) == sorted(store.outcomes)
    assert len(told) == store.sent[Operation.CREATE] == 2 * len(chosen)
    assert store.signs_of_life >= 1


async def test_two_engines_share_a_run() -> None:
    store = MemoryStore(creations("a"))
    worlds = {target: FakeAws() for target in TARGETS}
    for part in (TARGETS[:2], TARGETS[2:]):
        await make_engine(store, worlds).execute(part)
    assert len(store.outcomes) == len(TARGETS)
    assert all(aws.names() == {"a": 1} for aws in worlds.values())


async def test_targets_are_begun_in_the_order_given_and_part_after_part() -> None:
    store, begun, order = MemoryStore(creations("a")), [], [TARGETS[number] for number in (3, 0, 4, 2, 1)]

    def noting(target: Target) -> Callable[[str, str], Awaitable[None]]:
        async def note(operation: str, what: str) -> None:
            begun.append(target)

        return note

    engine = make_engine(store, {target: FakeAws(before=noting(target)) for target in TARGETS}, max_targets=1)
    await engine.execute(order[:2])
    assert {outcome.target for outcome in store.outcomes.values()} == set(order[:2])
    await engine.execute(order[2:])
    assert list(dict.fromkeys(begun)) == order


async def test_what_a_stop_leaves_open_is_still_pending() -> None:
    store, stop = MemoryStore(creations("a")), Stop()

    async def stopping(operation: str, what: str) -> None:
        stop.request()

    worlds = {target: FakeAws(before=stopping) for target in TARGETS}
    await make_engine(store, worlds, make_traffic(stop=stop), max_targets=1).execute(TARGETS)
    assert len(store.outcomes) == 1
    assert sum(len(store.pending(target, 0, 10)) for target in TARGETS) == len(TARGETS) - 1


async def test_a_replacement_is_noted_before_the_old_profile_is_deleted() -> None:
    target, aws = TARGETS[0], FakeAws()
    old = aws.there("a", source="other")
    wanted = Action(
        1, target, ActionKind.REPLACE, "a", source="lite", source_arn="source/lite", tags=OURS, set_tags=OURS, arn=old
    )
    store = MemoryStore([wanted])
    noted: list[tuple[str, ...]] = []

    async def before(operation: str, what: str) -> None:
        if operation == "delete":
            noted.append(tuple(store.noted))

    aws.before = before
    await make_engine(store, {target: aws}).execute([target])
    assert noted == [("a",)]
    assert store.outcomes[1].kind is OutcomeKind.REPLACED
    assert store.outcomes[1].old_arn == old
    assert list(aws.profiles) == [store.outcomes[1].arn]


async def test_a_name_without_a_profile_comes_first() -> None:
    target, aws = TARGETS[0], FakeAws()
    created: list[str] = []

    async def before(operation: str, what: str) -> None:
        created.append(what)

    aws.before = before
    actions = [action for action in creations("a", "b") if action.target == target]
    store = MemoryStore(actions, {(target, "b"): LostProfile(target, "b", "arn:old", "run-0")})
    await make_engine(store, {target: aws}).execute([target])
    assert created == ["b", "a"]
    assert [store.outcomes[action.id].old_arn for action in actions] == ["", "arn:old"]
