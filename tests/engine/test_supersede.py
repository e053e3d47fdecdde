"""Replacing a profile where the old one is kept for a while: it is marked first, and nothing is made twice."""

from __future__ import annotations

import pytest

from bulkprof.engine.actions import Performer
from bulkprof.errors import AccessDeniedError, ConflictError, NotFoundError
from bulkprof.model import ActionKind, OutcomeKind
from bulkprof.planning.retirement import Retirement
from bulkprof.profiles.operations import Operation
from tests.engine.fake_aws import After, FakeAws, cut
from tests.engine.harness import InstantStop, make_lane, make_traffic, replan_with
from tests.engine.test_replace import changing, perform
from tests.factories import OURS, make_action

MARK = {"bulkprof:delete-after": "2026-12-03T02:15Z"}
KEPT = {"retirement": Retirement("bulkprof:delete-after", "2026-11-26T02:15Z", "2026-12-03T02:15Z")}


async def test_an_old_one_that_is_kept_is_marked_before_the_new_one_is_made() -> None:
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    outcome = await perform(aws, old, **KEPT)
    assert (outcome.kind, outcome.old_arn, set(aws.profiles)) == (OutcomeKind.REPLACED, old, {old, outcome.arn})
    assert changing(aws) == ["tag", "create"]
    assert aws.profiles[old].tags == {**OURS, **MARK}
    assert aws.profiles[outcome.arn].tags == OURS


async def test_where_names_are_unique_it_cannot_be_kept_and_nothing_changes() -> None:
    aws = FakeAws()
    old = aws.there("a", source="pro")
    outcome = await perform(aws, old, **KEPT)
    assert (outcome.kind, outcome.error_code, outcome.arn) == (OutcomeKind.FAILED, "NameTaken", old)
    assert "grace_days" in outcome.error_message
    # It may have been another change under way that was in the way.
    assert changing(aws) == ["tag", *["create"] * 3, "untag"]
    assert [each.tags for each in aws.profiles.values()] == [OURS]


async def test_a_lost_answer_leaves_both_and_no_third() -> None:
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    aws.script("create", After(cut()))
    outcome = await perform(aws, old, **KEPT)
    assert (outcome.kind, set(aws.profiles)) == (OutcomeKind.REPLACED, {old, outcome.arn})
    assert changing(aws) == ["tag", "create"]


async def test_an_old_one_that_cannot_be_marked_is_not_replaced() -> None:
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    aws.script("tag", AccessDeniedError("no"))
    outcome = await perform(aws, old, **KEPT)
    assert (outcome.kind, list(aws.profiles), changing(aws)) == (OutcomeKind.FAILED, [old], ["tag"])


async def test_of_one_that_is_gone_nothing_is_kept() -> None:
    aws = FakeAws(unique_names=False)
    aws.script("tag", NotFoundError("gone"))
    outcome = await perform(aws, "arn:gone", **KEPT)
    assert (outcome.kind, outcome.old_arn, aws.names()) == (OutcomeKind.REPLACED, "arn:gone", {"a": 1})


async def test_a_name_that_is_taken_after_a_lost_answer_decides_nothing() -> None:
    """What has the name may be the new one, which lists don't show yet: the old one keeps its mark."""
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    aws.script("create", cut(), *[ConflictError("taken", code="ConflictException")] * 2)
    outcome = await perform(aws, old, **KEPT)
    assert (outcome.kind, outcome.error_code) == (OutcomeKind.UNKNOWN, "NameTaken")
    assert changing(aws) == ["tag", "create", "create", "create"]


async def test_a_conflict_that_passes_is_no_taken_name() -> None:
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    aws.script("create", ConflictError("another operation", code="ConflictException"))
    outcome = await perform(aws, old, **KEPT)
    assert (outcome.kind, set(aws.profiles)) == (OutcomeKind.REPLACED, {old, outcome.arn})


@pytest.mark.parametrize("lost", [cut(), After(cut())])
async def test_a_lost_answer_beside_one_that_was_replaced_before(lost: Exception | After) -> None:
    aws = FakeAws(unique_names=False)
    before = aws.there("a", source="older", tags={**OURS, **MARK})
    old = aws.there("a", source="pro")
    aws.script("create", lost)
    outcome = await perform(aws, old, **KEPT)
    assert (outcome.kind, set(aws.profiles)) == (OutcomeKind.REPLACED, {before, old, outcome.arn})


async def test_one_without_a_successor_loses_its_mark() -> None:
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    aws.script("create", AccessDeniedError("no"))
    outcome = await perform(aws, old, **KEPT)
    assert (outcome.kind, outcome.error_message, changing(aws)) == (
        OutcomeKind.FAILED,
        "no",
        ["tag", "create", "untag"],
    )
    assert aws.profiles[old].tags == OURS


async def test_a_mark_that_cannot_be_taken_back_is_told() -> None:
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    aws.script("create", AccessDeniedError("no"))
    aws.script("untag", AccessDeniedError("nor this"))
    outcome = await perform(aws, old, **KEPT)
    assert outcome.error_message == f"the tag bulkprof:delete-after is left on {old}; no"


async def test_nothing_is_marked_where_nothing_can_be_made() -> None:
    aws = FakeAws(unique_names=False)
    lane = make_lane(make_traffic(stop=InstantStop()))
    lane.close([Operation.CREATE], "QuotaReached", "full")
    action = make_action(kind=ActionKind.REPLACE, arn=aws.there("a", source="pro"))
    outcome = await Performer("run-1", lane, aws, replan_with(), settle_s=0.0, **KEPT).perform(action)
    assert (outcome.kind, outcome.error_code, aws.calls) == (OutcomeKind.SKIPPED, "QuotaReached", [])
