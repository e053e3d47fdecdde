"""The schemas hold what bulkprof reads and writes, refuse what it refuses, and are shipped as they are made."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from bulkprof.cli.commands.init import CONFIG, SCHEMA
from bulkprof.config import Settings
from bulkprof.model import Target
from bulkprof.plugins import RESULT_COLUMNS
from bulkprof.schemas import SchemaName, json_schema, schema_text
from bulkprof.totals import LostProfile, RunSummary
from tests.cli.driver import CommandLine

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "samples").rglob("bulkprof.toml"))


@pytest.fixture(scope="module")
def schemas() -> dict[str, Draft202012Validator]:
    return {name: Draft202012Validator(json_schema(name)) for name in SchemaName}


def faults(validator: Draft202012Validator, value: Any) -> list[str]:
    """Where and why `value` doesn't fit."""
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@pytest.mark.parametrize("name", SchemaName)
def test_it_is_a_schema_and_shipped_as_it_is_made(name: SchemaName, commands: CommandLine) -> None:
    Draft202012Validator.check_schema(json_schema(name))
    shipped = files("bulkprof.schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text(name), f"bulkprof schema {name} > bulkprof/schemas/{name}.schema.json"
    printed = commands("schema", name)
    assert (printed.code, printed.out, printed.err) == (0, shipped, "")


def test_a_name_that_does_not_exist_is_wrong_usage(commands: CommandLine) -> None:
    ended = commands("schema", "confg")
    assert (ended.code, ended.out) == (64, "")
    assert "'manifest', 'config', 'results', 'summary'" in ended.err


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.parent.name)
def test_sample_configs_fit(file: Path, schemas: dict[str, Draft202012Validator]) -> None:
    assert faults(schemas["config"], tomllib.loads(file.read_text())) == []


def test_the_config_of_init_names_its_schema(commands: CommandLine, schemas: dict[str, Draft202012Validator]) -> None:
    ended = commands("init", "new")
    assert ended.code == 0, ended.err
    assert CONFIG.startswith(f"#:schema ./{SCHEMA}\n")
    written = (commands.folder / "new" / SCHEMA).read_text()
    assert written == schema_text(SchemaName.CONFIG)
    assert faults(schemas["config"], tomllib.loads((commands.folder / "new" / "bulkprof.toml").read_text())) == []


def test_every_default_fits(schemas: dict[str, Draft202012Validator]) -> None:
    assert faults(schemas["config"], Settings().model_dump(mode="json", exclude_none=True)) == []


@pytest.mark.parametrize(
    "text",
    [
        'defaults = { model = "nova", region = ["us-east-1", "eu-west-1"] }',
        '[models]\nnova = "amazon.nova-lite-v1:0"\nhaiku = { us = "us.one", default = "two" }',
        '[columns]\naccount = "Account ID"\nteam = ["Team", "Team name"]\nignore = ["Notes"]',
        '[organization]\nrole = "Member"\naliases = { hub = "111122223333", all = ["ou:ou-ab12-34cd56ef"] }',
        "[run]\ntimeout_s = 30\nheadroom = 0.2",
        '[plugins.naming]\ntemplate = "{team}-{model}"\npattern = "[a-z-]+"\nenabled = false',
        '[plugins.tags]\ncolumns = ["team"]\nallowed = { env = ["prod", "test"], cost = "[0-9]+" }',
        '[plugins.tags]\ncolumns = { Team = "team" }\n[[plugins.tags.lookup]]\nfile = "f.csv"\nby = "team"\n'
        'tags = { Cost = "cost" }\nmissing = { Cost = "0" }',
        '[plugins.slack]\nwhen = "failure"\n[plugins.webhook]\nurl_env = "URL"\nvalues_env = { key = "KEY" }\n'
        'template = "t.j2"',
        '[plugins.rules]\npath = "rules.py"\nanything = { goes = [1] }',
    ],
)
def test_what_is_read_fits(text: str, schemas: dict[str, Draft202012Validator]) -> None:
    table = tomllib.loads(text)
    Settings.model_validate(table)
    assert faults(schemas["config"], table) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('estat = "platform"', "$: Additional properties are not allowed ('estat'"),
        ("[run]\nattempts = 0", "$.run.attempts: 0 is less than the minimum of 1"),
        ("[prune]\npercent = 101", "$.prune.percent: 101 is greater"),
        ('tags = "all"', "$.tags: 'all' is not one of ['merge', 'exact']"),
        ("[plugins.naming]", "$.plugins.naming: 'template' is a required property"),
        ('[plugins.slack]\nwhn = "failure"', "$.plugins.slack: Additional properties are not allowed ('whn'"),
        ('[plugins.rules]\nenabled = "no"', "$.plugins.rules.enabled: 'no' is not of type 'boolean'"),
    ],
)
def test_mistakes_are_found_where_they_stand(text: str, place: str, schemas: dict[str, Draft202012Validator]) -> None:
    (fault,) = faults(schemas["config"], tomllib.loads(text))
    assert fault.startswith(place)


def test_keys_are_described() -> None:
    """By the docstrings below the fields, those of base classes among them."""
    tables = json_schema(SchemaName.CONFIG)["$defs"]
    assert tables["Run"]["properties"]["timeout_s"]["description"].startswith("Seconds until an unanswered call")
    assert tables["UpdateCap"]["properties"]["count"]["type"] == "integer"
    assert tables["Caps"]["properties"]["updates"] == {"$ref": "#/$defs/UpdateCap"}


def test_sample_manifests_fit(schemas: dict[str, Draft202012Validator]) -> None:
    assert faults(schemas["manifest"], json.loads((ROOT / "samples" / "onboarding.json").read_text())) == []


MANIFEST = """\
profiles:
  - {name: search, model: [nova, haiku], account: 111122223333, region: us-east-1|eu-west-1, team: search, seats: 3}
  - {model: nova, description: null, disown: yes, tags: {env: prod, cost: 17}, "tag:Team": search}
  - {model: nova, tags: [{Key: env, Value: prod}], contacts: [one, two]}
"""


def test_a_manifest_in_yaml_fits(schemas: dict[str, Draft202012Validator]) -> None:
    assert faults(schemas["manifest"], yaml.safe_load(MANIFEST)) == []
    assert faults(schemas["manifest"], yaml.safe_load(MANIFEST)["profiles"]) == []


@pytest.mark.parametrize(
    "row", [{"model": {"us": "nova"}}, {"name": ["one"]}, {"tags": "env=prod"}, {"tags": [{"Key": "env"}]}, "search"]
)
def test_what_no_row_can_hold_is_found(row: Any, schemas: dict[str, Draft202012Validator]) -> None:
    assert faults(schemas["manifest"], [row]) != []


def test_a_run_writes_what_its_schemas_say(commands: CommandLine, schemas: dict[str, Draft202012Validator]) -> None:
    commands.write("teams.csv", "name,model,Team\nsearch,,search\nother,,other\n")
    flags = ("--yes", "--sandbox", "--json", "--results", "results.jsonl", "--results-columns", "--sandbox-quota", "1")
    ended = commands("apply", "teams.csv", *flags)
    assert ended.code == 3, ended.err
    assert faults(schemas["summary"], ended.json()) == []
    lines = [json.loads(line) for line in (commands.folder / "results.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["created", "failed"]
    assert lines[0]["Team"] == "search"
    for line in lines:
        assert faults(schemas["results"], line) == []
        assert faults(schemas["results"], {**line, "line": "2"}) == ["$.line: '2' is not of type 'integer'"]


def test_all_columns_and_keys_are_in_the_schemas() -> None:
    results = json_schema(SchemaName.RESULTS)
    assert tuple(results["properties"]) == tuple(results["required"]) == RESULT_COLUMNS
    lost = LostProfile(Target("111122223333", "us-east-1"), "search", "arn:aws:bedrock:old", "run-0")
    whole = RunSummary("run-1", "sync", 0, {}, 0, 1.5, stopped="the deadline", lost=(lost,), sandbox=True).as_json()
    summary = json_schema(SchemaName.SUMMARY)
    assert set(summary["properties"]) == set(whole)
    assert faults(Draft202012Validator(summary), whole) == []
    assert set(summary["required"]) == set(RunSummary("run-1", "sync", 0, {}, 0, 1.5).as_json())
