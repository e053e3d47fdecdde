"""In which order targets are changed, and what a canary has to show before the others follow."""

from __future__ import annotations

import pytest

from bulkprof.model import NOT_REACHED, Outcome, OutcomeKind, Target
from bulkprof.planning.rollout import canary_fault, canary_of, failed_in, in_order
from bulkprof.planning.safety import Tolerance

ONE, TWO = "111122223333", "222233334444"
EAST, WEST, CENTRAL = "us-east-1", "us-west-2", "eu-central-1"
TARGETS = [Target(account, region) for account in (ONE, TWO) for region in (CENTRAL, EAST, WEST)]


def outcome(target: Target, code: str) -> Outcome:
    return Outcome(1, target, "one", OutcomeKind.FAILED, error_code=code)


def test_named_regions_come_first_and_the_others_as_ever() -> None:
    assert in_order(TARGETS, ()) == TARGETS
    regions = [target.region for target in in_order(TARGETS, (WEST, "ap-south-1", EAST))]
    assert regions == [WEST, WEST, EAST, EAST, CENTRAL, CENTRAL]
    assert in_order(reversed(TARGETS), (WEST,))[:2] == [Target(ONE, WEST), Target(TWO, WEST)]


def test_the_canary_is_the_beginning_of_the_order() -> None:
    assert canary_of(TARGETS, 3, (WEST,)) == (Target(ONE, WEST), Target(TWO, WEST), Target(ONE, CENTRAL))
    assert canary_of(TARGETS, 0, ()) == ()
    # There is nothing that it could save.
    assert canary_of(TARGETS, len(TARGETS), ()) == ()


def test_only_what_failed_in_the_canary_speaks_against_it() -> None:
    failures = [outcome(TARGETS[0], "AccessDenied"), outcome(TARGETS[1], "AccessDenied")]
    assert failed_in({TARGETS[0]}, failures) == 1
    # The plan was agreed to with these.
    known = [outcome(TARGETS[0], code) for code in ("OtherEstate", "NotOurs", "ReplacementNeeded")]
    assert failed_in({TARGETS[0]}, [*known, outcome(TARGETS[0], NOT_REACHED)]) == 1


@pytest.mark.parametrize(
    ("failed", "tolerance", "stops"),
    [
        (0, "", False),
        (1, "", True),
        (1, "0", True),
        (2, "2", False),
        (3, "2", True),
        (2, "10%", False),
        (3, "10%", True),
    ],
)
def test_a_canary_stops_the_run_where_more_fails_than_is_tolerated(failed: int, tolerance: str, stops: bool) -> None:
    fault = canary_fault(failed, 20, 2, Tolerance.parse(tolerance) if tolerance else Tolerance())
    assert bool(fault) == stops


def test_a_canary_that_failed_says_with_what() -> None:
    assert canary_fault(3, 20, 2, Tolerance(count=1)) == (
        "the canary failed: 3 of its 20 profiles in 2 targets, and 1 are tolerated (--failure-tolerance)"
    )
