"""The values of the domain: what kinds of outcomes mean, and how the values of rows are made."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from inspect import signature

import pytest

from bulkprof.model import (
    CHANGED,
    FAILURES,
    NEED_ATTENTION,
    DesiredProfile,
    OutcomeKind,
    Request,
    Target,
)
from bulkprof.totals import RunSummary, every_kind


@pytest.mark.parametrize("kind", OutcomeKind)
def test_a_kind_is_of_one_group_at_most(kind: OutcomeKind) -> None:
    assert not (kind.is_change and kind.needs_attention)
    assert kind.needs_attention or not kind.is_failure
    assert (kind.is_change, kind.is_failure, kind.needs_attention) == (
        kind in CHANGED,
        kind in FAILURES,
        kind in NEED_ATTENTION,
    )


def test_only_what_is_as_wanted_already_is_of_no_group() -> None:
    assert [kind for kind in OutcomeKind if not kind.is_change and not kind.needs_attention] == [OutcomeKind.UNCHANGED]


def test_what_was_not_tried_is_looked_at_and_did_not_fail() -> None:
    assert set(NEED_ATTENTION) - set(FAILURES) == {OutcomeKind.SKIPPED}


def test_a_summary_counts_its_changes() -> None:
    outcomes = every_kind(dict.fromkeys(OutcomeKind, 1))
    assert RunSummary("run-1", "apply", len(outcomes), outcomes, 0, 1.0).changed == len(CHANGED)


def test_a_request_needs_its_place_alone() -> None:
    bare = Request("teams.csv", 2)
    assert (bare.name, bare.models, bare.tags, bare.attributes) == (None, (), {}, {})
    with pytest.raises(TypeError):
        Request("teams.csv")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "value",
    [
        Request(
            "teams.csv", 2, "search", ("sonnet",), "Search", ("org:*",), ("us-east-1",), {"Team": "a"}, {"app": "b"}
        ),
        DesiredProfile(Request("a.csv", 1), Target("111122223333", "us-east-1"), "m", "s", "n", "d", {"Team": "a"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_rows_are_made_of_all_their_fields_and_never_change(value: Request | DesiredProfile) -> None:
    given = {field.name: getattr(value, field.name) for field in fields(value)}
    assert type(value)(**given) == value == replace(value)
    assert list(signature(type(value)).parameters) == list(given)
    for name in given:
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)
