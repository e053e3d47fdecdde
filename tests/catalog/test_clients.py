"""Catalogs for Claude Code and opencode, which call one account and Region with one set of credentials."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulkprof.catalog.entries import CatalogFormat
from bulkprof.catalog.formats.claude_code import anthropic_id, claude_code
from bulkprof.catalog.formats.opencode import opencode
from tests.catalog.making import HAIKU, NOVA, OPUS, OTHER, OWN, SONNET, arn, entry


def test_claude_code_gets_overrides_a_region_and_default_models() -> None:
    made = claude_code([entry("quick", 1, model_id=HAIKU), entry("ranking", 2), entry("thinking", 3, model_id=OPUS)])
    assert made == (
        """\
{
  "env": {
    "CLAUDE_CODE_USE_BEDROCK": "1",
    "AWS_REGION": "us-east-1",
    "ANTHROPIC_DEFAULT_OPUS_MODEL": "ARN3",
    "ANTHROPIC_DEFAULT_OPUS_MODEL_NAME": "thinking",
    "ANTHROPIC_DEFAULT_SONNET_MODEL": "ARN2",
    "ANTHROPIC_DEFAULT_SONNET_MODEL_NAME": "ranking",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL": "ARN1",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL_NAME": "quick"
  },
  "modelOverrides": {
    "claude-haiku-4-5-20251001": "ARN1",
    "claude-opus-4-6": "ARN3",
    "claude-sonnet-4-5-20250929": "ARN2"
  }
}
""".replace("ARN", arn(0)[:-1]),
        [],
    )


@pytest.mark.parametrize(
    ("model_id", "known"),
    [
        # As Claude Code's own table has them, for each provider.
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "claude-3-5-haiku-20241022"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-20241022"),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-3-7-sonnet-20250219"),
        ("anthropic.claude-opus-4-20250514-v1:0", "claude-opus-4-20250514"),
        ("anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1-20250805"),
        ("anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5-20251101"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("anthropic.claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("anthropic.claude-3-haiku-20240307-v1:0:200k", "claude-3-haiku-20240307"),
    ],
)
def test_anthropics_own_ids(model_id: str, known: str) -> None:
    assert anthropic_id(model_id) == known


def test_the_default_of_a_family_is_its_newest_model() -> None:
    models = [
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "anthropic.claude-3-7-sonnet-20250219-v1:0",
        "anthropic.claude-sonnet-4-20250514-v1:0",
        "anthropic.claude-sonnet-4-6",
        SONNET,
    ]
    made = claude_code([entry(f"s{number}", number, model_id=model) for number, model in enumerate(models)])
    assert json.loads(made.text)["env"]["ANTHROPIC_DEFAULT_SONNET_MODEL_NAME"] == "s3"


def test_claude_code_leaves_out_what_it_can_not_use() -> None:
    made = claude_code(
        [
            entry("a", 1),
            entry("b", 2),
            entry("nova", 3, model_id=NOVA),
            entry("unknown", 4, model_id=""),
        ]
    )
    assert list(json.loads(made.text)["modelOverrides"].values()) == [arn(1)]
    assert made.left_out == [
        f"{OWN}/us-east-1 nova: amazon.nova-lite-v1:0 is no model of Anthropic's",
        f"{OWN}/us-east-1 unknown: the model behind it isn't known; a new run finds it out, or --live",
        f"{OWN}/us-east-1 b: claude-sonnet-4-5-20250929 is a already; choose one with --where",
    ]


def test_opencode_gets_the_region_and_a_model_by_its_real_id() -> None:
    made = opencode([entry("quick", 1, model_id=HAIKU), entry("a", 2), entry("b", 3)])
    assert made == (
        """\
{
  "$schema": "https://opencode.ai/config.json",
  "provider": {
    "amazon-bedrock": {
      "options": {
        "region": "us-east-1"
      },
      "models": {
        "anthropic.claude-haiku-4-5-20251001-v1:0": {
          "id": "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p00000000001",
          "name": "quick"
        },
        "anthropic.claude-sonnet-4-5-20250929-v1:0/a": {
          "id": "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p00000000002",
          "name": "a"
        },
        "anthropic.claude-sonnet-4-5-20250929-v1:0/b": {
          "id": "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p00000000003",
          "name": "b"
        }
      }
    }
  }
}
""",
        [],
    )


def test_opencode_leaves_out_twins_and_unknown_models() -> None:
    made = opencode([entry("a", 1), entry("a", 2), entry("unknown", 4, model_id="")])
    assert list(json.loads(made.text)["provider"]["amazon-bedrock"]["models"].values()) == [{"id": arn(1), "name": "a"}]
    assert made.left_out == [
        f"{OWN}/us-east-1 unknown: the model behind it isn't known; a new run finds it out, or --live",
        f"{OWN}/us-east-1 a: {arn(1)} has this name and model, too",
    ]


BOTH = pytest.mark.parametrize("form", [claude_code, opencode])


def arns(text: str) -> set[str]:
    """All ARNs of a file."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            for each in value.values():
                look(each)
        elif isinstance(value, str) and value.startswith("arn:"):
            found.add(value)

    look(json.loads(text))
    return found


@BOTH
def test_a_file_is_for_the_place_with_most_profiles(form: CatalogFormat) -> None:
    west = {"region": "eu-west-1"}
    made = form([entry("a", 1), entry("b", 2, model_id=OPUS, **west), entry("c", 3, **west)])
    assert arns(made.text) == {arn(2, **west), arn(3, **west)}
    assert '"eu-west-1"' in made.text
    (line,) = made.left_out
    assert line == (
        f"{OWN}/us-east-1 a: one file holds the profiles of one account and Region, here {OWN}/eu-west-1; choose with "
        "--where account=… or region=…"
    )


@BOTH
def test_of_several_places_with_as_many_the_first_by_name_is_taken(form: CatalogFormat) -> None:
    made = form([entry("a", 1), entry("b", 2, account=OTHER)])
    assert arns(made.text) == {arn(1)}
    assert form([entry("b", 2, account=OTHER), entry("a", 1)]).text == made.text


@BOTH
def test_a_profile_in_another_account_than_its_callers_is_left_out(form: CatalogFormat) -> None:
    foreign = [entry(f"f{number}", number, account=OTHER, foreign=True, role_arn="arn:role") for number in (2, 3)]
    made = form([entry("a", 1), *foreign])
    assert arns(made.text) == {arn(1)}
    assert made.left_out[0] == (
        f"{OTHER}/us-east-1 f2: is in another account than its callers; [catalog] account says where they are"
    )
    assert len(made.left_out) == 2


@BOTH
def test_without_profiles_the_file_still_is_one(form: CatalogFormat) -> None:
    made = form([])
    assert arns(made.text) == set()
    assert "AWS_REGION" not in made.text
    assert not made.left_out
