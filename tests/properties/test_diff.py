"""What a diff promises whatever is wanted and whatever is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from bulkprof.model import Action, ActionKind, ObservedProfile
from bulkprof.planning.diff import DiffRules, diff, owner
from bulkprof.planning.retirement import Retirement
from tests.factories import ESTATE, MODELS, OURS, OWNER, TARGET, profile, resolve, wanted

RETIRE = "bulkprof:delete-after"
NOW, LATER = "2026-11-26T02:15Z", "2026-12-03T02:15Z"
NUMBERS = count()
NAMES = st.sampled_from("abcd")
DESCRIPTIONS = st.none() | st.sampled_from(["", "x", "y"])
SOURCES = st.sampled_from(sorted(MODELS))
TAGS = st.dictionaries(st.sampled_from("klm"), st.sampled_from(["", "1", "2"]))
OWNERS = st.sampled_from([{}, OURS, {OWNER: "another"}])
SPECIAL = st.sampled_from([{}, {"aws:stack": "s"}, {RETIRE: NOW}, {RETIRE: LATER}])

WANTED = st.dictionaries(NAMES, st.tuples(DESCRIPTIONS, SOURCES, TAGS)).map(
    lambda rows: [
        wanted(name, number, description=description, source=source, tags={**tags, **OURS})
        for number, (name, (description, source, tags)) in enumerate(rows.items(), start=1)
    ]
)
OBSERVED = st.lists(st.tuples(NAMES | st.just("other"), DESCRIPTIONS, SOURCES, TAGS, OWNERS, SPECIAL), max_size=6).map(
    lambda rows: [
        profile(name, f"arn:{number}", description=description, source=source, tags={**tags, **mine, **more})
        for number, (name, description, source, tags, mine, more) in enumerate(rows)
    ]
)
RULES = st.builds(
    DiffRules,
    st.just(OWNER),
    st.just(ESTATE),
    exact_tags=st.booleans(),
    replace=st.booleans(),
    prune=st.booleans(),
    retirement=st.sampled_from([Retirement(), Retirement(RETIRE, NOW), Retirement(RETIRE, NOW, LATER)]),
)


def plan(asked: Iterable[Action], there: Sequence[ObservedProfile], rules: DiffRules) -> list[Action]:
    return list(diff(TARGET, asked, there, resolve, rules))


def changes(actions: Iterable[Action]) -> list[Action]:
    """What a run would do."""
    return [action for action in actions if action.refusal is None and action.kind is not ActionKind.NONE]


def made_of(action: Action) -> ObservedProfile:
    """The profile that a creation makes, with an ARN that no other has."""
    arn, models = f"arn:new-{next(NUMBERS)}", MODELS[action.source]
    return ObservedProfile(arn, action.name, models, action.description or None, dict(action.tags))


def carried_out(actions: Iterable[Action], there: Iterable[ObservedProfile], rules: DiffRules) -> list[ObservedProfile]:
    """AWS after a run: a model of what the engine does."""
    after = {each.arn: each for each in there}
    for action in changes(actions):
        if action.kind is ActionKind.REPLACE and rules.retirement.until:
            old = after[action.arn]
            after[action.arn] = replace(old, tags={**(old.tags or {}), **rules.retirement.tags})
        elif action.kind in {ActionKind.DELETE, ActionKind.REPLACE}:
            del after[action.arn]
        if action.kind in {ActionKind.CREATE, ActionKind.REPLACE}:
            new = made_of(action)
            after[new.arn] = new
        if action.kind in {ActionKind.UPDATE, ActionKind.ADOPT}:
            old = after[action.arn]
            kept = {key: value for key, value in (old.tags or {}).items() if key not in action.remove_tags}
            after[action.arn] = replace(old, tags={**kept, **action.set_tags})
    return list(after.values())


@given(WANTED, RULES)
def test_what_is_as_wanted_needs_nothing(asked: list[Action], rules: DiffRules) -> None:
    there = [made_of(action) for action in asked]
    actions = plan(asked, there, rules)
    assert changes(actions) == []
    assert [action.refusal for action in actions] == [None] * len(asked)


@given(WANTED, OBSERVED, RULES)
def test_every_wanted_profile_gets_exactly_one_action(
    asked: list[Action], there: list[ObservedProfile], rules: DiffRules
) -> None:
    actions = plan(asked, there, rules)
    assert [action.id for action in actions if action.id] == [action.id for action in asked]
    assert all(action.kind is ActionKind.DELETE for action in actions if not action.id)


@given(WANTED, OBSERVED, RULES)
def test_nothing_without_our_tag_is_ever_deleted(
    asked: list[Action], there: list[ObservedProfile], rules: DiffRules
) -> None:
    by_arn = {each.arn: each for each in there}
    gone = [a.arn for a in changes(plan(asked, there, rules)) if a.kind in {ActionKind.DELETE, ActionKind.REPLACE}]
    assert all(owner(by_arn[arn], rules) == rules.estate for arn in gone)
    assert max(Counter(gone).values(), default=1) == 1
    if not rules.prune and not rules.replace:
        assert gone == []


@given(WANTED, OBSERVED, RULES)
def test_what_was_replaced_has_its_time(asked: list[Action], there: list[ObservedProfile], rules: DiffRules) -> None:
    by_arn = {each.arn: each for each in there}
    gone = {a.arn for a in changes(plan(asked, there, rules)) if a.kind is ActionKind.DELETE}
    if rules.retirement.tag:
        assert all((by_arn[arn].tags or {}).get(RETIRE, NOW) <= NOW for arn in gone)


@given(WANTED, OBSERVED, RULES)
def test_what_belongs_to_another_estate_is_never_touched(
    asked: list[Action], there: list[ObservedProfile], rules: DiffRules
) -> None:
    theirs = [each for each in there if owner(each, rules) == "another"]
    after = carried_out(plan(asked, there, rules), there, rules)
    assert [each for each in after if owner(each, rules) == "another"] == theirs


@given(WANTED, OBSERVED, RULES)
def test_tags_of_aws_survive_every_change_in_place(
    asked: list[Action], there: list[ObservedProfile], rules: DiffRules
) -> None:
    for action in changes(plan(asked, there, rules)):
        assert not any(key.startswith("aws:") for key in (*action.remove_tags, *action.set_tags))


@given(WANTED, OBSERVED, RULES)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(
    asked: list[Action], there: list[ObservedProfile], rules: DiffRules
) -> None:
    there = list({each.name: each for each in there}.values())
    after = carried_out(plan(asked, there, rules), there, rules)
    assert changes(plan(asked, after, rules)) == []


@given(WANTED, OBSERVED, RULES)
def test_where_names_are_not_unique_it_takes_two_plans_at_most(
    asked: list[Action], there: list[ObservedProfile], rules: DiffRules
) -> None:
    # A replacement replaces one of a name; others of that name are what it left over.
    after = carried_out(plan(asked, there, rules), there, rules)
    after = carried_out(plan(asked, after, rules), after, rules)
    assert changes(plan(asked, after, rules)) == []
