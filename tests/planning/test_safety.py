"""How much may fail before a run stops."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bulkprof.errors import AccessDeniedError, AwsError, SafetyError, UsageError
from bulkprof.model import Target
from bulkprof.planning.safety import Tolerance, check_alike, check_refused


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
