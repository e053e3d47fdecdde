"""What is wanted against what is there: one case a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from bulkprof.errors import InvalidRequestError
from bulkprof.model import Action, ActionKind, ObservedProfile
from bulkprof.planning.diff import PRUNED, DiffRules, diff, owner, plan_one, twins
from bulkprof.planning.retirement import Retirement
from bulkprof.profiles.catalogue import ModelSource
from tests.factories import ESTATE, OURS, OWNER, RULES, TARGET, profile, resolve, wanted

CREATE, UPDATE, REPLACE = ActionKind.CREATE, ActionKind.UPDATE, ActionKind.REPLACE
DELETE, ADOPT, NONE = ActionKind.DELETE, ActionKind.ADOPT, ActionKind.NONE
REPLACING = replace(RULES, replace=True)
PRUNING = replace(RULES, prune=True)
THEIRS = {OWNER: "another"}


def planned(
    asked: Iterable[Action], observed: Iterable[ObservedProfile], rules: DiffRules = RULES
) -> list[tuple[ActionKind, str, str]]:
    """The diff in short: kind, name, and the code of the refusal if there is one."""
    actions = diff(TARGET, asked, list(observed), resolve, rules)
    return [(action.kind, action.name, action.refusal.code if action.refusal else "") for action in actions]


def one(action: Action, there: ObservedProfile, rules: DiffRules = RULES) -> Action:
    """The plan of one wanted profile against one that is there."""
    return plan_one(action, [there], resolve, rules)[0]


@pytest.mark.parametrize(
    ("action", "there", "rules", "kind", "refusal"),
    [
        pytest.param(wanted("a"), [], RULES, CREATE, "", id="missing"),
        pytest.param(wanted("a"), [profile("b")], RULES, CREATE, "", id="another-name"),
        pytest.param(wanted("a"), [profile("a")], RULES, NONE, "", id="equal"),
        pytest.param(wanted("a", tags={**OURS, "k": "v"}), [profile("a")], RULES, UPDATE, "", id="tag-missing"),
        pytest.param(wanted("a"), [profile("a", tags={})], RULES, ADOPT, "", id="unowned"),
        pytest.param(wanted("a"), [profile("a", tags=None)], RULES, ADOPT, "", id="tags-unknown"),
        pytest.param(wanted("a"), [profile("a", tags=THEIRS)], RULES, NONE, "OtherEstate", id="other-estate"),
        pytest.param(
            wanted("a"), [profile("a", tags=THEIRS, source="pro")], REPLACING, NONE, "OtherEstate", id="other-drifted"
        ),
        pytest.param(wanted("a"), [profile("a", source="pro")], RULES, REPLACE, "ReplacementNeeded", id="model"),
        pytest.param(wanted("a"), [profile("a", source="pro")], REPLACING, REPLACE, "", id="model-allowed"),
        pytest.param(
            wanted("a"), [profile("a", source="pro", tags={})], REPLACING, REPLACE, "NotOurs", id="unowned-drifted"
        ),
        pytest.param(
            wanted("a", description="new"), [profile("a", description="old")], RULES, REPLACE, "ReplacementNeeded"
        ),
        pytest.param(wanted("a", description="new"), [profile("a")], RULES, REPLACE, "ReplacementNeeded"),
        pytest.param(wanted("a", description="x"), [profile("a", description="x")], RULES, NONE, ""),
        pytest.param(wanted("a"), [profile("a", description="old")], RULES, NONE, "", id="description-absent"),
        pytest.param(wanted("a", description=""), [profile("a")], RULES, NONE, "", id="description-empty"),
        pytest.param(
            wanted("a", description=""), [profile("a", description="old")], RULES, REPLACE, "ReplacementNeeded"
        ),
        pytest.param(wanted("a", source="opaque"), [profile("a")], RULES, NONE, "", id="models-unknown"),
    ],
)
def test_one_wanted_profile(
    action: Action, there: list[ObservedProfile], rules: DiffRules, kind: ActionKind, refusal: str
) -> None:
    assert planned([action], there, rules) == [(kind, "a", refusal)]


def test_a_creation_sets_all_tags_and_points_at_nothing_old() -> None:
    stale = wanted("a", tags={**OURS, "k": "v"}, arn="arn:gone", remove_tags=("x",), reason="before")
    made, used = plan_one(stale, [], resolve, RULES)
    assert used is None
    assert (made.source_arn, made.arn, made.set_tags) == ("source/lite", "", {**OURS, "k": "v"})
    assert (made.remove_tags, made.reason, made.refusal) == ((), "", None)


@pytest.mark.parametrize(
    ("declared", "there", "exact", "sets", "removes"),
    [
        ({"k": "new"}, {**OURS, "k": "old", "foreign": "x"}, False, {"k": "new"}, ()),
        ({"k": "v"}, {**OURS, "k": "v", "foreign": "x"}, False, {}, ()),
        ({"k": "v"}, {**OURS, "k": "v", "z": "x", "b": "x"}, True, {}, ("b", "z")),
        ({"k": "v"}, {**OURS, "k": "v", "aws:stack": "x"}, True, {}, ()),
        ({"k": ""}, OURS, False, {"k": ""}, ()),
        ({}, {"foreign": "x"}, True, OURS, ("foreign",)),
    ],
)
def test_tags(
    declared: Mapping[str, str], there: Mapping[str, str], exact: bool, sets: Mapping[str, str], removes: tuple[str]
) -> None:
    rules = replace(RULES, exact_tags=exact)
    action = one(wanted("a", tags={**OURS, **declared}), profile("a", tags=there), rules)
    assert (action.set_tags, action.remove_tags) == (sets, removes)


def test_a_change_of_tags_says_which() -> None:
    rules = replace(RULES, exact_tags=True)
    action = one(wanted("a", tags={**OURS, "k": "v"}), profile("a", tags={**OURS, "old": "x"}), rules)
    assert action.reason == "tags ~k, -old"


def test_a_change_keeps_the_old_values_of_what_changes() -> None:
    rules = replace(RULES, exact_tags=True)
    there = profile("a", tags={**OURS, "k": "1", "same": "s", "gone": "2"})
    updated = one(wanted("a", tags={**OURS, "k": "v", "same": "s", "new": "n"}), there, rules)
    assert updated.old == {"tag:gone": "2", "tag:k": "1"}
    assert one(updated, replace(there, tags=updated.tags), rules).old == {}


def test_a_replacement_keeps_what_the_old_profile_was() -> None:
    there = profile("a", source="pro", description="x", tags={**OURS, "k": "1", "aws:stack": "s"})
    everything = {"model": "pro, pro-west", "description": "x", "tag:bulkprof:estate": "org", "tag:k": "1"}
    assert one(wanted("a", description="y"), there, REPLACING).old == everything
    # Nothing of it is carried over where the manifest doesn't say it.
    assert one(wanted("a"), there, REPLACING).old == everything
    assert one(wanted("a"), there, RULES).old == everything


def test_a_replacement_carries_all_tags_and_says_what_differs() -> None:
    action = one(wanted("a", tags={**OURS, "k": "v"}, description="new"), profile("a", source="pro"), REPLACING)
    assert action.set_tags == {**OURS, "k": "v"}
    assert action.arn == "arn:a"
    assert action.reason == "model pro, pro-west -> lite; description '' -> 'new'"


def test_of_several_of_one_name_the_one_that_fits_best_is_taken() -> None:
    ours, drifted = profile("a", "arn:2"), profile("a", "arn:1", source="pro")
    unowned, theirs = profile("a", "arn:0", tags={}), profile("a", "arn:00", tags=THEIRS)
    for there in ([drifted, ours, unowned, theirs], [theirs, unowned, ours, drifted]):
        assert plan_one(wanted("a"), there, resolve, RULES)[1] is ours
    assert plan_one(wanted("a"), [drifted, unowned], resolve, RULES)[1] is unowned
    # Another estate's profile fits, but it can't stand for ours.
    assert plan_one(wanted("a"), [theirs, drifted], resolve, REPLACING)[0].kind is REPLACE
    assert plan_one(wanted("a"), [theirs, unowned], resolve, RULES)[0].kind is ADOPT


def test_only_what_carries_the_mark_of_a_replacement_is_left_over_from_one() -> None:
    marked = Retirement("gone-by", "2026-11-26T02:15Z")
    old, new = profile("a", "arn:old", source="pro"), profile("a", "arn:new")
    replacing = replace(REPLACING, retirement=marked)
    assert planned([wanted("a")], [old, new], replacing) == [(NONE, "a", "")]
    left = replace(old, tags={**OURS, **marked.tags})
    assert planned([wanted("a")], [left, new], replace(RULES, retirement=marked)) == [(NONE, "a", "")]
    actions = list(diff(TARGET, [wanted("a")], [left, new], resolve, replacing))
    assert [(a.kind, a.arn, a.id) for a in actions] == [(NONE, "arn:new", 1), (DELETE, "arn:old", 0)]


@pytest.mark.parametrize("source", ["lite", "pro"])
def test_a_twin_is_told_and_only_pruning_takes_it(source: str) -> None:
    kept, twin = profile("a", "arn:1"), profile("a", "arn:2", source=source)
    unowned, theirs = profile("a", "arn:3", tags={}), profile("a", "arn:4", tags=THEIRS)
    there = [kept, twin, unowned, theirs]
    for rules in (RULES, REPLACING):
        actions = list(diff(TARGET, [wanted("a")], there, resolve, rules))
        assert [(a.kind, a.arn) for a in actions] == [(NONE, "arn:1")]
        assert twins(actions, there, rules) == {"a": ["arn:2"]}
    actions = list(diff(TARGET, [wanted("a")], there, resolve, PRUNING))
    assert [(a.kind, a.arn) for a in actions] == [(NONE, "arn:1"), (DELETE, "arn:2")]
    assert actions[1].reason in PRUNED
    assert twins(actions, there, PRUNING) == {}


def test_beside_one_that_is_not_as_wanted_twins_stay() -> None:
    there = [profile("a", "arn:1", source="pro"), profile("a", "arn:2", source="pro")]
    for rules in (PRUNING, replace(PRUNING, replace=True)):
        actions = list(diff(TARGET, [wanted("a")], there, resolve, rules))
        assert [a.kind for a in actions] == [REPLACE]
        assert twins(actions, there, rules) == {"a": ["arn:2"]}


def test_nothing_is_left_over_beside_a_refused_row_or_of_another_estate() -> None:
    theirs, unowned = profile("a", "arn:1", tags=THEIRS), profile("a", "arn:2", tags={}, source="pro")
    assert planned([wanted("a")], [theirs, unowned], REPLACING) == [(REPLACE, "a", "NotOurs")]
    assert planned([wanted("a")], [profile("a"), theirs, unowned], REPLACING) == [(NONE, "a", "")]


def test_pruning_deletes_only_what_is_ours_and_unwanted() -> None:
    there = [
        profile("a"),
        profile("old"),
        profile("unowned", tags={}),
        profile("unknown", tags=None),
        profile("theirs", tags=THEIRS),
        profile("alike", tags={"estate": ESTATE}),
    ]
    assert planned([wanted("a")], there) == [(NONE, "a", "")]
    assert planned([wanted("a")], there, PRUNING) == [(NONE, "a", ""), (DELETE, "old", "")]


def test_pruning_spares_a_wanted_name() -> None:
    assert planned([wanted("a")], [profile("a", "arn:1"), profile("a", "arn:2")], PRUNING) == [
        (NONE, "a", ""),
        (DELETE, "a", ""),
    ]


def test_a_deletion_knows_what_it_deletes() -> None:
    old = profile("old", tags={**OURS, "team": "x"})
    (deletion,) = diff(TARGET, [], [old], resolve, PRUNING)
    assert (deletion.id, deletion.target, deletion.arn, deletion.tags) == (0, TARGET, "arn:old", old.tags)
    assert deletion.reason == "no manifest wants it"


def test_a_model_that_the_target_lacks_is_an_error() -> None:
    with pytest.raises(InvalidRequestError, match="no model pear"):
        list(diff(TARGET, [wanted("a", source="pear")], [], resolve, RULES))


def test_the_owner_is_told_by_the_ownership_tag() -> None:
    assert owner(profile("a"), RULES) == ESTATE
    assert owner(profile("a", tags={}), RULES) is None
    assert owner(profile("a", tags=None), RULES) is None


FOUNDATION = "arn:aws:bedrock:{}::foundation-model/example.model-v1:0"
SYSTEM = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/example.model-v1:0"


@pytest.mark.parametrize(
    ("there", "wanted_arn", "said"),
    [
        (
            [FOUNDATION.format("us-east-1"), FOUNDATION.format("us-west-2")],
            FOUNDATION.format("us-east-1"),
            "model example.model-v1:0 (foundation-model in us-east-1, us-west-2) -> "
            "example.model-v1:0 (foundation-model in us-east-1)",
        ),
        (
            [FOUNDATION.format("us-east-1")],
            SYSTEM,
            "model example.model-v1:0 (foundation-model in us-east-1) -> "
            "example.model-v1:0 (inference-profile in us-east-1)",
        ),
        (
            [FOUNDATION.format("us-east-1")],
            SYSTEM.replace("/ex", "/us.ex"),
            "example.model-v1:0 -> us.example.model-v1:0",
        ),
        ([SYSTEM], SYSTEM.replace("111122223333", "444455556666"), f"model {SYSTEM} -> arn:aws:bedrock:us-east-1:4444"),
    ],
)
def test_a_difference_never_reads_as_none(there: list[str], wanted_arn: str, said: str) -> None:
    """A system profile and a foundation model may have one name."""
    profile_there = ObservedProfile("arn:a", "a", tuple(there), tags=OURS)
    source = ModelSource(wanted_arn, frozenset({wanted_arn}))
    action, _ = plan_one(wanted("a"), [profile_there], lambda _: source, REPLACING)
    assert said in action.reason
