"""An alias may stand for another model in each Region, and for whichever system profile a geography has."""

from __future__ import annotations

import pytest

from bulkprof.errors import ConfigError
from bulkprof.model import Target
from bulkprof.rules.guess import guess
from bulkprof.rules.sources import form_fault
from tests.factories import HAIKU, row, rules

SONNET = "anthropic.claude-sonnet-4-20250514-v1:0"
BY_REGION = {"models": {"sonnet": {"us": f"us.{SONNET}", "eu": f"eu.{SONNET}", "us-gov": f"us-gov.{SONNET}"}}}


def test_one_row_gets_the_model_of_each_region() -> None:
    regions = ("us-east-1", "eu-central-1", "us-gov-west-1")
    found = rules(BY_REGION).expand(row(models=("sonnet",), regions=regions))
    assert found.problems == ()
    assert {(each.target.region, each.model, each.source) for each in found.profiles} == {
        ("us-east-1", "sonnet", f"us.{SONNET}"),
        ("eu-central-1", "sonnet", f"eu.{SONNET}"),
        ("us-gov-west-1", "sonnet", f"us-gov.{SONNET}"),
    }


def test_regions_that_no_key_fits_are_told_with_the_keys() -> None:
    regions = ("us-east-1", "ap-south-1", "ca-central-1", "nowhere")
    problems = rules(BY_REGION).expand(row(models=("sonnet",), regions=regions)).problems
    assert [(each.column, each.value) for each in problems] == [("region", "nowhere"), ("model", "sonnet")]
    assert str(problems[1]) == (
        "a.csv:2: model 'sonnet': the alias has no model for ap-south-1, ca-central-1: its keys are us, eu, us-gov; "
        "under [models], add ap-south-1 to the alias, a beginning of it, or default"
    )


def test_default_is_for_all_other_regions() -> None:
    config = {"models": {"haiku": {"eu": f"eu.{HAIKU}", "default": HAIKU}}}
    found = rules(config).expand(row(regions=("eu-west-1", "us-east-1")))
    assert [each.source for each in found.profiles] == [f"eu.{HAIKU}", HAIKU]


def test_a_region_that_is_not_known_yet_is_no_problem() -> None:
    """The rows are read again once it is known; until then a model of the table stands in."""
    (profile,) = rules(BY_REGION).expand(row(models=("sonnet",))).profiles
    assert (profile.target.region, profile.source) == ("", f"us.{SONNET}")
    (known,) = rules(BY_REGION, region="eu-west-1").expand(row(models=("sonnet",))).profiles
    assert known.source == f"eu.{SONNET}"
    assert "no model for ap-south-1" in str(
        rules(BY_REGION, region="ap-south-1").expand(row(models=("sonnet",))).problems
    )


def test_an_arn_in_a_table_is_checked_where_it_is_used() -> None:
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}"
    made = rules({"models": {"haiku": {"us-east-1": arn, "eu": arn}}})
    assert made.expand(row(regions=("us-east-1",))).problems == ()
    (problem,) = made.expand(row(regions=("us-east-1", "eu-west-1"))).problems
    assert "is of Region us-east-1, the profile is for eu-west-1" in str(problem)
    (problem,) = made.expand(row(regions=("ap-south-1",))).problems
    assert "no model for ap-south-1" in str(problem)


def test_a_row_of_very_many_targets_gets_the_model_of_each_region_too() -> None:
    accounts = tuple(f"{number:012}" for number in range(1, 5002))
    found = rules(BY_REGION).expand(row(models=("sonnet",), accounts=accounts, regions=("us-east-1", "eu-west-1")))
    assert {(each.target.region, each.source) for each in found.profiles} == {
        ("us-east-1", f"us.{SONNET}"),
        ("eu-west-1", f"eu.{SONNET}"),
    }


def test_a_geography_is_asked_for_by_a_prefix() -> None:
    config = {"models": {"haiku": f"geo:{HAIKU}", "mixed": {"us": HAIKU, "default": f"geo:{HAIKU}"}}}
    for model in ("haiku", "mixed", f"geo:{HAIKU}"):
        (profile,) = rules(config).expand(row(models=(model,), regions=("eu-west-1",))).profiles
        assert (profile.model, profile.source) == (model, f"geo:{HAIKU}")


@pytest.mark.parametrize("source", ["geo:", "geo:sonnet", "geo:arn:aws:bedrock", f"geo: {HAIKU}", f"geo:geo:{HAIKU}"])
def test_after_the_prefix_stands_a_model_id(source: str) -> None:
    fault = form_fault(source, ["sonnet"])
    assert fault is not None
    assert fault.reason == "names no model after geo:"
    assert fault.remedy.startswith("write geo: and the id of a model; a model id looks like anthropic.")


def test_what_a_geography_has_is_not_guessed() -> None:
    found = guess(f"geo:{HAIKU}", Target("", "eu-west-1"))
    assert found.arn == f"arn:aws:bedrock:eu-west-1:ACCOUNT:inference-profile/GEO.{HAIKU}"


def test_all_wrong_aliases_are_told_at_once() -> None:
    config = {
        "models": {
            "haiku": HAIKU,
            "a": {"us": "haiku", "eu": "x"},
            "b": "geo:haiku",
            SONNET: {"us": f"us.{SONNET}", "default": SONNET},
            "c": "haiku",
        },
        "defaults": {"model": ["hiaku"]},
    }
    with pytest.raises(ConfigError) as told:
        rules(config)
    looks = "a model id looks like anthropic.claude-3-haiku-20240307-v1:0"
    assert str(told.value).splitlines() == [
        "models.a.us: 'haiku' is an alias itself; write the model that it stands for",
        f"models.a.eu: 'x' is not a model id or ARN; {looks}",
        f"models.b: 'geo:haiku' is not a model id or ARN; write geo: and the id of a model; {looks}",
        f"models.{SONNET}.default: {SONNET!r} is the alias itself, and names would differ from Region to Region; "
        "give the alias another name",
        "models.c: 'haiku' is an alias itself; write the model that it stands for",
        "defaults.model: 'hiaku' is neither an alias of the config, nor a model id, nor an ARN; did you mean haiku?",
    ]
