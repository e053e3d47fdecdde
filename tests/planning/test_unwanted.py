"""Profiles that no manifest wants, and those that a creation looks like the new name of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkprof.model import Action, ObservedProfile, Refusal
from bulkprof.planning.diff import diff
from bulkprof.planning.retirement import Retirement
from bulkprof.planning.unwanted import COMPARED, left_over, with_old_names
from tests.factories import OURS, OWNER, RULES, TARGET, profile, resolve, wanted

RETIRE = "bulkprof:delete-after"


def old_names(asked: list[Action], there: list[ObservedProfile]) -> dict[str, str]:
    """What each creation looks like the new name of."""
    actions = list(diff(TARGET, asked, there, resolve, RULES))
    named = with_old_names(actions, left_over(actions, there, RULES), resolve, RULES)
    assert [replace(action, old={}) for action in named] == [replace(action, old={}) for action in actions]
    return {action.name: action.old["name"] for action in named if action.old}


def test_what_pruning_would_delete_is_found_without_it() -> None:
    rules = replace(RULES, retirement=Retirement(RETIRE, "2026-11-26T02:15Z"))
    kept = profile("kept", tags={**OURS, RETIRE: "2026-12-03T02:15Z"})
    there = [profile("b"), profile("a"), profile("theirs", tags={OWNER: "x"}), profile("new", tags=None), kept]
    actions = list(diff(TARGET, [wanted("b")], there, resolve, rules))
    assert [each.name for each in left_over(actions, there, rules)] == ["a"]
    pruning = replace(rules, prune=True)
    deleted = [action.name for action in diff(TARGET, [wanted("b")], there, resolve, pruning) if action.arn != "arn:b"]
    assert deleted == ["a"]


@pytest.mark.parametrize(
    ("new", "old", "found"),
    [
        (wanted("team-b-app"), profile("team-a-app"), True),
        (wanted("ranking"), profile("team-a-app"), False),
        (wanted("team-b-app"), profile("team-a-app", source="pro"), False),
        (wanted("team-b-app"), profile("team-a-app", tags={OWNER: "another"}), False),
        (wanted("search-app", tags={**OURS, "Team": "s"}), profile("s-app-prod", tags={**OURS, "Team": "s"}), True),
        (wanted("search-app", tags={**OURS, "Team": "s"}), profile("s-app-prod", tags={**OURS, "Team": "t"}), False),
        (wanted("x", tags={**OURS, "Team": "s"}), profile("search", tags={**OURS, "Team": "s"}), False),
    ],
    ids=["alike", "other", "another model", "another estate", "same tags", "other tags", "same tags alone"],
)
def test_an_old_name(new: Action, old: ObservedProfile, found: bool) -> None:
    assert old_names([new], [old]) == ({new.name: old.name} if found else {})


def test_each_old_name_is_of_one_new_name_and_the_most_alike_first() -> None:
    asked = [wanted("team-bb", 1), wanted("team-a2", 2), wanted("team-zz", 3)]
    assert old_names(asked, [profile("team-b"), profile("team-a")]) == {"team-bb": "team-b", "team-a2": "team-a"}


def test_what_exists_or_is_refused_has_no_old_name() -> None:
    refused = replace(wanted("team-c"), refusal=Refusal("AccessDenied", "no way in"))
    assert old_names([wanted("team-b")], [profile("team-b"), profile("team-a")]) == {}
    assert with_old_names([refused], [profile("team-a")], resolve, RULES) == [refused]


def test_where_everything_is_renamed_a_bounded_number_is_compared() -> None:
    many = COMPARED + 5
    asked = [wanted(f"new-{number:03}", number) for number in range(1, many + 1)]
    assert len(old_names(asked, [profile(f"old-{number:03}") for number in range(1, many + 1)])) <= COMPARED
