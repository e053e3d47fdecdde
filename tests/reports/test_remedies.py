"""Against a denial helps what undoes it, which isn't always a permission."""

from __future__ import annotations

import pytest

from bulkprof.errors import AccessDeniedError, AwsError, InvalidRequestError
from bulkprof.model import Outcome, OutcomeKind, Target
from bulkprof.reports.failures import grouped_lines
from bulkprof.reports.unreachable_targets import blocks

EAST = Target("111122223333", "us-east-1")
USER = "User: arn:aws:sts::111122223333:assumed-role/r/s is not authorized to perform: bedrock:CreateInferenceProfile"
MODEL = " on resource: arn:aws:bedrock:us-east-1::foundation-model/example"
MARKETPLACE = (
    "Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace "
    "actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this model."
)


def denied(number: int, message: str) -> Outcome:
    return Outcome(
        number, EAST, f"t-{number}", OutcomeKind.FAILED, error_code="AccessDeniedException", error_message=message
    )


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (USER + MODEL, "to mend: allow bedrock:CreateInferenceProfile; `bulkprof iam-policy`"),
        (
            f"{USER}{MODEL} because no identity-based policy allows the bedrock:CreateInferenceProfile action",
            "to mend: allow bedrock:CreateInferenceProfile; `bulkprof iam-policy`",
        ),
        (
            f"{USER}{MODEL} with an explicit deny in a service control policy",
            "to mend: bedrock:CreateInferenceProfile is denied explicitly by a service control policy, which no",
        ),
        (
            f"{USER}{MODEL} with an explicit deny in an identity-based policy",
            "is denied explicitly by an identity-based policy",
        ),
        (f"{USER}{MODEL} with an explicit deny", "is denied explicitly by a policy"),
        (
            f"{USER}{MODEL} with an explicit deny in a permissions boundary",
            "is denied explicitly by a permissions boundary",
        ),
        (
            f"{USER}{MODEL} because no service control policy allows the bedrock:CreateInferenceProfile action",
            "is denied since no service control policy allows it",
        ),
        (MARKETPLACE, "a principal that may aws-marketplace:Subscribe"),
    ],
)
def test_the_remedy_is_for_the_policy_that_denies(message: str, said: str) -> None:
    last = list(grouped_lines([denied(1, message)], each=3))[-1]
    assert said in last
    assert ("allow bedrock" in last) == ("iam-policy" in last)


def test_different_denials_are_told_apart() -> None:
    explicit = f"{USER}{MODEL} with an explicit deny in a service control policy"
    lines = list(grouped_lines([denied(1, USER + MODEL), denied(2, explicit), denied(3, MARKETPLACE)], each=3))
    assert len([line for line in lines if line.startswith("to mend: ")]) == 3


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            AccessDeniedError("can't assume arn:aws:iam::1:role/Example: no", code="AccessDenied"),
            "remedy: the role Example must be there, and its trust policy must allow TRUST, or leave them out",
        ),
        (
            AccessDeniedError("no, with an explicit deny in a service control policy", code="AccessDenied"),
            "remedy: sts:AssumeRole is denied explicitly by a service control policy, which no permission of the role",
        ),
        (
            InvalidRequestError("DurationSeconds exceeds; `duration_s` is 7200", code="ValidationError"),
            "remedy: as said above, or leave them out: --not-accounts 111122223333",
        ),
    ],
)
def test_only_what_a_trust_policy_denies_is_blamed_on_it(error: AwsError, said: str) -> None:
    error.operation = "AssumeRole"
    (block,) = blocks({EAST: error}, "TRUST")
    assert said in block
    assert ("trust policy" in block) == ("trust policy" in said)


def test_an_account_of_its_own_is_named_in_the_cause_and_several_share_one() -> None:
    def error(target: Target) -> AwsError:
        return AwsError(f"account {target.account} is not the caller's own", code="NoRole", where=str(target))

    other = Target("444455556666", "us-east-1")
    (alone,) = blocks({EAST: error(EAST)}, "TRUST")
    assert "account 111122223333 is not the caller's own" in str(alone)
    (both,) = blocks({EAST: error(EAST), other: error(other)}, "TRUST")
    assert "account {account} is not the caller's own" in str(both)
