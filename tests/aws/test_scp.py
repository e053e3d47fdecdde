"""The service control policy: no way to a model but through the estate's profiles, or for those who are excepted."""

from __future__ import annotations

import json

import pytest

from bulkprof.aws.policies.scp import LIMIT, service_control_policies
from tests.aws.deciding import call, faults, is_denied, template_faults

TAG = "bulkprof:estate"
MODEL = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
GLOBAL = "arn:aws:bedrock:::foundation-model/amazon.nova-lite-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl"
SYSTEM = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.amazon.nova-lite-v1:0"
GATEWAY = "arn:aws:iam::111122223333:role/Gateway"
ROLES = [f"arn:aws:iam::*:role/bedrock/team-{number:03d}" for number in range(120)]


def test_the_estates_profiles_may_be_called() -> None:
    found = service_control_policies(TAG, "platform")
    assert len(found) == 1
    for models in ([MODEL], [MODEL, GLOBAL]):
        assert not is_denied(found, call(PROFILE, models, **{TAG: "platform"}), GATEWAY)


def test_an_application_profile_may_be_made_from_a_system_profile() -> None:
    """Whichever of the two AWS asks about besides the models."""
    found = service_control_policies(TAG, "platform")
    through = call(PROFILE, [MODEL], **{TAG: "platform"})
    assert not is_denied(found, [*through, (SYSTEM, {"bedrock:InferenceProfileArn": PROFILE})])
    assert not is_denied(found, [*through, (SYSTEM, {})])


@pytest.mark.parametrize(
    "touched",
    [
        [(MODEL, {})],
        [(GLOBAL, {})],
        call(SYSTEM, [MODEL]),
        call(PROFILE, [MODEL]),
        call(PROFILE, [MODEL], **{TAG: "another"}),
        call(PROFILE, [MODEL], Team="search"),
    ],
    ids=["model", "global", "system profile", "no tags", "another estate", "other tags"],
)
def test_nothing_else_may_but_by_those_who_are_excepted(touched: list[tuple[str, dict[str, str]]]) -> None:
    assert is_denied(service_control_policies(TAG, "platform"), touched, GATEWAY)
    excepting = service_control_policies(TAG, "platform", exceptions=["arn:aws:iam::*:role/Gate*"])
    assert not is_denied(excepting, touched, GATEWAY)
    assert is_denied(excepting, touched, GATEWAY.replace("role/Gateway", "role/Other"))


def test_other_partitions_have_other_arns() -> None:
    text = json.dumps(service_control_policies(TAG, "platform", partition="aws-us-gov"))
    assert "arn:aws-us-gov:bedrock" in text
    assert "arn:aws:" not in text


def test_exceptions_that_fit_only_beside_one_denial_make_two_policies() -> None:
    few, many = ROLES[:30], ROLES[:55]
    assert len(service_control_policies(TAG, "platform", exceptions=few)) == 1
    found = service_control_policies(TAG, "platform", exceptions=many)
    assert len(found) == 2
    assert all(len(json.dumps(each, indent=2)) < LIMIT for each in found)
    excepted = ROLES[54].replace("*", "111122223333")
    assert not is_denied(found, call(PROFILE, [MODEL]), excepted)
    assert is_denied(found, call(PROFILE, [MODEL]), GATEWAY)


def test_too_many_exceptions_want_a_pattern() -> None:
    with pytest.raises(ValueError, match=r"120 exceptions need more than the 5120 .* except that: role/bedrock/\*"):
        service_control_policies(TAG, "platform", exceptions=ROLES)


@pytest.mark.parametrize(
    "exception",
    ["Gateway", "*", "arn:aws:sts::111122223333:assumed-role/Gateway/x", "arn:aws:iam::111122223333:root", "role/*"],
)
def test_what_no_principal_has_is_no_exception(exception: str) -> None:
    with pytest.raises(ValueError, match=r"is not the ARN of a role or user; write such as arn:aws:iam::\*:role/Gatew"):
        service_control_policies(TAG, "platform", exceptions=[exception])


@pytest.mark.parametrize("exceptions", [[], [GATEWAY], ROLES[:55]])
def test_the_grammar_holds(exceptions: list[str]) -> None:
    for each in service_control_policies(TAG, "platform", exceptions=exceptions):
        assert faults(each) == []
        assert template_faults(each) == []
