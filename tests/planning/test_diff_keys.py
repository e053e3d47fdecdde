"""Keys that are declared no more: removed where the profile says that bulkprof set them, else left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bulkprof.limits import TAGS_PER_PROFILE
from bulkprof.model import Action, ActionKind
from bulkprof.planning.diff import diff
from bulkprof.rules.ownership import claim
from tests.factories import OURS, OWNER, RULES, TARGET, profile, resolve, wanted

KEYS = "bulkprof:keys"
LISTING = replace(RULES, keys_tag=KEYS)
TEAM = {**OURS, "team": "a", KEYS: "team"}
FILLING = {f"other{number:02}": "x" for number in range(TAGS_PER_PROFILE)}


def planned(declared: Mapping[str, str], there: Mapping[str, str], *, exact: bool = False) -> Action:
    rules = replace(LISTING, exact_tags=exact)
    (action,) = diff(TARGET, [wanted("p", tags=declared)], [profile("p", tags=there)], resolve, rules)
    return action


@pytest.mark.parametrize(
    ("declared", "there", "set_tags", "remove"),
    [
        # Dropped keys go, and the list with them; others' stay.
        (TEAM, {**TEAM, "app": "x", "theirs": "y", KEYS: "app team"}, {KEYS: "team"}, ("app",)),
        (OURS, {**TEAM, "theirs": "y"}, {}, (KEYS, "team")),
        # Cut off between removing and listing: what is claimed and gone may not be another's tomorrow.
        (TEAM, {**TEAM, KEYS: "app team"}, {KEYS: "team"}, ()),
        # All tags are as declared, also where others set them: the list can wait for the next change.
        (TEAM, {**OURS, "team": "a"}, {}, ()),
        ({**TEAM, "app": "x", KEYS: "app team"}, {**TEAM, "app": "x"}, {}, ()),
        ({**TEAM, "app": "x", KEYS: "app team"}, TEAM, {"app": "x", KEYS: "app team"}, ()),
        (TEAM, {**OURS, "team": "b"}, {"team": "a", KEYS: "team"}, ()),
        # What others wrote into the list is no reason to touch AWS's own, or bulkprof's.
        (TEAM, {**TEAM, "aws:x": "1", KEYS: f"aws:x team {OWNER} {KEYS}"}, {KEYS: "team"}, ()),
        # A list of digests is as good.
        (TEAM, {**TEAM, "a b": "x", KEYS: claim(("a b", "team"))}, {KEYS: "team"}, ("a b",)),
    ],
)
def test_managed_keys(
    declared: Mapping[str, str], there: Mapping[str, str], set_tags: Mapping[str, str], remove: tuple[str, ...]
) -> None:
    action = planned(declared, there)
    assert (action.set_tags, action.remove_tags) == (set_tags, remove)
    assert action.kind is (ActionKind.UPDATE if set_tags or remove else ActionKind.NONE)


def test_a_profile_that_is_not_ours_yet_claims_nothing() -> None:
    action = planned(TEAM, {"team": "a", "app": "x", KEYS: "app team"})
    assert (action.kind, action.remove_tags) == (ActionKind.ADOPT, ())
    assert action.set_tags == {**OURS, KEYS: "team"}


def test_exact_tags_need_no_list() -> None:
    action = planned(TEAM, {**TEAM, "theirs": "y", "aws:x": "1"}, exact=True)
    assert (action.set_tags, action.remove_tags) == ({}, ("theirs",))


@pytest.mark.parametrize(("others", "listed"), [(47, True), (48, False)])
def test_the_list_gives_way_where_there_is_no_room(others: int, listed: bool) -> None:
    there = {**OURS, **dict(list(FILLING.items())[:others]), "aws:x": "1"}
    action = planned(TEAM, there)
    assert action.set_tags == ({"team": "a", KEYS: "team"} if listed else {"team": "a"})
