"""What an entry says, and which model is behind a source."""

from __future__ import annotations

import pytest

from bulkprof.catalog.entries import in_order, model_behind
from tests.catalog.making import OTHER, entry

SYSTEM = {"us.anthropic.claude-opus-4-6-v1": "anthropic.claude-opus-4-6-v1"}


@pytest.mark.parametrize(
    ("source", "model"),
    [
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        (
            "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-opus-4-6-v1",
            "anthropic.claude-opus-4-6-v1",
        ),
        ("arn:aws:bedrock:us-east-1:111122223333:inference-profile/eu.unknown", ""),
        ("", ""),
    ],
)
def test_the_model_behind_a_source(source: str, model: str) -> None:
    assert model_behind(source, SYSTEM) == model


def test_a_tag_that_is_not_there_is_empty() -> None:
    assert (entry("a", team="x").get("tag:Team"), entry("a").get("tag:Team")) == ("x", "")


def test_the_order_is_that_of_name_account_and_region() -> None:
    entries = [entry("b"), entry("a", 2, account=OTHER), entry("a", 1), entry("a", 3, region="eu-west-1")]
    assert [each.id[-1] for each in in_order(entries)] == ["3", "1", "2", "1"]
