"""Which accounts are meant: selectors, aliases and filters, resolved against a directory."""

from __future__ import annotations

from typing import Any

import pytest

from bulkprof.config import Organization
from bulkprof.errors import ConfigError, UsageError
from bulkprof.limits import Fault
from bulkprof.model import DesiredProfile, Directory, Target
from bulkprof.plugins import hookimpl
from bulkprof.rules.accounts import Accounts, Filters, Undecided, find, is_complete, needs, unresolved
from tests.factories import row, rules

ONE, TWO, THREE, CLOSED = "111111111111", "222222222222", "333333333333", "999999999999"
PROD, EMPTY, ONLY_CLOSED = "ou-ab12-aaaaaaaa", "ou-ab12-bbbbbbbb", "ou-ab12-cccccccc"
DIRECTORY = Directory(
    statuses={ONE: "ACTIVE", TWO: "ACTIVE", THREE: "ACTIVE", CLOSED: "SUSPENDED"},
    units={PROD: frozenset({TWO, ONE, CLOSED}), EMPTY: frozenset(), ONLY_CLOSED: frozenset({CLOSED})},
    tags={ONE: {"env": "prod", "a": "b=c"}, TWO: {"env": "test"}, THREE: {}},
)
ALIASES = {"prod": (f"ou:{PROD}",), "pair": (ONE, THREE), "none": (f"ou:{EMPTY}",)}


def accounts(**filters: tuple[str, ...]) -> Accounts:
    return Accounts(ALIASES, Filters(**filters), DIRECTORY)


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ((TWO, ONE), (TWO, ONE)),
        (("pair",), (ONE, THREE)),
        (("prod",), (ONE, TWO)),
        ((f"ou:{PROD}", TWO, "pair"), (ONE, TWO, THREE)),
        (("org:*",), (ONE, TWO, THREE)),
        (("tag:env=prod",), (ONE,)),
        (("tag:a=b=c",), (ONE,)),
        # One that the organization doesn't know may still be entered, and one that is closed is left out.
        (("444444444444",), ("444444444444",)),
        ((CLOSED, ONE), (ONE,)),
    ],
)
def test_selectors(values: tuple[str, ...], ids: tuple[str, ...]) -> None:
    chosen = accounts()
    assert chosen.of(values) == (ids, ())


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (f"ou:{EMPTY}", "has no accounts"),
        ("none", f"(ou:{EMPTY}) has no accounts"),
        ("ou:ou-ab12-dddddddd", "is no unit of the organization"),
        (f"ou:{ONLY_CLOSED}", f"has only accounts that aren't active: {CLOSED}"),
        ("tag:env=Prod", "is a tag that no active account has"),
        ("pord", "neither an account id, nor a selector, nor an alias of the config; did you mean prod?"),
        ("xyzzy", "the aliases are none, pair, prod"),
        ("tag:env", "write tag:KEY=VALUE"),
        ("11111111111", "has 11 digits"),
    ],
)
def test_a_selector_without_accounts_is_a_fault_and_never_all(value: str, said: str) -> None:
    chosen = accounts().of((value, ONE))
    assert chosen.accounts == (ONE,)
    ((named, fault),) = chosen.faults
    assert named == value
    assert said in "; ".join(fault)


def test_accounts_that_are_left_out_are_remembered() -> None:
    chosen = accounts()
    chosen.of((ONE, "pair", "tag:env=prod"))
    assert chosen.left_out == {}
    chosen.of(("org:*",))
    assert chosen.left_out == {CLOSED: "SUSPENDED"}
    # But not those that the run isn't about.
    filtered = accounts(accounts=("pair",))
    filtered.of(("org:*",))
    assert filtered.left_out == {}


def test_an_organization_that_shows_no_accounts_is_a_fault() -> None:
    assert isinstance(find("org:*", Directory()), Fault)


def test_without_a_directory_selectors_stay_and_aliases_are_opened() -> None:
    offline = Accounts(ALIASES, Filters(accounts=(ONE,), regions=("us-east-1",)))
    assert offline.of(("prod", "pair", "tag:a=b", "")) == ((f"ou:{PROD}", ONE, THREE, "tag:a=b", ""), ())
    assert offline.regions(("eu-west-1",)) == ("eu-west-1",)
    assert offline.of(("pord",)).faults


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"accounts": ("pair",)}, (ONE, THREE)),
        ({"accounts": ("tag:env=test", THREE)}, (TWO, THREE)),
        ({"not_accounts": ("prod",)}, (THREE,)),
        ({"accounts": ("org:*",), "not_accounts": (ONE,)}, (TWO, THREE)),
        # Where both name it, leaving out wins.
        ({"accounts": (ONE,), "not_accounts": ("pair",)}, ()),
        # It holds accounts, so it isn't misspelt, though there is nothing left to exclude.
        ({"not_accounts": (f"ou:{ONLY_CLOSED}",)}, (ONE, TWO, THREE)),
    ],
)
def test_filters(filters: dict[str, tuple[str, ...]], left: tuple[str, ...]) -> None:
    chosen = accounts(**filters)
    assert chosen.of(("org:*",)) == (left, ())


def test_a_region_filter_keeps_what_both_name() -> None:
    chosen = accounts(regions=("us-east-1", "us-west-2"))
    assert chosen.regions(("eu-west-1", "us-west-2")) == ("us-west-2",)


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"accounts": ("pord",)}, "--accounts 'pord': is neither"),
        ({"accounts": ("none",)}, f"--accounts 'ou:{EMPTY}': has no accounts"),
        ({"not_accounts": ("tag:x=y",)}, "--not-accounts 'tag:x=y': is a tag that no"),
        ({"regions": ("US-East-1",)}, "--regions 'US-East-1': is not a Region's name; write us-east-1"),
    ],
)
def test_a_filter_that_cannot_be_used_is_wrong_usage(filters: dict[str, tuple[str, ...]], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        accounts(**filters)
    assert said in str(caught.value)


def test_only_what_is_asked_for_is_needed() -> None:
    filtered = Accounts(ALIASES, Filters(accounts=("prod", "pair"), not_accounts=("tag:a=b",)))
    targets = [Target(ONE, "r"), Target("", "r"), Target("org:*", "r")]
    selectors = filtered.needed_selectors(targets)
    assert selectors == {f"ou:{PROD}", "tag:a=b", "org:*"}
    assert needs(selectors) == ({PROD}, True)
    assert needs({"org:*"}) == (set(), False)
    assert Accounts(ALIASES).needed_selectors(targets[:2]) == set()


def test_filters_that_no_row_asks_for_are_told() -> None:
    filtered = accounts(accounts=("pair", "tag:env=test"), regions=("us-east-1", "us-esat-1"))
    unused = list(filtered.unused_filters([Target(ONE, "us-east-1")]))
    assert unused == ["--accounts tag:env=test", "--regions us-esat-1"]
    assert str(Filters((ONE,), (TWO, "prod"), ())) == f"--accounts {ONE} --not-accounts {TWO},prod"


def test_targets_are_complete_with_an_id_and_a_region() -> None:
    assert is_complete(Target(ONE, "us-east-1"))
    assert not any(map(is_complete, (Target("org:*", "r"), Target("", "r"), Target(ONE, ""))))
    assert (unresolved(Target("org:*", "r")), unresolved(Target(ONE, "r"))) == (Target("", "r"), Target(ONE, "r"))


class ByAccount:
    """A rule that needs the account."""

    @hookimpl
    def bulkprof_name_profile(self, profile: DesiredProfile) -> str:
        if not profile.target.account:
            raise ValueError("needs the account")
        return f"x-{profile.target.account}"


class Refuses:
    @hookimpl
    def bulkprof_check_profile(self, profile: DesiredProfile) -> None:
        raise ValueError(f"no {profile.name}")


def test_what_depends_on_the_account_waits_until_it_is_known() -> None:
    offline = rules(naming=ByAccount())
    profiles = offline.expand(row(name=None, accounts=("org:*", "tag:a=b"), regions=("us-east-1",))).profiles
    assert [profile.target.account for profile in profiles] == ["org:*", "tag:a=b"]
    resolved = rules({"organization": {"aliases": {"prod": f"ou:{PROD}"}}}, accounts=accounts(), naming=ByAccount())
    profiles = resolved.expand(row(name=None, accounts=("prod",), regions=("us-east-1",))).profiles
    assert [profile.name for profile in profiles] == [f"x-{ONE}", f"x-{TWO}"]


def test_what_holds_for_every_account_is_told_at_once() -> None:
    expansion = rules(check=Refuses()).expand(row(accounts=("org:*",)))
    assert expansion.profiles == ()
    assert "no one" in str(expansion.problems[0])


def test_an_undecided_target_notices_who_looks() -> None:
    target = Undecided("us-east-1")
    assert (target.region, target.asked) == ("us-east-1", False)
    assert (target.account, target.asked) == ("", True)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"defaults": {"account": "pord"}}, "defaults.account: 'pord' is neither"),
        ({"defaults": {"account": "none"}}, f"defaults.account: 'none' (ou:{EMPTY}) has no accounts"),
    ],
)
def test_defaults_that_choose_nothing_are_the_configs_fault(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules(config, accounts=accounts()).expand(row())
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"aliases": {"a": "1"}}, "a: '1' has 1 digits"),
        ({"aliases": {"a": "b"}}, "an alias can't name another"),
        ({"aliases": {"ou-x": ONE}}, "'ou-x' can't be an alias"),
        ({"aliases": {"1": ONE}}, "'1' can't be an alias"),
        ({"aliases": {"a": []}}, "a stands for nothing"),
        ({"via": "arn:aws:iam::111111111111:role/Hub", "duration_s": 3601}, "at most 3600 with `via`"),
        ({"via": "Hub"}, "via"),
        ({"role": "no such role"}, "role"),
        ({"external_id": "a b"}, "external_id"),
    ],
)
def test_organization_tables_that_cannot_be_used(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="validation error") as caught:
        Organization.model_validate(table)
    assert said in str(caught.value)
