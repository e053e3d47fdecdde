"""What callers may invoke: these profiles, and models through those profiles alone that are made from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bulkprof.aws.policies.grammar import size
from bulkprof.aws.policies.invoke import LIMIT, by_value, policies_of
from bulkprof.catalog.entries import CatalogEntry
from tests.aws.deciding import call, faults, is_allowed, template_faults
from tests.catalog.making import HAIKU, NOVA, OTHER, entry

US = [f"arn:aws:bedrock:{region}::foundation-model/{HAIKU}" for region in ("us-east-1", "us-east-2", "us-west-2")]
GLOBAL = [f"arn:aws:bedrock:::foundation-model/{HAIKU}", US[0]]
LITE = [f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"]
SYSTEM = f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{HAIKU}"


def of(number: int, models: Sequence[str], source: str = "", **more: Any) -> CatalogEntry:
    return entry(f"search-{number}", number, source_arn=source or models[0], model_arns=tuple(models), **more)


def documents(*entries: CatalogEntry, limit: int = LIMIT) -> Sequence[dict[str, Any]]:
    made = policies_of({"invoke": entries}, limit)
    assert made.left_out == []
    return made.documents["invoke"]


def test_calls_of_the_profiles_pass_and_no_others() -> None:
    lite, haiku, everywhere, other = of(1, LITE), of(2, US, SYSTEM), of(3, GLOBAL), of(4, LITE)
    policy = documents(lite, haiku, everywhere)
    assert len(policy) == 1
    assert is_allowed(policy, call(lite.arn, LITE))
    assert is_allowed(policy, call(haiku.arn, US))
    assert is_allowed(policy, call(everywhere.arn, GLOBAL))
    assert not is_allowed(policy, call(other.arn, LITE))
    assert not is_allowed(policy, call(SYSTEM, US))
    assert not is_allowed(policy, [(LITE[0], {})])


def test_a_model_is_allowed_only_through_profiles_that_are_made_from_it() -> None:
    lite, haiku = of(1, LITE), of(2, US, SYSTEM)
    policy = documents(lite, haiku)
    assert not is_allowed(policy, call(lite.arn, US))
    assert not is_allowed(policy, call(haiku.arn, LITE))


def test_should_aws_ask_for_the_system_profile_it_is_allowed_through_the_profile() -> None:
    haiku = of(2, US, SYSTEM)
    assert is_allowed(documents(haiku), call(haiku.arn, [*US, SYSTEM]))


def test_converse_needs_the_actions_of_invoke_and_no_others() -> None:
    (policy,) = documents(of(1, LITE))
    for statement in policy["Statement"]:
        assert statement["Action"] == ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]


def test_what_is_too_long_is_divided_and_nothing_is_lost() -> None:
    entries = [of(number, LITE if number % 3 else US) for number in range(1, 91)]
    found = documents(*entries)
    assert len(found) > 2
    assert all(LIMIT * 0.8 < size(each) <= LIMIT for each in found[:-1])
    for each in entries:
        assert is_allowed(found, call(each.arn, each.model_arns))
        # Each policy is whole: a profile and its models are never apart.
        assert sum(is_allowed([part], call(each.arn, each.model_arns)) for part in found) == 1
        assert not is_allowed(found, call(each.arn, LITE if each.model_arns == tuple(US) else US))
    assert documents(*reversed(entries)) == found


def test_size_is_that_without_whitespace() -> None:
    (policy,) = documents(of(1, LITE))
    assert size(policy) == len("".join(json.dumps(policy).split()))


def test_what_fits_into_no_policy_is_told() -> None:
    made = policies_of({"invoke": [of(1, US), of(2, LITE)]}, size(documents(of(2, LITE))[0]))
    assert made.left_out == [
        f"111122223333/us-east-1 search-1: its 3 models need more than {size(made.documents['invoke'][0])} characters"
    ]
    assert is_allowed(made.documents["invoke"], call(of(2, LITE).arn, LITE))


def test_unknown_models_leave_a_profile_out() -> None:
    made = policies_of({"invoke": [of(1, LITE), entry("old", 2, source_arn=SYSTEM)]})
    assert len(made.documents["invoke"]) == 1
    (line,) = made.left_out
    assert (
        line
        == "111122223333/us-east-1 old: the models that it reaches aren't known; a new run finds them out, or --live"
    )


def test_each_value_has_its_own() -> None:
    search, ads, none = of(1, LITE, team="search"), of(2, LITE, team="ads"), of(3, LITE)
    groups, left_out = by_value([search, ads, none], "tag:Team")
    made = policies_of(groups)
    assert set(made.documents) == {"search", "ads"}
    assert is_allowed(made.documents["search"], call(search.arn, LITE))
    assert not is_allowed(made.documents["search"], call(ads.arn, LITE))
    assert left_out == ["111122223333/us-east-1 search-3: has no tag:Team, so no policy is its own"]
    assert set(by_value([search, of(4, LITE, account=OTHER)], "account")[0]) == {"111122223333", OTHER}


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_the_grammar_holds(partition: str) -> None:
    entries = [of(1, LITE), of(2, US, SYSTEM), of(3, GLOBAL), *(of(number, LITE) for number in range(4, 60))]
    text = json.dumps(documents(*entries)).replace("arn:aws:", f"arn:{partition}:")
    for each in json.loads(text):
        assert faults(each) == []
        assert template_faults(each) == []


def test_the_linters_would_find_something() -> None:
    text = json.dumps(documents(of(1, LITE))[0])
    assert faults(json.loads(text.replace("bedrock:InferenceProfileArn", "bedrock:ProfileArn")))
    assert faults(json.loads(text.replace("StringEquals", "StringIs")))
    assert faults(json.loads(text.replace("bedrock:InvokeModel", "bedrock:Converse")))
    assert template_faults(json.loads(text.replace("application-inference-profile", "inference-profiles")))
