"""Throttling: buckets per account, Region and operation, changed while the sandbox runs."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bulkprof.sandbox import Hypotheses, Rate
from bulkprof.sandbox.rates import RateRule, RateTable

TARGET = ("123456789012", "us-east-1", "CreateInferenceProfile")


def test_a_bucket_gives_its_burst_and_then_its_rate(clock: Any) -> None:
    table = RateTable(Rate(2, 3), clock)
    assert [table.take(TARGET, refusal_costs=False) for _ in range(4)] == [True, True, True, False]
    clock.advance(1)
    assert [table.take(TARGET, refusal_costs=False) for _ in range(3)] == [True, True, False]
    clock.advance(100)
    assert sum(table.take(TARGET, refusal_costs=False) for _ in range(9)) == 3


def test_refusals_may_cost_but_the_debt_is_bounded(clock: Any) -> None:
    table = RateTable(Rate(2, 2), clock)
    for _ in range(50):
        table.take(TARGET, refusal_costs=True)
    clock.advance(1)
    assert not table.take(TARGET, refusal_costs=True)
    clock.advance(2)
    assert table.take(TARGET, refusal_costs=True)


def test_the_narrower_rule_wins_and_the_newer_of_equals() -> None:
    table = RateTable(Rate(100, 100), lambda: 0.0)
    table.set(RateRule(Rate(0, 1), operation="CreateInferenceProfile"))
    table.set(RateRule(Rate(0, 2), account="123456789012"))
    assert sum(table.take(TARGET, refusal_costs=False) for _ in range(9)) == 2
    table.set(RateRule(Rate(0, 0), account="123456789012"))
    assert len(table.rules) == 3
    assert not table.take(TARGET, refusal_costs=False)
    assert table.take(("210987654321", "us-east-1", "GetInferenceProfile"), refusal_costs=False)


def test_rates_are_kept_per_operation_account_and_region(make: Any) -> None:
    sandbox, aws = make(rate=Rate(0, 1), retry_after_s=2)
    aws.create("team-a")
    with pytest.raises(ClientError) as caught:
        aws.create("team-b")
    response = caught.value.response
    assert response["Error"] == {
        "Code": "ThrottlingException",
        "Message": "Too many requests, please wait before trying again.",
    }
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "2"
    assert aws.names() == ["team-a"]
    aws().list_foundation_models()
    other = aws(region="us-west-2")
    aws.create("team-a", "arn:aws:bedrock:us-west-2::foundation-model/zai.glm-4.7", client=other)
    aws.create("team-a", client=aws(keys=aws.assume("210987654321")))
    sandbox.set_rate(Rate(5, 5), operation="CreateInferenceProfile", region="us-east-1")
    assert aws.code_of(lambda: aws.create("team-b")) == "ThrottlingException"
    ledger = sandbox.ledger()
    assert ledger.count("CreateInferenceProfile", "throttled") == 2
    assert ledger.count("CreateInferenceProfile", "ok", account="210987654321") == 1


def test_a_raised_rate_counts_from_then_on(make: Any, clock: Any) -> None:
    sandbox, aws = make(rate=Rate(0, 0), hypotheses=Hypotheses(throttled_calls_cost=True))
    assert aws.code_of(aws.create) == "ThrottlingException"
    sandbox.set_rate(Rate(2, 2))
    clock.advance(3)
    assert aws.create()


def test_the_tagging_api_throttles_in_its_own_words(make: Any) -> None:
    _, aws = make(rate=Rate(0, 0))
    assert aws.code_of(aws.tagged) == "ThrottledException"


def test_rates_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Rate(-1, 1)
    with pytest.raises(ValueError, match="per_second"):
        RateRule.from_json({"per_minute": 3})
    assert RateRule.from_json({"per_second": 3, "region": "eu-west-1"}) == RateRule(Rate(3, 3), region="eu-west-1")
