"""The caps: what one run may delete, and how much may fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.config import Prune
from bulkprof.errors import ExitCode, SafetyError, UsageError
from bulkprof.planning.safety import Tolerance, allowed_deletions, check_prune, check_refused


@pytest.mark.parametrize(
    ("owned", "percent", "count", "allowed"),
    [
        (0, 10, 5, 5),
        (50, 10, 5, 5),
        (60, 10, 5, 6),
        (69, 10, 5, 6),
        (1000, 10, 5, 100),
        (1000, 0, 0, 0),
        (3, 100, 0, 3),
        (1000, 0, 7, 7),
    ],
)
def test_the_larger_of_share_and_count_may_go(owned: int, percent: float, count: int, allowed: int) -> None:
    caps = Prune(percent=percent, count=count)
    assert allowed_deletions(owned, caps) == allowed
    check_prune("org", allowed, owned, caps)
    with pytest.raises(SafetyError):
        check_prune("org", allowed + 1, owned, caps)


def test_a_refused_prune_says_how_much_it_was_about() -> None:
    with pytest.raises(SafetyError, match=r"'org': the plan deletes 30 of 100 profiles, and at most 10 ") as caught:
        check_prune("org", 30, 100, Prune())
    assert caught.value.exit_code is ExitCode.SAFETY_LIMIT


@given(st.integers(0, 10**6), st.floats(0, 100), st.integers(0, 10**6))
def test_more_owned_profiles_never_allow_fewer_deletions(owned: int, percent: float, count: int) -> None:
    caps = Prune(percent=percent, count=count)
    assert count <= allowed_deletions(owned, caps) <= allowed_deletions(owned + 1, caps)
    assert allowed_deletions(owned, caps) <= max(owned, count)


@pytest.mark.parametrize(
    ("text", "total", "allowed"),
    [("5%", 1000, 50), ("5%", 19, 0), (" 2.5 % ", 1000, 25), ("0", 1000, 0), ("0%", 10, 0), ("20", 10, 20)],
)
def test_tolerance_is_a_share_or_a_count(text: str, total: int, allowed: int) -> None:
    assert Tolerance.parse(text).allowed(total) == allowed


@pytest.mark.parametrize("text", ["", "%", "-1", "101%", "5 percent", "1e3", "nan%", "5%%", "9" * 10])
def test_a_tolerance_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="failure-tolerance"):
        Tolerance.parse(text)


def test_without_a_tolerance_anything_may_fail() -> None:
    assert Tolerance().allowed(10) is None
    check_refused(10, 10, Tolerance())


def test_targets_that_cannot_be_observed_count_before_any_change() -> None:
    check_refused(5, 100, Tolerance(percent=5))
    with pytest.raises(SafetyError, match="6 of 100"):
        check_refused(6, 100, Tolerance(percent=5))
