"""Rows that failed alike are said once, by what was denied and where."""

from __future__ import annotations

import pytest

from bulkprof.model import NOT_REACHED, Outcome, OutcomeKind, Target
from bulkprof.reports.failures import grouped_lines

EAST = Target("111122223333", "us-east-1")
DENIED = "User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:TagResource on resource: arn:x"


def outcome(number: int, code: str, message: str = "no", kind: OutcomeKind = OutcomeKind.FAILED) -> Outcome:
    return Outcome(number, EAST, f"team-{number}", kind, "a.csv", number, error_code=code, error_message=message)


def test_many_alike_are_one_line_with_the_first() -> None:
    outcomes = [outcome(number, "ReplacementNeeded", f"drift {number}") for number in range(2, 7)]
    lines = list(grouped_lines([outcome(1, "NotOurs"), *outcomes], each=3))
    assert lines == [
        "a.csv:1 111122223333/us-east-1 team-1: failed: NotOurs: no",
        "5 profiles in 111122223333/us-east-1: failed: ReplacementNeeded "
        "(the first: a.csv:2 111122223333/us-east-1 team-2): drift 2",
    ]


def test_what_was_denied_tells_failures_apart_and_how_to_mend_them() -> None:
    untagged = [outcome(number, "AccessDeniedException", DENIED) for number in range(4)]
    others = [outcome(9, "AccessDenied", DENIED.replace("TagResource", "CreateInferenceProfile"))]
    lines = list(grouped_lines([*untagged, *others], each=3))
    assert lines[0].startswith("4 profiles in 111122223333/us-east-1: failed: AccessDeniedException on bedrock:Tag")
    assert lines[-1] == (
        "to mend: allow bedrock:CreateInferenceProfile, bedrock:TagResource; "
        "`bulkprof iam-policy` prints all that runs need"
    )


def test_a_denial_that_names_nothing_has_its_remedy_too() -> None:
    assert list(grouped_lines([outcome(1, "AccessDenied", "no")], each=3))[-1].startswith(
        "to mend: allow what was denied"
    )


def test_rows_that_were_never_reached_and_good_ones_are_no_failures() -> None:
    skipped = outcome(1, NOT_REACHED, kind=OutcomeKind.SKIPPED)
    assert list(grouped_lines([skipped, outcome(2, "", kind=OutcomeKind.CREATED)], each=3)) == []


@pytest.mark.parametrize(("code", "action"), [("AccessDenied", " on bedrock:TagResource"), ("ValidationException", "")])
def test_only_denials_name_an_action(code: str, action: str) -> None:
    (line, *_) = grouped_lines([outcome(1, code, DENIED), outcome(2, code, DENIED)], each=1)
    assert line.startswith(f"2 profiles in 111122223333/us-east-1: failed: {code}{action} (the first")
