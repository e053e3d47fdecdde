"""The list of managed keys: whatever keys there are, it fits into a tag and claims just them."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkprof.limits import TAG_VALUE, TAGS_PER_PROFILE
from bulkprof.rules.ownership import claim, read
from tests.factories import row, rules

ALPHABET = string.ascii_letters + string.digits + " \t._:/=+@-"
KEYS = st.text(ALPHABET, min_size=1, max_size=128)
LISTS = st.lists(KEYS, unique=True, min_size=1, max_size=TAGS_PER_PROFILE - 2)


@given(LISTS, KEYS)
@example(["sha256:"], "sha256:")
@example(["a b"], "a")
@example(["a", "b"], "a b")
@example([f"{number:0128}" for number in range(48)], "x")
def test_a_list_claims_its_keys_and_no_others(keys: list[str], other: str) -> None:
    value = claim(tuple(keys))
    assert TAG_VALUE.fullmatch(value)
    found = read(value)
    assert all(found.covers(key) for key in keys)
    assert found.covers(other) == (other in keys)
    assert not found.beyond(keys)
    assert not found.beyond([*keys, other])
    assert found.beyond(keys[1:])


def test_people_can_read_most_lists() -> None:
    assert claim(("Team", "App", "CostCenter")) == claim(("App", "CostCenter", "Team")) == "App CostCenter Team"


@pytest.mark.parametrize("value", ["", " ", "sha256:", "sha256:abc", "\tx "])
def test_what_people_write_there_is_no_error(value: str) -> None:
    assert not read(value).covers("Team")


def test_an_empty_list_claims_nothing() -> None:
    assert not read("").beyond([])
    assert read("Team").beyond([])


def test_more_keys_than_a_profile_has_are_refused() -> None:
    with pytest.raises(ValueError, match="60 keys"):
        claim(tuple(f"{number:0128}" for number in range(60)))


@pytest.mark.parametrize("tags", [{"Team": "a"}, {"Team": "a", "bulkprof:estate": "default"}])
def test_a_disowned_row_declares_no_owner(tags: dict[str, str]) -> None:
    (profile,) = rules().expand(row(tags=tags, disown=True)).profiles
    assert profile.tags == {"Team": "a"}
