"""What is let go of loses the tags that say whose it is, and nothing else, whatever the rest of its row says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bulkprof.model import Action, ActionKind, ObservedProfile
from bulkprof.planning.caps import Capped, count_capped
from bulkprof.planning.diff import DiffRules, diff, twins
from bulkprof.planning.retirement import Retirement
from tests.factories import ESTATE, OURS, OWNER, TARGET, profile, resolve, wanted

KEYS, UNTIL = "bulkprof:keys", "bulkprof:delete-after"
OVER = {UNTIL: "2020-01-01T00:00Z"}
RULES = DiffRules(
    OWNER,
    ESTATE,
    KEYS,
    exact_tags=True,
    replace=True,
    prune=True,
    retirement=Retirement(UNTIL, now="2026-01-01T00:00Z"),
)


def planned(*there: ObservedProfile, tags: Mapping[str, str] = {"Team": "b"}, source: str = "lite") -> list[Action]:
    return list(diff(TARGET, [wanted("one", tags=tags, source=source)], there, resolve, RULES))


@pytest.mark.parametrize("source", ["lite", "pro", "gone"], ids=["as it was", "another model", "a model no more"])
def test_only_our_own_tags_go(source: str) -> None:
    tags = {**OURS, KEYS: "Team", "Team": "a", "Other": "x", **OVER}
    (action,) = planned(profile("one", tags=tags), source=source)
    assert (action.kind, action.arn, dict(action.set_tags)) == (ActionKind.UPDATE, "arn:one", {})
    assert action.remove_tags == (UNTIL, OWNER, KEYS)
    assert action.reason == f"disowned: tags -{UNTIL}, -{OWNER}, -{KEYS}"
    assert action.old == {f"tag:{key}": tags[key] for key in action.remove_tags}


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        ((), "disowned; it isn't there"),
        ((profile("one", tags={"Team": "a"}),), "disowned; it doesn't belong to the estate"),
        ((profile("one", tags={OWNER: "other", KEYS: "Team"}),), "disowned; it doesn't belong to the estate"),
    ],
    ids=["missing", "nobody's", "another estate's"],
)
def test_nothing_else_is_made_adopted_or_touched(there: tuple[ObservedProfile, ...], reason: str) -> None:
    (action,) = planned(*there)
    assert (action.kind, action.refusal, action.reason, action.old) == (ActionKind.NONE, None, reason, {})
    assert (action.remove_tags, dict(action.set_tags)) == ((), {})


def test_pruning_deletes_none_of_the_name() -> None:
    there = [profile("one", "arn:1"), profile("one", "arn:2"), profile("one", "arn:0", tags={**OURS, **OVER})]
    (action,) = planned(*there)
    assert (action.kind, action.arn) == (ActionKind.UPDATE, "arn:1")
    assert twins([action], there, RULES) == {}
    # One a run, those that were replaced last.
    (action,) = planned(profile("one", "arn:1", tags={}), *there[1:])
    assert action.arn == "arn:2"


def test_letting_go_counts_for_the_cap_on_updates() -> None:
    there = [profile("one")]
    assert dict(count_capped(planned(*there), there, RULES)) == {Capped.UPDATES: 1}
