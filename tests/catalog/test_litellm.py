"""Catalogs for LiteLLM."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bulkprof.catalog.formats.litellm import litellm
from tests.catalog.making import OTHER, OWN, arn, entry


def test_a_model_list() -> None:
    made = litellm(
        [
            entry("search ranking", 1),
            entry("search ranking", 2, account=OTHER, foreign=True, role_arn=f"arn:aws:iam::{OTHER}:role/Invoke"),
        ]
    )
    assert made == (
        """\
model_list:
  - model_name: "search ranking"
    litellm_params:
      model: "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"
      model_id: "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p00000000001"
      aws_region_name: "us-east-1"
  - model_name: "search ranking"
    litellm_params:
      model: "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"
      model_id: "arn:aws:bedrock:us-east-1:444455556666:application-inference-profile/p00000000002"
      aws_region_name: "us-east-1"
      aws_role_name: "arn:aws:iam::444455556666:role/Invoke"
      aws_session_name: "litellm"
""",
        [],
    )


def test_what_is_left_out() -> None:
    made = litellm([entry("unknown", 1, model_id=""), entry("far", 2, account=OTHER, foreign=True)])
    assert made == (
        "model_list: []\n",
        [
            f"{OWN}/us-east-1 unknown: the model behind it isn't known; a new run finds it out, or --live",
            f"{OTHER}/us-east-1 far: is in another account, and no role is set to call it from there; "
            "set [catalog] role",
        ],
    )


@pytest.mark.parametrize("name", ["yes", "1e3", "null", "a: b", "x.y_z-1", "2026-01-31"])
def test_names_stay_strings(name: str) -> None:
    loaded: Any = yaml.safe_load(litellm([entry(name, 1)]).text)
    assert loaded["model_list"] == [
        {
            "model_name": name,
            "litellm_params": {
                "model": "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
                "model_id": arn(1),
                "aws_region_name": "us-east-1",
            },
        }
    ]
