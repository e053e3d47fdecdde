"""Replacing a profile: never none where that can be had, never two, and honest about what is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulkprof.engine import create as creation
from bulkprof.engine.actions import Performer
from bulkprof.errors import AccessDeniedError, AwsError, ConflictError, UnreachableError
from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind
from bulkprof.stop import Stop, StopRequestedError
from tests.engine.fake_aws import After, FakeAws, cut
from tests.engine.harness import InstantStop, make_lane, make_traffic, replan_with
from tests.factories import make_action

ATTEMPTS = 4


async def perform(aws: FakeAws, old: str, stop: Stop | None = None, **more: Any) -> Outcome:
    """Replace `old`, a profile of another model, by one of the model `lite`."""
    lane = make_lane(make_traffic(attempts=ATTEMPTS, stop=stop or InstantStop()))
    performer = Performer("run-1", lane, aws, replan_with(), settle_s=0.0, **more)
    if stop is None:
        # No stop is asked for, so pauses between the two halves are noted like all others.
        performer.late_stop = lane.traffic.stop
    return await performer.perform(make_action(kind=ActionKind.REPLACE, arn=old))


def stopping(stop: Stop) -> Callable[[], Awaitable[None]]:
    """A script's step: the run is asked to stop while a call is under way."""

    async def request() -> None:
        stop.request()

    return request


def changing(aws: FakeAws) -> list[str]:
    """The calls that change something."""
    return [call for call in aws.calls if call in {"create", "delete", "tag", "untag"}]


async def test_the_new_one_is_made_before_the_old_one_goes() -> None:
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    outcome = await perform(aws, old)
    assert (outcome.kind, outcome.old_arn, list(aws.profiles)) == (OutcomeKind.REPLACED, old, [outcome.arn])
    assert changing(aws) == ["create", "delete"]


async def test_where_names_are_unique_the_old_one_goes_first() -> None:
    aws = FakeAws()
    old = aws.there("a", source="pro")
    outcome = await perform(aws, old)
    assert (outcome.kind, outcome.old_arn, list(aws.profiles)) == (OutcomeKind.REPLACED, old, [outcome.arn])
    # A conflict may pass by itself, so the first replacement of a target asks twice.
    assert changing(aws) == ["create", "create", "delete", "create"]


@pytest.mark.parametrize("step", [cut(), After(cut())])
async def test_a_lost_answer_is_no_reason_to_delete_the_old_one_first(step: Exception | After) -> None:
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    aws.script("create", step)
    outcome = await perform(aws, old)
    assert (outcome.kind, list(aws.profiles)) == (OutcomeKind.REPLACED, [outcome.arn])
    assert changing(aws)[-1] == "delete"


async def test_a_lost_answer_where_names_are_unique_ends_with_one_profile() -> None:
    aws = FakeAws()
    old = aws.there("a", source="pro")
    aws.script("create", cut())
    outcome = await perform(aws, old)
    assert (outcome.kind, list(aws.profiles)) == (OutcomeKind.REPLACED, [outcome.arn])
    assert changing(aws) == ["create", "create", "delete", "create"]


async def test_a_doubt_outlives_the_old_one() -> None:
    aws = FakeAws()
    old = aws.there("a", source="pro")
    aws.script("create", cut(), *[ConflictError("taken", code="ConflictException")] * (ATTEMPTS + 1))
    outcome = await perform(aws, old)
    assert (outcome.kind, outcome.error_code, aws.profiles) == (OutcomeKind.UNKNOWN, "ConflictException", {})


@pytest.mark.parametrize("unique", [True, False])
async def test_an_old_one_that_is_gone_already_counts_as_replaced(unique: bool) -> None:
    aws = FakeAws(unique_names=unique)
    outcome = await perform(aws, "arn:gone")
    assert (outcome.kind, outcome.old_arn, aws.names()) == (OutcomeKind.REPLACED, "arn:gone", {"a": 1})


async def test_a_new_one_that_is_there_already_is_not_made_again() -> None:
    aws = FakeAws()
    old = aws.there("a", source="pro")
    new = aws.there("a")
    outcome = await perform(aws, old)
    assert (outcome.kind, outcome.arn, list(aws.profiles)) == (OutcomeKind.REPLACED, new, [new])


async def test_a_stranger_of_the_same_name_leaves_the_old_one_alone() -> None:
    aws = FakeAws()
    old = aws.there("a", source="pro")
    stranger = aws.there("a", source="other", tags={})
    outcome = await perform(aws, old)
    assert (outcome.kind, set(aws.profiles)) == (OutcomeKind.FAILED, {old, stranger})
    assert stranger in outcome.error_message


async def test_a_refused_creation_leaves_the_old_one_alone() -> None:
    aws = FakeAws()
    old = aws.there("a", source="pro")
    aws.script("create", AccessDeniedError("no"))
    outcome = await perform(aws, old)
    assert (outcome.kind, outcome.arn, list(aws.profiles)) == (OutcomeKind.FAILED, old, [old])


@pytest.mark.parametrize(
    ("error", "kind"),
    [(AccessDeniedError("no"), OutcomeKind.FAILED), (cut(), OutcomeKind.UNKNOWN)],
)
async def test_a_creation_that_fails_once_the_old_one_is_gone_says_so(error: Exception, kind: OutcomeKind) -> None:
    aws = FakeAws()
    old = aws.there("a", source="pro")
    aws.script("create", None, None, *[error] * ATTEMPTS)
    outcome = await perform(aws, old)
    assert (outcome.kind, outcome.arn, outcome.old_arn) == (kind, "", old)
    assert outcome.error_message.startswith("the old profile is deleted; ")


async def test_an_old_one_that_cannot_be_deleted_fails_the_row_and_is_kept() -> None:
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    aws.script("delete", AccessDeniedError("no"))
    outcome = await perform(aws, old)
    # Two of the name now; the next run with --replace finds the left-over.
    assert (outcome.kind, outcome.error_code) == (OutcomeKind.FAILED, "AccessDeniedError")
    assert aws.names() == {"a": 2}


@pytest.mark.parametrize("unique", [True, False])
async def test_a_stop_between_the_halves_waits_for_the_second(unique: bool) -> None:
    """Else there would be no profile at all, or two, until the run is resumed."""
    aws, stop = FakeAws(unique_names=unique), Stop()
    old = aws.there("a", source="pro")
    aws.script("delete" if unique else "create", stopping(stop))
    outcome = await perform(aws, old, stop)
    assert (outcome.kind, outcome.old_arn, aws.names()) == (OutcomeKind.REPLACED, old, {"a": 1})


async def test_a_deletion_whose_answer_was_lost_is_a_first_half_too() -> None:
    aws, stop = FakeAws(), Stop()
    old = aws.there("a", source="pro")
    aws.script("delete", After(cut()), None, stopping(stop))
    outcome = await perform(aws, old, stop)
    assert (outcome.kind, outcome.old_arn, aws.names()) == (OutcomeKind.REPLACED, old, {"a": 1})


@pytest.mark.parametrize("then", [AccessDeniedError("no"), UnreachableError("no route")])
async def test_a_deletion_whose_answer_was_lost_is_never_told_as_refused(then: AwsError) -> None:
    """The old profile is gone, so its ARN must not be told as one that is there."""
    aws = FakeAws()
    old = aws.there("a", source="pro")
    aws.script("delete", After(cut()), *[then] * ATTEMPTS)
    outcome = await perform(aws, old)
    assert (outcome.kind, outcome.arn, outcome.old_arn, aws.profiles) == (OutcomeKind.UNKNOWN, "", old, {})
    assert outcome.error_message.startswith("the old profile may be deleted; ")


@pytest.mark.parametrize("known", [None, False])
async def test_a_conflict_that_passes_is_no_reason_to_delete_the_old_one_first(known: bool | None) -> None:
    aws = FakeAws(unique_names=False)
    old = aws.there("a", source="pro")
    aws.script("create", ConflictError("another operation", code="ConflictException"))
    lane = make_lane(make_traffic(attempts=ATTEMPTS))
    performer = Performer("run-1", lane, aws, replan_with(), settle_s=0.0)
    performer.open_names.unique = known
    outcome = await performer.perform(make_action(kind=ActionKind.REPLACE, arn=old))
    assert (outcome.kind, outcome.old_arn, list(aws.profiles)) == (OutcomeKind.REPLACED, old, [outcome.arn])
    assert changing(aws) == ["create", "create", "delete"]


async def test_a_stop_before_the_first_half_begins_nothing() -> None:
    aws, stop = FakeAws(), Stop()
    old = aws.there("a", source="pro")

    # The name is taken, as it turns out while the run is being stopped.
    aws.script("list", stopping(stop))
    with pytest.raises(StopRequestedError):
        await perform(aws, old, stop)
    assert list(aws.profiles) == [old]


@pytest.mark.parametrize("sent", [False, True])
async def test_a_stop_before_the_deletion_is_sent_takes_its_note_back(sent: bool) -> None:
    """Else the row would be told as one whose old profile is deleted."""
    aws, stop, noted = FakeAws(), Stop(), set[str]()
    old = aws.there("a", source="pro")
    if sent:
        # Its answer is lost, and the stop comes while it waits to be sent again.
        aws.script("delete", cut())

    async def note_open(action: Action) -> None:
        noted.add(action.name)
        if not sent:
            stop.request()

    async def note_whole(action: Action) -> None:
        noted.remove(action.name)

    async def stop_at_deletion(operation: str, what: str) -> None:
        if operation == "delete":
            stop.request()

    aws.before = stop_at_deletion
    with pytest.raises(StopRequestedError):
        await perform(aws, old, stop, note_open=note_open, note_whole=note_whole)
    assert (noted, list(aws.profiles)) == ({"a"} if sent else set(), [old])


async def test_a_second_half_that_does_not_come_to_its_end_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation, "TO_THE_END_S", 0.0)
    aws, stop = FakeAws(), Stop()
    old = aws.there("a", source="pro")

    aws.script("delete", stopping(stop))
    with pytest.raises(StopRequestedError):
        await perform(aws, old, stop)


@pytest.mark.parametrize(
    ("again", "kind", "said"),
    [
        (cut(), OutcomeKind.UNKNOWN, "the old profile is deleted and may be made again (AccessDeniedError: no); "),
        (AccessDeniedError("nor this"), OutcomeKind.FAILED, "the old profile is deleted, and can't be made again"),
    ],
)
async def test_an_old_one_that_may_be_made_again_is_in_doubt(again: Exception, kind: OutcomeKind, said: str) -> None:
    """The name is taken, the new profile is refused, and so is the old one, or its answer is lost."""
    aws = FakeAws()
    old = aws.there("a", source="pro")
    aws.script("create", None, None, AccessDeniedError("no"), *[again] * ATTEMPTS)
    outcome = await perform(aws, old, source_of=lambda profile: "source/pro")
    assert (outcome.kind, outcome.arn, outcome.old_arn) == (kind, "", old)
    assert outcome.error_message.startswith(said)
