"""One row and one alias: a `us.` profile here and an `eu.` profile there, planned, kept, applied and exported."""

from __future__ import annotations

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine, read_csv

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
TABLE = f'{{ us = "us.{HAIKU}", eu-central-1 = "eu.{HAIKU}" }}'
NAMING = '[plugins.naming]\ntemplate = "{team}-{model}"\n'
ROW = "search,haiku,us-east-1|eu-central-1"


def source_of(sandbox: Sandbox) -> dict[tuple[str, str], str]:
    """The end of what each profile was copied from, by Region and name."""
    return {
        (each.region, each.name): each.source.rpartition("/")[2]
        for each in sandbox.ledger().profiles
        if not each.deleted_at
    }


@pytest.mark.parametrize("alias", [TABLE, f'"geo:{HAIKU}"', f'{{ us = "us.{HAIKU}", default = "geo:{HAIKU}" }}'])
def test_a_row_gets_the_profile_of_each_region_and_one_name(
    commands: CommandLine, sandbox: Sandbox, alias: str
) -> None:
    commands.config(f"[models]\nhaiku = {alias}\n{NAMING}")
    teams = commands.manifest(ROW, header="team,model,region")
    assert commands("validate", teams).code == 0
    kept = commands("plan", teams, "--out", "plan.db")
    assert kept.code == 0, kept.err
    assert commands.apply("plan.db") == {"created": 2}
    assert source_of(sandbox) == {
        ("us-east-1", "search-haiku"): f"us.{HAIKU}",
        ("eu-central-1", "search-haiku"): f"eu.{HAIKU}",
    }
    assert commands.apply(teams) == {"unchanged": 2}
    exported = commands("export", "--regions", "us-east-1,eu-central-1", "--out", "found.csv")
    assert exported.code == 0, exported.err
    found = read_csv(commands.folder / "found.csv")
    assert [(each["name"], each["model"]) for each in found] == [("search-haiku", "haiku")] * 2
    assert commands.apply("found.csv") == {"unchanged": 2}


def test_the_config_may_change_what_a_region_gets(commands: CommandLine, sandbox: Sandbox) -> None:
    """Which is drift there, and nothing elsewhere."""
    commands.config(f"[models]\nhaiku = {TABLE}\n{NAMING}")
    teams = commands.manifest(ROW, header="team,model,region")
    assert commands.apply(teams) == {"created": 2}
    commands.config(f'[models]\nhaiku = {{ us = "us.{HAIKU}", eu-central-1 = "{HAIKU}" }}\n{NAMING}')
    ended = commands("plan", teams)
    assert ended.code == 3
    assert commands.apply(teams, code=3) == {"unchanged": 1, "failed": 1}


def test_a_row_may_ask_for_its_geography_itself(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config(NAMING)
    teams = commands.manifest(f"search,geo:{HAIKU},us-east-1|eu-central-1", header="team,model,region")
    said = commands("validate", teams)
    assert f"inference-profile/GEO.{HAIKU} (a guess: AWS was not asked)" in said.err
    assert commands.apply(teams) == {"created": 2}
    assert {name for _, name in source_of(sandbox)} == {"search-claude-3-haiku"}


def test_a_region_without_a_geography_is_a_problem_of_the_row(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config(f'[models]\nsonnet = "geo:amazon.nova-premier-v1:0"\n{NAMING}')
    teams = commands.manifest("search,sonnet,us-east-1|eu-central-1", header="team,model,region")
    ended = commands("apply", teams, "--yes")
    assert ended.code == 65
    assert (
        "teams.csv:2: model 'sonnet': no geographic system profile of 'amazon.nova-premier-v1:0' in eu-central-1; "
        "what there is of it: amazon.nova-premier-v1:0 (123456789012/eu-central-1)"
    ) in ended.err
    assert sandbox.ledger().profiles == ()


def test_validate_says_which_regions_have_no_model(commands: CommandLine) -> None:
    commands.config(f'[models]\nhaiku = {TABLE}\nnova = {{ eu-wset-1 = "eu.a.b" }}\n{NAMING}')
    ended = commands("validate", commands.manifest("search,haiku,us-east-1|eu-west-1", header="team,model,region"))
    assert ended.code == 65
    assert (
        "teams.csv:2: model 'haiku': the alias has no model for eu-west-1: its keys are us, eu-central-1" in ended.err
    )
    assert "models.nova: 'eu-wset-1' is no Region that is known here; did you mean eu-west-1?" in ended.err


def test_what_a_geography_has_must_be_looked_up(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_denied(actions=["bedrock:ListFoundationModels"])
    commands.config(NAMING)
    ended = commands("plan", commands.manifest(f"search,geo:{HAIKU},us-east-1", header="team,model,region"))
    assert ended.code == 65
    assert f"what 'geo:{HAIKU}' means in us-east-1 can't be looked up; allow bedrock:ListFoundationModels" in ended.err


def test_without_a_region_no_model_of_a_table_is_guessed(commands: CommandLine) -> None:
    commands.config("", base=f"[models]\nhaiku = {TABLE}\nnova = 'amazon.nova-lite-v1:0'\n{NAMING}")
    ended = commands("validate", commands.manifest("search,haiku|nova", header="team,model"))
    assert ended.code == 0
    shown = "arn:aws:bedrock:REGION::foundation-model/amazon.nova-lite-v1:0 (a guess: AWS was not asked)"
    assert ended.err == f"profiles are made from {shown}\n"
