"""The caps: what one run may delete, and how much may fail."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.config import Prune
from bulkprof.errors import AccessDeniedError, AwsError, ExitCode, SafetyError, UsageError
from bulkprof.model import Target
from bulkprof.planning.safety import SHOWN, Tolerance, allowed_deletions, check_alike, check_prune, check_refused

ONE, TWO, THREE = "111122223333", "222233334444", "333344445555"


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
    caps = Prune(percent=percent, count=count, account_percent=100)
    assert allowed_deletions(owned, percent, count) == allowed
    check_prune("org", {ONE: min(owned, allowed)}, {ONE: owned}, caps)
    with pytest.raises(SafetyError):
        check_prune("org", {ONE: allowed + 1}, {ONE: owned}, caps)


def test_a_refused_prune_says_how_much_it_was_about_and_where() -> None:
    said = r"'org': the plan deletes 30 of 100 profiles, and at most 10 may go in one run \(the larger of 10 % and 5\)"
    with pytest.raises(SafetyError, match=said) as caught:
        check_prune("org", {ONE: 2, TWO: 28, THREE: 0}, {ONE: 40, TWO: 50, THREE: 10}, Prune())
    assert caught.value.exit_code is ExitCode.SAFETY_LIMIT
    assert str(caught.value).splitlines()[1:] == [f"  {TWO}: 28 of 50, at most 12", f"  {ONE}: 2 of 40"]


def test_one_account_may_not_lose_most_of_its_profiles() -> None:
    owned = {ONE: 20, **{f"{number:012}": 20 for number in range(50)}}
    check_prune("org", {ONE: 5}, owned, Prune())
    with pytest.raises(SafetyError, match="too many of them in 1 account ") as caught:
        check_prune("org", {ONE: 6, f"{7:012}": 5}, owned, Prune())
    assert "raise [prune] account_percent or account_count" in str(caught.value)
    assert str(caught.value).splitlines()[1:] == [f"  {ONE}: 6 of 20, at most 5"]
    check_prune("org", {ONE: 20}, owned, Prune(account_percent=100))


def test_hundreds_of_accounts_are_not_all_listed() -> None:
    everywhere = {f"{number:012}": 10 for number in range(100)}
    with pytest.raises(SafetyError) as caught:
        check_prune("org", everywhere, everywhere, Prune())
    lines = str(caught.value).splitlines()
    assert len(lines) == SHOWN + 2
    assert lines[-1] == "  and 80 more accounts"


def test_what_was_not_seen_allows_no_more_than_the_count() -> None:
    # An account without a count of its own couldn't be observed, or has nothing.
    with pytest.raises(SafetyError):
        check_prune("org", {ONE: 1}, {TWO: 1000}, Prune(account_count=0))


@given(st.integers(0, 10**6), st.floats(0, 100), st.integers(0, 10**6))
def test_more_owned_profiles_never_allow_fewer_deletions(owned: int, percent: float, count: int) -> None:
    allowed = allowed_deletions(owned, percent, count)
    assert count <= allowed <= allowed_deletions(owned + 1, percent, count)
    assert allowed <= max(owned, count)


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


REGIONS = ("us-east-1", "eu-west-1")


def places(accounts: int) -> list[Target]:
    return [Target(f"{account:012}", region) for account in range(1, accounts + 1) for region in REGIONS]


def denied(*accounts: int, code: str = "AccessDenied", regions: Sequence[str] = REGIONS) -> dict[Target, AwsError]:
    return {
        Target(f"{account:012}", region): AccessDeniedError("no", code=code, operation="AssumeRole")
        for account in accounts
        for region in regions
    }


@pytest.mark.parametrize(
    ("errors", "accounts"),
    [
        ({}, 0),
        ({}, 5),
        (denied(1, 2), 2),
        (denied(1, 2, 3), 6),
        ({**denied(1, 2), **denied(3, 4, code="NoSuchRole")}, 5),
        (denied(1, 2, 3, 4, regions=["eu-west-1"]), 4),
    ],
)
def test_a_few_accounts_that_fail_are_their_own_matter(errors: dict[Target, AwsError], accounts: int) -> None:
    check_alike(errors, places(accounts))


def test_most_accounts_failing_alike_is_one_mistake() -> None:
    with pytest.raises(SafetyError, match=r"3 of 5 accounts .* \(AssumeRole: AccessDenied\)"):
        check_alike({**denied(1, 2, 3), **denied(4, code="Other")}, places(5))
