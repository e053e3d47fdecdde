"""The protocol of each action, call by call, under lost answers, conflicts and strangers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bulkprof.engine.actions import Performer
from bulkprof.errors import (
    AccessDeniedError,
    AwsError,
    ConflictError,
    NotFoundError,
    QuotaError,
    ThrottledError,
    TooManyTagsError,
    UnreachableError,
)
from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind, Refusal
from bulkprof.profiles.operations import CHANGES
from bulkprof.profiles.tokens import token_for
from bulkprof.stop import StopRequestedError
from tests.engine.fake_aws import After, FakeAws, cut
from tests.engine.harness import InstantStop, make_lane, make_traffic, replan_with
from tests.factories import ESTATE, OURS, OWNER, RULES, make_action

CONFLICT = ConflictError("busy", code="ConflictException")
ATTEMPTS = 4


async def perform(
    aws: FakeAws, action: Action, *, stop: InstantStop | None = None, begun: int = 0, replacing: bool = False
) -> Outcome:
    lane = make_lane(make_traffic(attempts=ATTEMPTS, stop=stop))
    rules = replace(RULES, replace=replacing)
    return await Performer("run-1", lane, aws, replan_with(rules), settle_s=0.0, begun=begun).perform(action)


async def test_a_creation_is_one_call() -> None:
    aws = FakeAws()
    outcome = await perform(aws, make_action(model="nova", file="t.csv", line=7))
    assert (outcome.kind, outcome.attempts, aws.calls) == (OutcomeKind.CREATED, 1, ["create"])
    assert aws.profiles[outcome.arn].tags == OURS
    assert aws.sent_tokens == [token_for("run-1", make_action())]
    assert (outcome.model, outcome.file, outcome.line, outcome.tags) == ("nova", "t.csv", 7, OURS)


@pytest.mark.parametrize(("begun", "calls"), [(6, ["create"]), (7, ["create", "tags_of"])])
async def test_only_what_may_have_been_sent_before_is_looked_at_after_its_creation(
    begun: int, calls: list[str]
) -> None:
    aws = FakeAws()
    outcome = await perform(aws, make_action(number=7), begun=begun)
    assert (outcome.kind, aws.calls) == (OutcomeKind.CREATED, calls)


async def test_throttles_count_as_attempts_of_the_row_and_use_up_none() -> None:
    aws = FakeAws()
    aws.script("create", *[ThrottledError("slow")] * 20)
    outcome = await perform(aws, make_action())
    assert (outcome.kind, outcome.attempts) == (OutcomeKind.CREATED, 21)


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("remembered", [True, False])
async def test_an_answer_that_was_lost_after_the_work_ends_as_created(unique: bool, remembered: bool) -> None:
    aws = FakeAws(unique_names=unique, remembers_tokens=remembered)
    aws.script("create", After(cut()))
    outcome = await perform(aws, make_action())
    assert (outcome.kind, list(aws.profiles)) == (OutcomeKind.CREATED, [outcome.arn])
    assert aws.calls == ["create", "list", "tags_of"]


async def test_an_answer_that_was_lost_before_the_work_is_sent_again_with_the_same_token() -> None:
    aws = FakeAws(unique_names=False)
    aws.script("create", cut(), cut())
    outcome = await perform(aws, make_action())
    assert (outcome.kind, aws.names()) == (OutcomeKind.CREATED, {"a": 1})
    assert aws.calls == ["create", "list", "create", "list", "create"]
    assert len(set(aws.sent_tokens)) == 1


async def test_work_that_lists_do_not_show_is_found_by_its_token() -> None:
    aws = FakeAws(unique_names=False, hides_new=True)
    aws.script("create", After(cut()))
    outcome = await perform(aws, make_action())
    assert (outcome.kind, list(aws.profiles)) == (OutcomeKind.CREATED, [outcome.arn])


async def test_the_lag_of_lists_is_waited_out_before_anything_is_concluded() -> None:
    aws, stop = FakeAws(), InstantStop()
    aws.script("create", After(cut()))
    lane = make_lane(make_traffic(stop=stop))
    await Performer("run-1", lane, aws, replan_with(), settle_s=33.0).perform(make_action())
    assert 33.0 in stop.pauses


async def test_what_stays_in_doubt_is_unknown_and_not_failed() -> None:
    aws = FakeAws()
    aws.script("create", *[cut("ReadTimeout")] * ATTEMPTS)
    outcome = await perform(aws, make_action())
    assert (outcome.kind, outcome.error_code, outcome.arn) == (OutcomeKind.UNKNOWN, "ReadTimeout", "")
    assert aws.calls.count("create") == ATTEMPTS


async def test_a_conflict_after_a_lost_answer_is_still_a_doubt() -> None:
    # AWS did the work, doesn't list it yet and forgot the token: whose the conflict is can't be told.
    aws = FakeAws(remembers_tokens=False, hides_new=True)
    aws.script("create", After(cut()))
    outcome = await perform(aws, make_action())
    assert (outcome.kind, outcome.error_code) == (OutcomeKind.UNKNOWN, "ConflictException")
    assert aws.names() == {"a": 1}


@pytest.mark.parametrize("operation", ["create", "list"])
@pytest.mark.parametrize("error", [AccessDeniedError("no"), UnreachableError("no route"), QuotaError("full")])
async def test_no_other_error_makes_a_lost_answer_certain(operation: str, error: AwsError) -> None:
    aws = FakeAws(hides_new=operation == "create")
    aws.script("create", After(cut()))
    aws.script(operation, *[error] * ATTEMPTS)
    outcome = await perform(aws, make_action())
    assert (outcome.kind, outcome.error_code) == (OutcomeKind.UNKNOWN, error.code)


async def test_a_conflict_that_passes_is_waited_out() -> None:
    aws, stop = FakeAws(), InstantStop()
    aws.script("create", CONFLICT, CONFLICT)
    outcome = await perform(aws, make_action(), stop=stop)
    assert (outcome.kind, aws.names()) == (OutcomeKind.CREATED, {"a": 1})
    assert stop.pauses == [0.5, 1.0]


async def test_what_took_the_name_since_the_plan_is_not_replaced_unasked() -> None:
    aws = FakeAws()
    theirs = aws.there("a", source="pro")
    outcome = await perform(aws, make_action(), replacing=True)
    assert (outcome.kind, outcome.error_code, list(aws.profiles)) == (OutcomeKind.FAILED, "ConflictError", [theirs])
    assert f"{theirs} took this name since the plan" in outcome.error_message


@pytest.mark.parametrize(
    ("operation", "kind", "more"),
    [
        ("delete", ActionKind.DELETE, {}),
        ("tag", ActionKind.UPDATE, {"set_tags": {"team": "a"}}),
        ("untag", ActionKind.UPDATE, {"remove_tags": ("team",)}),
    ],
)
async def test_a_conflict_of_other_changes_is_waited_out_too(
    operation: str, kind: ActionKind, more: dict[str, Any]
) -> None:
    aws = FakeAws()
    arn = aws.there("a")
    aws.script(operation, *[ConflictError("busy")] * (ATTEMPTS - 1))
    outcome = await perform(aws, make_action(kind=kind, arn=arn, **more))
    assert (outcome.error_code, aws.calls) == ("", [operation] * ATTEMPTS)
    aws.script(operation, *[ConflictError("busy")] * ATTEMPTS)
    outcome = await perform(aws, make_action(kind=kind, arn=arn, **more))
    assert (outcome.kind, outcome.error_code) == (OutcomeKind.FAILED, "ConflictError")


async def test_a_conflict_that_stays_is_a_failure() -> None:
    aws = FakeAws()
    aws.script("create", *[CONFLICT] * ATTEMPTS)
    outcome = await perform(aws, make_action())
    assert (outcome.kind, outcome.error_code) == (OutcomeKind.FAILED, "ConflictException")


@pytest.mark.parametrize(("begun", "kind"), [(0, OutcomeKind.UNCHANGED), (1, OutcomeKind.CREATED)])
async def test_a_conflict_with_our_own_profile(begun: int, kind: OutcomeKind) -> None:
    aws = FakeAws()
    arn = aws.there("a")
    outcome = await perform(aws, make_action(), begun=begun)
    assert (outcome.kind, outcome.arn) == (kind, arn)


async def test_a_conflict_with_an_unowned_profile_that_fits_adopts_it() -> None:
    aws = FakeAws()
    arn = aws.there("a", tags={"team": "x"})
    outcome = await perform(aws, make_action())
    assert (outcome.kind, outcome.arn) == (OutcomeKind.ADOPTED, arn)
    assert aws.profiles[arn].tags == {"team": "x", OWNER: ESTATE}


@pytest.mark.parametrize(
    ("tags", "source", "code"),
    [({}, "pro", "NotOurs"), ({OWNER: "another"}, "lite", "OtherEstate"), (OURS, "pro", "ReplacementNeeded")],
)
async def test_a_conflict_with_a_profile_that_does_not_fit_fails(tags: dict[str, str], source: str, code: str) -> None:
    aws = FakeAws()
    arn = aws.there("a", tags=tags, source=source)
    before = dict(aws.profiles)
    outcome = await perform(aws, make_action())
    assert (outcome.kind, outcome.error_code, outcome.arn) == (OutcomeKind.FAILED, code, arn)
    assert aws.profiles == before


async def test_a_refused_action_makes_no_call() -> None:
    aws = FakeAws()
    refusal = Refusal("NotOurs", "no", OutcomeKind.SKIPPED)
    outcome = await perform(aws, make_action(kind=ActionKind.REPLACE, arn="arn:x", refusal=refusal))
    assert (outcome.kind, outcome.error_code, outcome.attempts) == (OutcomeKind.SKIPPED, "NotOurs", 0)
    assert (aws.calls, outcome.arn) == ([], "arn:x")


async def test_nothing_to_do_is_unchanged() -> None:
    outcome = await perform(FakeAws(), make_action(kind=ActionKind.NONE, arn="arn:x"))
    assert (outcome.kind, outcome.arn) == (OutcomeKind.UNCHANGED, "arn:x")


@pytest.mark.parametrize(
    ("kind", "end"), [(ActionKind.UPDATE, OutcomeKind.UPDATED), (ActionKind.ADOPT, OutcomeKind.ADOPTED)]
)
async def test_tags_are_set_and_removed(kind: ActionKind, end: OutcomeKind) -> None:
    aws = FakeAws()
    arn = aws.there("a", tags={"old": "x", "kept": "y"})
    aws.script("tag", After(cut()))
    action = make_action(kind=kind, arn=arn, set_tags={"k": "v"}, remove_tags=("old",))
    outcome = await perform(aws, action)
    assert (outcome.kind, outcome.arn, outcome.attempts) == (end, arn, 3)
    assert aws.profiles[arn].tags == {"kept": "y", "k": "v"}


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (AccessDeniedError("no"), OutcomeKind.FAILED),
        (TooManyTagsError("51"), OutcomeKind.FAILED),
        (NotFoundError("gone"), OutcomeKind.FAILED),
        (cut(), OutcomeKind.UNKNOWN),
    ],
)
async def test_an_error_while_tagging_ends_the_row(error: AwsError, end: OutcomeKind) -> None:
    aws = FakeAws()
    arn = aws.there("a")
    aws.script("tag", *[error] * ATTEMPTS)
    outcome = await perform(aws, make_action(kind=ActionKind.UPDATE, arn=arn, set_tags={"k": "v"}))
    assert (outcome.kind, outcome.error_code, outcome.arn) == (end, error.code, arn)


@pytest.mark.parametrize("lost", [True, False])
async def test_what_is_gone_already_counts_as_deleted(lost: bool) -> None:
    aws = FakeAws()
    arn = aws.there("a") if lost else "arn:gone"
    if lost:
        aws.script("delete", After(cut()))
    outcome = await perform(aws, make_action(kind=ActionKind.DELETE, arn=arn))
    assert (outcome.kind, outcome.arn, aws.profiles) == (OutcomeKind.DELETED, arn, {})


async def test_a_deletion_that_may_be_done_is_unknown() -> None:
    aws = FakeAws()
    arn = aws.there("a")
    aws.script("delete", *[cut()] * ATTEMPTS)
    assert (await perform(aws, make_action(kind=ActionKind.DELETE, arn=arn))).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("step", [cut(), After(cut()), CONFLICT])
async def test_a_stop_leaves_the_row_open_even_in_doubt(step: Exception | After) -> None:
    aws, stop = FakeAws(), InstantStop()
    aws.script("create", step)

    async def stopping(operation: str, what: str) -> None:
        stop.request()

    aws.before = stopping
    with pytest.raises(StopRequestedError):
        await perform(aws, make_action(), stop=stop)
    assert aws.calls == ["create"]


class Closing:
    """Closes the lane to all changes, and then answers as `then` does."""

    def __init__(self, then: Exception | None) -> None:
        self.lane = make_lane(make_traffic(attempts=ATTEMPTS))
        self.then = then

    async def __call__(self) -> None:
        self.lane.close(CHANGES, "CircuitOpen", "not tried")
        if self.then is not None:
            raise self.then


@pytest.mark.parametrize(
    ("then", "kind"), [(UnreachableError("no way"), OutcomeKind.SKIPPED), (cut(), OutcomeKind.UNKNOWN)]
)
async def test_a_closed_lane_leaves_out_what_was_not_sent_and_nothing_that_is_in_doubt(
    then: Exception, kind: OutcomeKind
) -> None:
    aws, closing = FakeAws(), Closing(then)
    aws.script("create", closing)
    performer = Performer("run-1", closing.lane, aws, replan_with(RULES), settle_s=0.0)
    outcome = await performer.perform(make_action())
    assert (outcome.kind, aws.calls.count("create")) == (kind, 1)


async def test_what_was_begun_before_a_lane_closed_has_failed() -> None:
    aws, closing = FakeAws(), Closing(None)
    arn = aws.there("a", tags={"old": "x"})
    aws.script("untag", closing)
    performer = Performer("run-1", closing.lane, aws, replan_with(RULES), settle_s=0.0)
    action = make_action(kind=ActionKind.UPDATE, arn=arn, set_tags={"k": "v"}, remove_tags=("old",))
    outcome = await performer.perform(action)
    assert (outcome.kind, outcome.error_code, aws.profiles[arn].tags) == (OutcomeKind.FAILED, "CircuitOpen", {})
