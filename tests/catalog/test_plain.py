"""Catalogs for any program: JSON, CSV, environment variables, Terraform's variables."""

from __future__ import annotations

import json
import re
import subprocess

from bulkprof.catalog.formats.plain import as_csv, as_env, as_json, as_tfvars
from tests.catalog.making import HAIKU, OTHER, OWN, arn, entry

FULL = entry(
    "search ranking", 7, team="Search, Zürich\u2028", model="sonnet", description="Ranks results", old_arn=arn(6)
)


def test_json_has_all_fields() -> None:
    assert as_json([FULL]) == (
        """\
[
  {
    "name": "search ranking",
    "arn": "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p00000000007",
    "id": "p00000000007",
    "account": "111122223333",
    "region": "us-east-1",
    "source_arn": "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
    "model_id": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "model": "sonnet",
    "description": "Ranks results",
    "old_arn": "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p00000000006",
    "tags": {
      "Team": "Search, Zürich\u2028"
    }
  }
]
""",
        (),
    )
    assert as_json([]).text == "[]\n"


def test_csv_has_all_fields_and_the_tags_in_one_cell() -> None:
    assert as_csv([FULL]).text == (
        "name,arn,id,account,region,source_arn,model_id,model,description,old_arn,tags\n"
        "search ranking,arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p00000000007,p00000000007,"
        "111122223333,us-east-1,"
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0,"
        "anthropic.claude-sonnet-4-5-20250929-v1:0,sonnet,Ranks results,"
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p00000000006,"
        '"{""Team"": ""Search, Zürich\u2028""}"\n'
    )


def test_a_variable_for_each_profile() -> None:
    made = as_env([entry("search.ranking-1", 1), entry(":x: y", 2)])
    assert made.text == f"BEDROCK_PROFILE_SEARCH_RANKING_1={arn(1)}\nBEDROCK_PROFILE_X_Y={arn(2)}\n"
    assert as_env([]).text == ""


def test_a_shell_takes_the_variables() -> None:
    text = as_env([entry("search ranking", 1)]).text
    script = f"set -ae\n{text}env"
    told = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert f"BEDROCK_PROFILE_SEARCH_RANKING={arn(1)}\n" in told


def test_variables_that_collide_get_the_region_the_account_and_at_last_the_id() -> None:
    entries = [
        entry("one name", 1),
        entry("one name", 2, region="eu-west-1"),
        entry("one-name", 3, region="eu-west-1", account=OTHER),
        entry("twin", 4),
        entry("Twin", 5),
        # Its name alone is what another one's name and Region make.
        entry("alone us-east-1", 6),
        entry("alone", 7),
        entry("alone", 8, region="eu-west-1"),
    ]
    assert as_env(entries).text.splitlines() == sorted(
        [
            f"BEDROCK_PROFILE_ONE_NAME_US_EAST_1={arn(1)}",
            f"BEDROCK_PROFILE_ONE_NAME_{OWN}_EU_WEST_1={arn(2, region='eu-west-1')}",
            f"BEDROCK_PROFILE_ONE_NAME_{OTHER}_EU_WEST_1={arn(3, region='eu-west-1', account=OTHER)}",
            f"BEDROCK_PROFILE_TWIN_{OWN}_US_EAST_1_P00000000004={arn(4)}",
            f"BEDROCK_PROFILE_TWIN_{OWN}_US_EAST_1_P00000000005={arn(5)}",
            f"BEDROCK_PROFILE_ALONE_US_EAST_1={arn(6)}",
            f"BEDROCK_PROFILE_ALONE_{OWN}_US_EAST_1={arn(7)}",
            f"BEDROCK_PROFILE_ALONE_EU_WEST_1={arn(8, region='eu-west-1')}",
        ]
    )


def test_a_variable_is_one_to_shells_whatever_the_name() -> None:
    (line,) = as_env([entry("9: 9.9-9_9", 1)]).text.splitlines()
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*=arn:\S+", line)


def test_terraform_gets_one_map() -> None:
    made = as_tfvars([entry("a", 1, model_id=HAIKU), entry("b", 2), entry("b", 3, region="eu-west-1")])
    assert made.text == (
        """\
{
  "bedrock_profiles": {
    "a": {
      "arn": "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p00000000001",
      "region": "us-east-1",
      "account": "111122223333",
      "model": "anthropic.claude-haiku-4-5-20251001-v1:0"
    },
    "b/eu-west-1": {
      "arn": "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/p00000000003",
      "region": "eu-west-1",
      "account": "111122223333",
      "model": "anthropic.claude-sonnet-4-5-20250929-v1:0"
    },
    "b/us-east-1": {
      "arn": "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p00000000002",
      "region": "us-east-1",
      "account": "111122223333",
      "model": "anthropic.claude-sonnet-4-5-20250929-v1:0"
    }
  }
}
"""
    )
    assert json.loads(as_tfvars([]).text) == {"bedrock_profiles": {}}
