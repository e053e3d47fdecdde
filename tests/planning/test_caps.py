"""The caps: how many profiles one run may delete, replace or retag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.config import Prune, Settings
from bulkprof.errors import ExitCode, SafetyError, UsageError
from bulkprof.model import Action, ActionKind, ObservedProfile
from bulkprof.planning.caps import SHOWN, Capped, allowed_by, check_caps, count_capped
from bulkprof.planning.diff import DiffRules, diff
from bulkprof.workflows.options import Options
from tests.factories import ESTATE, OURS, OWNER, TARGET, profile, resolve, wanted

ONE, TWO, THREE = "111122223333", "222233334444", "333344445555"
KEYS = "bulkprof:keys"
RULES = DiffRules(OWNER, ESTATE, KEYS, prune=True, replace=True)


def check(
    kind: Capped, planned: Mapping[str, int], owned: Mapping[str, int], allowed: int | None = None, **tables: Any
) -> None:
    settings = Settings.model_validate({"estate": "org", **tables})
    check_caps(settings, {kind: planned}, owned, {kind: allowed})


def deletions(planned: Mapping[str, int], owned: Mapping[str, int], **caps: float) -> None:
    check(Capped.DELETIONS, planned, owned, prune=caps)


def refused(kind: Capped, *given: Any, **tables: Any) -> list[str]:
    with pytest.raises(SafetyError) as caught:
        check(kind, *given, **tables)
    assert caught.value.exit_code is ExitCode.SAFETY_LIMIT
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("owned", "percent", "count", "allowed"),
    [
        (0, 10, 5, 5),
        (50, 10, 5, 5),
        (60, 10, 5, 6),
        (69, 10, 5, 6),
        (1000, 10, 5, 100),
        (1000, 0, 0, 0),
        (3, 100, 0, 3),
        (1000, 0, 7, 7),
    ],
)
def test_the_larger_of_share_and_count_may_go(owned: int, percent: float, count: int, allowed: int) -> None:
    caps = {"percent": percent, "count": count, "account_percent": 100}
    assert allowed_by(Prune(percent=percent, count=count), owned) == allowed
    deletions({ONE: min(owned, allowed)}, {ONE: owned}, **caps)
    with pytest.raises(SafetyError):
        deletions({ONE: allowed + 1}, {ONE: owned}, **caps)


def test_a_refused_prune_says_how_much_it_was_about_and_where() -> None:
    said = refused(Capped.DELETIONS, {ONE: 2, TWO: 28, THREE: 0}, {ONE: 40, TWO: 50, THREE: 10})
    assert said == [
        "estate 'org': the plan deletes 30 of 100 profiles, and at most 10 may go in one run (the larger of 10 % and "
        "5), not 30 %. Nothing was changed. Is a manifest cut short? If this is meant, raise [prune] percent or count "
        "in bulkprof.toml, or allow it in this run: --allow-deletions 30",
        f"  {TWO}: 28 of 50, at most 12",
        f"  {ONE}: 2 of 40",
    ]


def test_a_share_just_over_its_cap_looks_so() -> None:
    assert "(the larger of 10 % and 5), not 10.2 %." in refused(Capped.DELETIONS, {ONE: 41}, {ONE: 400})[0]


def test_one_account_may_not_lose_most_of_its_profiles() -> None:
    owned = {ONE: 20, **{f"{number:012}": 20 for number in range(50)}}
    deletions({ONE: 5}, owned)
    said = refused(Capped.DELETIONS, {ONE: 6, f"{7:012}": 5}, owned)
    assert "too many of them in 1 account (the larger of 25 % and 5 of each account may go in one run)" in said[0]
    assert said[0].endswith(
        "raise [prune] account_percent or account_count in bulkprof.toml, or allow it in this run: --allow-deletions 11"
    )
    assert said[1:] == [f"  {ONE}: 6 of 20, at most 5"]
    deletions({ONE: 20}, owned, account_percent=100)


def test_hundreds_of_accounts_are_not_all_listed() -> None:
    everywhere = {f"{number:012}": 10 for number in range(100)}
    lines = refused(Capped.DELETIONS, everywhere, everywhere)
    assert len(lines) == SHOWN + 2
    assert lines[-1] == "  and 80 more accounts"


def test_what_was_not_seen_allows_no_more_than_the_count() -> None:
    # An account without a count of its own couldn't be observed, or has nothing.
    with pytest.raises(SafetyError):
        deletions({ONE: 1}, {TWO: 1000}, account_count=0)


@given(st.integers(0, 10**6), st.floats(0, 100), st.integers(0, 10**6))
def test_more_owned_profiles_never_allow_fewer_changes(owned: int, percent: float, count: int) -> None:
    cap = Prune(percent=percent, count=count)
    assert count <= allowed_by(cap, owned) <= allowed_by(cap, owned + 1)
    assert allowed_by(cap, owned) <= max(owned, count)


def test_a_rule_that_rewrites_most_tags_is_stopped_and_a_small_estate_is_not() -> None:
    check(Capped.UPDATES, {ONE: 20}, {ONE: 20})
    check(Capped.UPDATES, {ONE: 200}, {ONE: 200, TWO: 200})
    said = refused(Capped.UPDATES, {ONE: 340}, {ONE: 400})
    assert said == [
        "estate 'org': the plan changes or removes tags of 340 of 400 profiles, and at most 200 may be changed so in "
        "one run (the larger of 50 % and 20), not 85 %. Nothing was changed. Is a tag rule mistaken? If this is "
        "meant, raise [caps.updates] percent or count in bulkprof.toml, or allow it in this run: --allow-updates 340",
        f"  {ONE}: 340 of 400",
    ]
    account = {"updates": {"account_percent": 10, "account_count": 0}}
    said = refused(Capped.UPDATES, {ONE: 2, TWO: 1}, {ONE: 10, TWO: 10}, caps=account)
    assert "(the larger of 10 % and 0 of each account may be changed so in one run)" in said[0]
    assert "raise [caps.updates] account_percent or account_count" in said[0]


def test_an_alias_that_means_another_model_is_stopped() -> None:
    check(Capped.REPLACEMENTS, {ONE: 20}, {ONE: 20})
    said = refused(Capped.REPLACEMENTS, {ONE: 100}, {ONE: 100})
    assert said[0] == (
        "estate 'org': the plan replaces 100 of 100 profiles, and at most 25 may be replaced in one run (the larger of "
        "25 % and 20), not 100 %. Nothing was changed. Each gets a new ARN. Does an alias mean another model now? If "
        "this is meant, raise [caps.replacements] percent or count in bulkprof.toml, or allow it in this run: "
        "--allow-replacements 100"
    )


@pytest.mark.parametrize("kind", Capped)
def test_what_a_run_is_allowed_stands_instead_of_its_caps(kind: Capped) -> None:
    check(kind, {ONE: 100}, {ONE: 100}, 100)
    check(kind, {}, {ONE: 100}, 0)
    (said, _) = refused(kind, {ONE: 4}, {ONE: 100}, 3)
    assert f"4 of 100 profiles, and --allow-{kind} allows 3. Nothing was changed" in said
    assert said.endswith(f"If this is meant, --allow-{kind} 4")


def test_all_that_is_too_much_is_told_at_once() -> None:
    with pytest.raises(SafetyError) as caught:
        check_caps(Settings(), {kind: {ONE: 100} for kind in Capped}, {ONE: 100}, {})
    assert [kind for kind in Capped if f"--allow-{kind} 100" in str(caught.value)] == list(Capped)


TEAM = {**OURS, "Team": "a"}
LISTED = {**TEAM, KEYS: "Team"}


@pytest.mark.parametrize(
    ("want", "there", "counted"),
    [
        ({**TEAM, KEYS: "Team"}, LISTED, {}),
        ({**TEAM, "App": "x", KEYS: "App Team"}, LISTED, {}),
        ({**TEAM, "Team": "b", KEYS: "Team"}, LISTED, {Capped.UPDATES: 1}),
        ({**OURS, "App": "x", KEYS: "App"}, LISTED, {Capped.UPDATES: 1}),
        # An adoption, though it changes a tag.
        ({**TEAM, "Team": "b"}, {"Team": "a"}, {}),
    ],
    ids=["equal", "one tag more", "another value", "a tag less", "adopted"],
)
def test_updates_count_where_they_change_or_remove_a_tag(
    want: dict[str, str], there: dict[str, str], counted: dict[Capped, int]
) -> None:
    assert planned([wanted("one", tags=want)], [profile("one", tags=there)]) == counted


def test_deletions_and_replacements_count_and_what_is_refused_does_not() -> None:
    there = [profile("one", source="pro"), profile("two"), profile("three", tags={**OURS, OWNER: "other"})]
    rows = [wanted("one"), wanted("three", 2)]
    assert planned(rows, there) == {Capped.REPLACEMENTS: 1, Capped.DELETIONS: 1}
    assert planned(rows, there, DiffRules(OWNER, ESTATE)) == {}


def planned(rows: list[Action], there: list[ObservedProfile], rules: DiffRules = RULES) -> dict[Capped, int]:
    return dict(count_capped(list(diff(TARGET, rows, there, resolve, rules)), there, rules))


def test_options_take_no_negative_number_and_nothing_else() -> None:
    with pytest.raises(UsageError, match="allow_updates is how many there may be, so it can't be -1"):
        Options(allow_updates=-1)
    with pytest.raises(TypeError, match=r"allow_deletions is a number, not str \('5'\)"):
        Options(allow_deletions="5")  # type: ignore[arg-type]


@given(
    st.dictionaries(st.sampled_from([ONE, TWO, THREE]), st.integers(0, 200), min_size=1),
    st.integers(0, 300),
    st.sampled_from(Capped),
)
def test_nothing_over_an_allowance_ever_passes(there: dict[str, int], allowed: int, kind: Capped) -> None:
    total = sum(there.values())
    if total <= allowed:
        check(kind, there, there, allowed)
    else:
        refused(kind, there, there, allowed)


def test_kinds_of_actions_without_a_cap_count_for_none() -> None:
    made = [Action(1, TARGET, kind, "one") for kind in (ActionKind.CREATE, ActionKind.ADOPT, ActionKind.NONE)]
    assert dict(count_capped(made, [], RULES)) == {}
