"""Which targets go into which share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bulkprof.model import ActionKind, Target
from bulkprof.workflows.fleet.even import LOOK_S, USUAL_RATE, count_for, cut_evenly, seconds_of, share_s

CREATE, NONE = ActionKind.CREATE, ActionKind.NONE
ONE = Target("111122223333", "us-east-1")


def targets(*seconds: float) -> dict[Target, float]:
    return {Target(f"{number:012}", "us-east-1"): each for number, each in enumerate(seconds, 1)}


@given(st.lists(st.floats(0.5, 100), min_size=1, max_size=60), st.integers(1, 12))
def test_each_target_is_in_one_share_and_none_takes_much_longer(seconds: list[float], count: int) -> None:
    all_of_them = targets(*seconds)
    groups = cut_evenly(all_of_them, count)
    assert sorted(target for group in groups for target in group) == sorted(all_of_them)
    assert len(groups) == min(count, len(seconds))
    times = [sum(all_of_them[target] for target in group) for group in groups]
    # Of two shares, the one that takes longer does so by no more than the last target that it got.
    assert max(times) - min(times) <= max(seconds) + 1e-6


def test_targets_that_take_long_are_apart() -> None:
    groups = cut_evenly(targets(30, 1, 30, 1, 1, 1), 2)
    heavy = {Target("000000000001", "us-east-1"), Target("000000000003", "us-east-1")}
    assert [len(heavy.intersection(group)) for group in groups] == [1, 1]


def test_a_target_takes_as_long_as_its_slowest_operation() -> None:
    assert seconds_of(ONE, {CREATE: 20, NONE: 500}, lambda *_: 4.0) == LOOK_S + 5
    assert seconds_of(ONE, {CREATE: 20}, lambda *_: None) == LOOK_S + 20 / USUAL_RATE
    assert seconds_of(ONE, {NONE: 500}, lambda *_: None) == LOOK_S
    assert share_s([1, 1, 1, 9], 2) == 9
    assert share_s([5, 5, 5, 5], 2) == 10


def test_profiles_say_how_many_shares_there_are() -> None:
    pending = {ONE: {CREATE: 30, NONE: 10}, Target("444455556666", "us-east-1"): {CREATE: 1}}
    assert [count_for(pending, size) for size in (1000, 41, 40, 20)] == [1, 1, 2, 3]
