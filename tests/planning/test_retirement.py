"""Profiles that were replaced and are kept for a while: who stands for the name, and when they go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bulkprof.model import ActionKind
from bulkprof.planning.diff import DiffRules, diff
from bulkprof.planning.retirement import Retirement, stamp
from tests.factories import OURS, OWNER, RULES, TARGET, profile, resolve, wanted

TAG = "bulkprof:delete-after"
NOW = datetime(2026, 11, 26, 2, 15, tzinfo=UTC)
KEEPING = Retirement.starting(NOW, TAG, timedelta(days=7))
FUTURE, PAST = {**OURS, TAG: "2026-11-26T02:16Z"}, {**OURS, TAG: "2026-11-26T02:15Z"}


def rules(*, replacing: bool = False, pruning: bool = False, retirement: Retirement = KEEPING) -> DiffRules:
    return replace(RULES, replace=replacing, prune=pruning, retirement=retirement)


def test_times_are_utc_and_sort_as_text() -> None:
    assert stamp(datetime(2026, 11, 26, 1, 0, tzinfo=timezone(timedelta(hours=2)))) == "2026-11-25T23:00Z"
    assert KEEPING.tags == {TAG: "2026-12-03T02:15Z"}
    # One that is deleted at once is a left-over at once.
    assert Retirement.starting(NOW, TAG, timedelta()).tags == {TAG: "2026-11-26T02:15Z"}
    assert Retirement().tags == {}


@pytest.mark.parametrize(
    ("value", "over"),
    [
        ("2026-11-26T02:14Z", True),
        ("2026-11-26T02:15Z", True),
        ("2026-11-26T02:16Z", False),
        ("2027-01-01T00:00Z", False),
        ("", False),
        ("1999", False),
        ("soon", False),
        ("2026-11-26T02:14Z ", False),
    ],
)
def test_only_a_time_that_has_come_is_over(value: str, over: bool) -> None:
    assert KEEPING.is_over({TAG: value}) is over
    assert KEEPING.marks({TAG: value})
    assert not Retirement().marks({"": value})


def test_a_replacement_says_until_when_the_old_one_is_kept() -> None:
    there = [profile("a", source="pro")]
    (action,) = diff(TARGET, [wanted("a")], there, resolve, rules(replacing=True))
    assert action.reason == "model pro, pro-west -> lite; arn:a is kept until 2026-12-03T02:15Z"
    (refused,) = diff(TARGET, [wanted("a")], there, resolve, rules())
    assert "kept" not in refused.reason


@pytest.mark.parametrize("flags", [{}, {"replacing": True}, {"pruning": True}, {"replacing": True, "pruning": True}])
@pytest.mark.parametrize("retirement", [KEEPING, Retirement.starting(NOW, TAG, timedelta())])
def test_it_goes_when_its_time_has_come_and_not_before(flags: dict[str, bool], retirement: Retirement) -> None:
    new = profile("a", "arn:new")
    for tags, gone in ((FUTURE, False), (PAST, bool(flags)), ({**OURS, TAG: "?"}, False)):
        old = profile("a", "arn:old", source="pro", tags=tags)
        actions = list(diff(TARGET, [wanted("a")], [old, new], resolve, rules(**flags, retirement=retirement)))
        expected = [(ActionKind.NONE, "arn:new")] + [(ActionKind.DELETE, "arn:old")] * gone
        assert [(action.kind, action.arn) for action in actions] == expected


def test_it_does_not_stand_for_its_successor() -> None:
    """Wanted is what the old one is again: its callers have been told to leave."""
    old, new = profile("a", "arn:old", tags=FUTURE), profile("a", "arn:new", source="pro")
    (action,) = diff(TARGET, [wanted("a")], [old, new], resolve, rules(replacing=True))
    assert (action.kind, action.arn) == (ActionKind.REPLACE, "arn:new")


def test_alone_it_counts_and_loses_the_tag() -> None:
    """The run that marked it didn't live to make its successor, and now none is wanted any more."""
    (action,) = diff(TARGET, [wanted("a")], [profile("a", tags=PAST)], resolve, rules(replacing=True, pruning=True))
    assert (action.kind, action.arn, action.remove_tags) == (ActionKind.UPDATE, "arn:a", (TAG,))
    drifted = [profile("a", tags=PAST, source="pro")]
    (action,) = diff(TARGET, [wanted("a")], drifted, resolve, rules(replacing=True, pruning=True))
    assert (action.kind, action.arn) == (ActionKind.REPLACE, "arn:a")


def test_beside_a_stranger_it_stays() -> None:
    old, stranger = profile("a", "arn:old", tags=PAST), profile("a", "arn:new", source="pro", tags={})
    (action,) = diff(TARGET, [wanted("a")], [old, stranger], resolve, rules(pruning=True))
    assert action.refusal is not None


def test_it_goes_beside_a_successor_that_has_to_be_replaced_in_turn() -> None:
    old, new = profile("a", "arn:old", tags=PAST), profile("a", "arn:new", source="pro")
    actions = list(diff(TARGET, [wanted("a")], [old, new], resolve, rules(pruning=True)))
    assert [(action.arn, bool(action.refusal)) for action in actions] == [("arn:new", True), ("arn:old", False)]


def test_pruning_leaves_it_its_time() -> None:
    for tags, gone in ((FUTURE, []), (PAST, ["arn:a"])):
        actions = diff(TARGET, [], [profile("a", tags=tags)], resolve, rules(pruning=True))
        assert [action.arn for action in actions] == gone


def test_on_what_isnt_ours_the_tag_means_nothing_and_goes_when_it_is_adopted() -> None:
    theirs = profile("a", "arn:theirs", tags={TAG: "2020-01-01T00:00Z", OWNER: "another"})
    unowned = profile("a", "arn:unowned", tags={TAG: "2020-01-01T00:00Z"})
    actions = list(diff(TARGET, [wanted("a")], [theirs, unowned], resolve, rules(replacing=True, pruning=True)))
    assert [(action.kind, action.arn, action.remove_tags) for action in actions] == [
        (ActionKind.ADOPT, "arn:unowned", (TAG,))
    ]
