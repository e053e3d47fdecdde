"""`geo:MODEL-ID` is the one geographic system profile of a model that the target's catalogue has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bulkprof.errors import InvalidRequestError
from bulkprof.model import Action, ActionKind, Target
from bulkprof.planning.diff import DiffRules, plan_one
from bulkprof.profiles.catalogue import Catalogue, FoundationModel, SystemProfile

TARGET = Target("222222222222", "ap-northeast-1")
NOVA, SONNET, HAIKU, EMBED = "amazon.nova-lite-v1:0", "anthropic.sonnet-v1:0", "anthropic.haiku-v1:0", "cohere.embed"
CANVAS = "amazon.canvas"


def arn(model: str, region: str = "ap-northeast-1") -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model}"


def profile(identity: str, *models: str) -> SystemProfile:
    return SystemProfile(identity, f"arn:aws:bedrock:ap-northeast-1:111111111111:inference-profile/{identity}", models)


def across(geo: str, model: str) -> SystemProfile:
    return profile(f"{geo}.{model}", arn(model), arn(model, "ap-south-1"))


MODELS = [FoundationModel(each, arn(each), frozenset({"ON_DEMAND"})) for each in (NOVA, SONNET, EMBED, CANVAS)]
PROFILES = [
    across("apac", NOVA),
    across("apac", SONNET),
    across("jp", SONNET),
    profile(f"global.{SONNET}", arn(SONNET), arn(SONNET, "")),
    profile(f"global.{EMBED}", arn(EMBED), arn(EMBED, "")),
    # A geography that was not known when this was written, and what routes to more than the model.
    across("xy", HAIKU),
    profile("apac.any-haiku", arn(HAIKU), arn(NOVA)),
]
CATALOGUE = Catalogue(MODELS, PROFILES)


@pytest.mark.parametrize(("model", "found"), [(NOVA, f"apac.{NOVA}"), (HAIKU, f"xy.{HAIKU}")])
def test_the_one_there_is_is_taken(model: str, found: str) -> None:
    source = CATALOGUE.resolve(f"geo:{model}", TARGET)
    assert source.arn == f"arn:aws:bedrock:ap-northeast-1:222222222222:inference-profile/{found}"
    assert source.model_arns == {arn(model), arn(model, "ap-south-1")}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            SONNET,
            f"ap-northeast-1 has several geographic system profiles of {SONNET}: apac.{SONNET}, jp.{SONNET}; write the "
            "one that is meant, or give the alias a table by Region",
        ),
        (
            EMBED,
            f"no geographic system profile of 'cohere.embed' in ap-northeast-1; what there is of it: {EMBED}, "
            f"global.{EMBED}",
        ),
        (CANVAS, f"no geographic system profile of '{CANVAS}' in ap-northeast-1; what there is of it: {CANVAS}"),
        (
            f"apac.{NOVA}",
            f"no geographic system profile of 'apac.{NOVA}' in ap-northeast-1; that is a system profile itself: write "
            f"it alone, or geo:{NOVA}",
        ),
        (
            "amazon.nova-lite",
            f"no geographic system profile of 'amazon.nova-lite' in ap-northeast-1; did you mean geo:{NOVA}?",
        ),
        ("x.y", "no geographic system profile of 'x.y' in ap-northeast-1; check the model's id"),
    ],
)
def test_none_or_several_are_an_error_that_says_what_there_is(model: str, said: str) -> None:
    with pytest.raises(InvalidRequestError) as told:
        CATALOGUE.resolve(f"geo:{model}", TARGET)
    assert told.value.message == said


def test_an_approved_plan_keeps_what_was_found() -> None:
    """Also where AWS has added another one since."""
    wanted = Action(1, TARGET, ActionKind.NONE, "a", model="sonnet", source=f"geo:{NOVA}", tags={"owner": "e"})
    planned = _plan(wanted, PROFILES)
    later = [*PROFILES, across("jp", NOVA)]
    with pytest.raises(InvalidRequestError, match="several geographic system profiles"):
        _plan(wanted, later)
    assert _plan(planned, later) == planned
    assert _plan(replace(planned, source=NOVA), later).source_arn == arn(NOVA)


def _plan(action: Action, profiles: Sequence[SystemProfile]) -> Action:
    catalogue = Catalogue(MODELS, profiles)
    return plan_one(action, (), lambda source: catalogue.resolve(source, TARGET), DiffRules("owner", "e"))[0]
