"""How long a plan takes at learned rates, and how that is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.model import ActionKind, Target
from bulkprof.planning.estimate import decisive_rate, estimate_line, seconds_left, spoken
from bulkprof.profiles.operations import Operation

A, B, C = (Target(f"{number:012}", "us-east-1") for number in range(3))
LATE = ": past the deadline, so that a part will stay open"
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def of(*known: tuple[Target, str, float]) -> dict[tuple[Target, str], float]:
    return {(target, operation): rate for target, operation, rate in known}


def left(
    pending: dict[Target, dict[ActionKind, int]], rates: dict[tuple[Target, str], float], width: int = 10
) -> float | None:
    return seconds_left(pending, lambda target, operation: rates.get((target, operation)), width)


CREATE, TAG, DELETE = Operation.CREATE, Operation.TAG, Operation.DELETE


def test_the_slowest_target_decides() -> None:
    pending = {A: {ActionKind.CREATE: 100}, B: {ActionKind.CREATE: 100}, C: {ActionKind.NONE: 1000}}
    assert left(pending, of((A, CREATE, 10.0), (B, CREATE, 2.0))) == 50


def test_operations_go_on_side_by_side() -> None:
    pending = {A: {ActionKind.CREATE: 10, ActionKind.REPLACE: 10, ActionKind.ADOPT: 5, ActionKind.UPDATE: 25}}
    rates = of((A, CREATE, 1.0), (A, DELETE, 1.0), (A, TAG, 1.0))
    assert left(pending, rates) == 30
    assert left({A: {ActionKind.CREATE: 10, ActionKind.REPLACE: 10}}, rates) == 20


def test_targets_that_queue_take_longer() -> None:
    pending = {each: {ActionKind.CREATE: 10} for each in (A, B, C)}
    rates = of(*((each, CREATE, 1.0) for each in (A, B, C)))
    assert left(pending, rates, width=3) == 10
    assert left(pending, rates, width=1) == 30


def test_a_target_without_a_rate_is_taken_for_the_middle_one() -> None:
    pending = {A: {ActionKind.CREATE: 10}, B: {ActionKind.CREATE: 100}, C: {ActionKind.DELETE: 9}}
    assert left(pending, of((A, CREATE, 2.0))) == 50
    assert left({A: {ActionKind.CREATE: 10}}, {}) is None
    assert left({}, {}) is None


@given(st.integers(1, 10**6), st.floats(0.1, 1000), st.integers(1, 50))
def test_less_to_do_never_takes_longer(count: int, rate: float, width: int) -> None:
    rates = of((A, CREATE, rate))
    more, less = (
        left({A: {ActionKind.CREATE: n}, B: {ActionKind.CREATE: n}}, rates, width) for n in (count, count - 1)
    )
    assert more is not None
    assert less is None or less <= more


@pytest.mark.parametrize(
    ("seconds", "deadline_s", "line"),
    [
        (None, 60, None),
        (5, None, None),
        (5, 60, None),
        (7200, None, "at the learned rates this takes about 2 h 0 min, until about 03:00"),
        (7200, 7300, "at the learned rates this takes about 2 h 0 min, until about 03:00"),
        (600, 300, f"at the learned rates this takes about 10 min, until about 01:10{LATE}"),
        (5, 3, f"at the learned rates this takes less than a minute, until about 01:00{LATE}"),
    ],
)  # fmt: skip
def test_what_is_said_before(seconds: float | None, deadline_s: float | None, line: str | None) -> None:
    deadline = None if deadline_s is None else NOW + timedelta(seconds=deadline_s)
    assert estimate_line(seconds, NOW, deadline) == line


def test_the_slowest_operation_of_a_target_decides() -> None:
    rates: dict[str, float] = {CREATE: 2.0, DELETE: 8.0}
    pending = {ActionKind.CREATE: 4, ActionKind.DELETE: 40, ActionKind.UPDATE: 900, ActionKind.NONE: 7}
    assert decisive_rate(A, pending, lambda _, operation: rates.get(operation)) == (8.0, 5.0)
    assert decisive_rate(A, pending, lambda *_: None) is None
    assert decisive_rate(A, {ActionKind.NONE: 7}, lambda *_: 1.0) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "less than a minute"), (59.9, "less than a minute"), (60, "about 1 min"), (3599, "about 1 h 0 min")],
)
def test_spoken(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
