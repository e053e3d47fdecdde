"""Sources are found by what AWS lists, in any partition."""

from __future__ import annotations

import pytest

from bulkprof.aws import Catalogue, FoundationModel, SystemProfile
from bulkprof.errors import InvalidRequestError
from bulkprof.model import Target

TARGET = Target("222222222222", "us-gov-west-1")
P = "arn:aws-us-gov:bedrock"


def model(identity: str, *kinds: str, legacy: bool = False) -> FoundationModel:
    return FoundationModel(identity, f"{P}:us-gov-west-1::foundation-model/{identity}", frozenset(kinds), legacy)


def profile(identity: str, *model_arns: str) -> SystemProfile:
    return SystemProfile(identity, f"{P}:us-gov-west-1:111111111111:inference-profile/{identity}", model_arns)


NOVA = "amazon.nova-lite-v1:0"
GLM = "zai.glm-4.7"
WIDE = (f"{P}:us-gov-west-1::foundation-model/{GLM}", f"{P}:us-gov-east-1::foundation-model/{GLM}")
GLOBAL = (WIDE[0], f"{P}:::foundation-model/{GLM}")
CATALOGUE = Catalogue.from_listings(
    [model(NOVA, "ON_DEMAND"), model(GLM, "PROVISIONED"), model("old.model-v1", "ON_DEMAND", legacy=True)],
    [[profile("us-gov.zai.glm-4.7", *WIDE)], [profile("global.zai.glm-4.7", *GLOBAL)]],
)


@pytest.mark.parametrize(
    ("source", "arn", "lists"),
    [
        (NOVA, model(NOVA).arn, {model(NOVA).arn}),
        (f" {NOVA} ", model(NOVA).arn, {model(NOVA).arn}),
        (model(NOVA).arn, model(NOVA).arn, {model(NOVA).arn}),
        ("us-gov.zai.glm-4.7", f"{P}:us-gov-west-1:222222222222:inference-profile/us-gov.zai.glm-4.7", set(WIDE)),
        ("global.zai.glm-4.7", f"{P}:us-gov-west-1:222222222222:inference-profile/global.zai.glm-4.7", set(GLOBAL)),
        (
            f"{P}:us-gov-west-1:999999999999:inference-profile/us-gov.zai.glm-4.7",
            f"{P}:us-gov-west-1:222222222222:inference-profile/us-gov.zai.glm-4.7",
            set(WIDE),
        ),
        (
            f"{P}:us-gov-west-1::inference-profile/us-gov.zai.glm-4.7",
            f"{P}:us-gov-west-1:222222222222:inference-profile/us-gov.zai.glm-4.7",
            set(WIDE),
        ),
    ],
)
def test_found(source: str, arn: str, lists: set[str]) -> None:
    resolved = CATALOGUE.resolve(source, TARGET)
    assert (resolved.source_arn, resolved.model_arns, resolved.warning) == (arn, frozenset(lists), None)


def test_what_runs_only_through_a_system_profile_says_which() -> None:
    warning = CATALOGUE.resolve(GLM, TARGET).warning
    assert warning is not None
    assert "global.zai.glm-4.7 or us-gov.zai.glm-4.7" in warning
    assert CATALOGUE.resolve("old.model-v1", TARGET).warning == "AWS lists old.model-v1 as LEGACY"


@pytest.mark.parametrize("types", [frozenset({"INFERENCE_PROFILE"}), frozenset()])
def test_whatever_aws_says_of_a_model_that_lacks_on_demand(types: frozenset[str]) -> None:
    """`["INFERENCE_PROFILE"]`, or nothing, as it once did."""
    bare = FoundationModel(GLM, model(GLM).arn, types)
    catalogue = Catalogue([bare], [profile("us-gov.zai.glm-4.7", *WIDE)])
    warning = catalogue.resolve(GLM, TARGET).warning
    assert warning == f"{GLM} can't be invoked on demand by itself; use us-gov.zai.glm-4.7"
    assert Catalogue([bare], [profile("x.glm", bare.arn)]).source_of((bare.arn,)) == "x.glm"


def test_a_model_that_retires_says_when() -> None:
    old = FoundationModel(
        "old.v1", model("old.v1").arn, frozenset({"ON_DEMAND"}), legacy=True, retires="2027-10-28T00:00:00Z"
    )
    warning = Catalogue([old], []).resolve("old.v1", TARGET).warning
    assert warning == "AWS lists old.v1 as LEGACY, and retires it on 2027-10-28"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("amazon.nova-lite-v1", f"did you mean {NOVA}"),
        ("glm-4.7", "zai.glm-4.7"),
        ("eu.zai.glm-4.7", "us-gov.zai.glm-4.7"),
        ("completely-else", "no model or system profile 'completely-else'"),
        ("", "no model"),
        ("arn:aws:s3:::bucket", "not the ARN of a Bedrock model"),
        ("arn:aws:bedrock", "not the ARN of a Bedrock model"),
        (f"{P}:us-gov-east-1::foundation-model/{NOVA}", f"write the id '{NOVA}' alone"),
        (f"{P}:us-gov-west-1:222222222222:foundation-model/{NOVA}", "is not how AWS names the model here"),
        (f"arn:aws:bedrock:us-gov-west-1::foundation-model/{NOVA}", "is not how AWS names the model here"),
        (
            "arn:aws:bedrock:us-gov-west-1::inference-profile/us-gov.zai.glm-4.7",
            "is not how AWS names the profile here",
        ),
        (f"{P}:us-gov-west-1::foundation-model/nope", "no model or system profile 'nope'"),
        (f"{P}:us-gov-west-1:222222222222:inference-profile/nope", "no model or system profile 'nope'"),
        (f"{P}:us-gov-west-1:222222222222:application-inference-profile/abc", "can't be copied"),
    ],
)
def test_refused(source: str, says: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        CATALOGUE.resolve(source, TARGET)
    assert says in str(caught.value)
    assert caught.value.where == str(TARGET)


def test_drift_is_a_different_set_of_models() -> None:
    wide = CATALOGUE.resolve("us-gov.zai.glm-4.7", TARGET)
    assert wide.model_arns == frozenset((WIDE[1], WIDE[0]))
    assert wide.model_arns != frozenset(WIDE[:1])
    assert wide.model_arns != frozenset(GLOBAL)


def test_the_source_is_found_back() -> None:
    for source in (NOVA, "us-gov.zai.glm-4.7", "global.zai.glm-4.7"):
        assert CATALOGUE.source_of(tuple(CATALOGUE.resolve(source, TARGET).model_arns)) == source
    assert CATALOGUE.source_of(("arn:x",)) is None


def test_a_system_profile_of_one_region_stands_back_only_for_a_model_that_runs_alone() -> None:
    both = Catalogue(
        [model("a", "ON_DEMAND"), model("b", "PROVISIONED")],
        [profile("x.a", model("a").arn), profile("x.b", model("b").arn)],
    )
    assert both.source_of((model("a").arn,)) == "a"
    assert both.source_of((model("b").arn,)) == "x.b"


def test_the_caller_of_an_unknown_account_gets_the_arn_as_listed() -> None:
    resolved = CATALOGUE.resolve("us-gov.zai.glm-4.7", Target("", "us-gov-west-1"))
    assert ":111111111111:" in resolved.source_arn
