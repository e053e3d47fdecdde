from __future__ import annotations

import pytest

from bulkprof.limits import Fault
from bulkprof.model import Target
from bulkprof.rules.guess import SourceKind, guess
from bulkprof.rules.sources import SourceArn, form_fault, parse_arn, place_fault
from tests.factories import HAIKU, row, rules

MODEL = f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}"
PROFILE = "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:inference-profile/us-gov.anthropic.claude-v2:1"

WITHOUT_ACCOUNT = PROFILE.replace("111122223333", "")


def test_arns_that_can_be_copied() -> None:
    assert parse_arn(MODEL) == SourceArn("aws", "us-east-1", "", "foundation-model", HAIKU)
    assert isinstance(parse_arn(PROFILE), SourceArn)
    assert parse_arn(WITHOUT_ACCOUNT) == SourceArn(
        "aws-us-gov", "us-gov-west-1", "", "inference-profile", "us-gov.anthropic.claude-v2:1"
    )


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        (
            "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc",
            "an application inference profile",
        ),
        ("arn:aws:bedrock:us-east-1:111122223333:custom-model/a.b/c", "a custom model can't be copied"),
        ("arn:aws:bedrock:us-east-1:111122223333:imported-model/abc", "an imported model can't be copied"),
        ("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc", "provisioned throughput can't be copied"),
        ("arn:aws:sagemaker:us-east-1:111122223333:endpoint/abc", "a marketplace endpoint can't be copied"),
        ("arn:aws:bedrock:us-east-1:111122223333:guardrail/abc", "a guardrail can't be copied"),
        (MODEL + "/x", "is not a model's id"),
        ("arn:aws:s3:::bucket", "is not the ARN of a Bedrock model"),
        ("arn:", "is not the ARN of a Bedrock model"),
        (MODEL.replace("::", ":111122223333:"), "names no account; write " + MODEL),
        (MODEL.replace("us-east-1", ""), "the ARN names no Region"),
        (
            PROFILE.replace("111122223333", "1111"),
            "names its account by 12 digits, or not at all; write " + WITHOUT_ACCOUNT,
        ),
    ],
)
def test_arns_that_can_not(arn: str, said: str) -> None:
    fault = parse_arn(arn)
    assert isinstance(fault, Fault)
    assert said in "; ".join(fault)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (MODEL, Target("", ""), None),
        (MODEL, Target("111122223333", "us-east-1"), None),
        (MODEL, Target("", "eu-west-1"), "of Region us-east-1, the profile is for eu-west-1"),
        (PROFILE, Target("444455556666", "us-gov-west-1"), "of account 111122223333, the profile is for 444455556666"),
        (PROFILE, Target("", "us-gov-west-1"), None),
        (WITHOUT_ACCOUNT, Target("444455556666", "us-gov-west-1"), None),
        (WITHOUT_ACCOUNT, Target("444455556666", "us-gov-east-1"), "of Region us-gov-west-1"),
        (HAIKU, Target("", "eu-west-1"), None),
    ],
)
def test_an_arn_belongs_to_one_place(source: str, target: Target, said: str | None) -> None:
    fault = place_fault(source, target)
    assert (fault is None) if said is None else (fault and said in fault.reason)


def test_the_row_is_told_which_region_does_not_fit() -> None:
    (problem,) = rules().expand(row(models=(MODEL,), regions=("us-east-1", "eu-west-1"))).problems
    assert "is of Region us-east-1, the profile is for eu-west-1; write the id" in str(problem)


@pytest.mark.parametrize(
    "source", [HAIKU, "zai.glm-4.7", "us.amazon.nova-lite-v1:0", "openai.gpt-oss-120b-1:0", "ai21.jamba-1-5-large-v1:0"]
)
def test_model_ids(source: str) -> None:
    assert form_fault(source, ()) is None


@pytest.mark.parametrize("source", ["haiku", "claude-3.5", "a b.c", "", "a..b", "x.y\n"])
def test_not_model_ids(source: str) -> None:
    assert form_fault(source, ())


@pytest.mark.parametrize(
    ("source", "target", "arn", "kind"),
    [
        (HAIKU, Target("", "us-east-1"), MODEL, SourceKind.FOUNDATION_MODEL),
        (
            "zai.glm-4.7",
            Target("", ""),
            "arn:aws:bedrock:REGION::foundation-model/zai.glm-4.7",
            SourceKind.FOUNDATION_MODEL,
        ),
        ("us-gov.anthropic.claude-v2:1", Target("111122223333", "us-gov-west-1"), PROFILE, SourceKind.SYSTEM_PROFILE),
        (
            "eu.meta.llama3",
            Target("", "eu-west-1"),
            "arn:aws:bedrock:eu-west-1:ACCOUNT:inference-profile/eu.meta.llama3",
            SourceKind.SYSTEM_PROFILE,
        ),
        (
            HAIKU,
            Target("", "cn-north-1"),
            f"arn:aws-cn:bedrock:cn-north-1::foundation-model/{HAIKU}",
            SourceKind.FOUNDATION_MODEL,
        ),
    ],
)
def test_guesses_say_that_they_are(source: str, target: Target, arn: str, kind: SourceKind) -> None:
    found = guess(source, target)
    assert (found.arn, found.kind, found.certain) == (arn, kind, False)
    assert "a guess" in str(found)


@pytest.mark.parametrize("arn", [PROFILE, WITHOUT_ACCOUNT])
def test_an_arn_is_no_guess(arn: str) -> None:
    found = guess(arn, Target("", ""))
    assert (found.arn, found.kind, found.certain) == (arn, SourceKind.SYSTEM_PROFILE, True)
    assert str(found) == arn
