"""Columns that the config names and no manifest has: said before anything is sent, not a missing tag."""

from __future__ import annotations

import json

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine, read_csv
from tests.e2e.others import OURS, Others

TAGS = '\n[plugins.tags]\ncolumns = { CostCentre = "cost centre", Team = "team" }\n'
LOOKUP = """
[plugins.tags]
lookup = [{ file = "centers.csv", by = "tean", tags = { CostCenter = "cost_center" }, missing = %s }]
"""
ADD = """\
from dataclasses import replace
from bulkprof.plugins import hookimpl

@hookimpl
def bulkprof_prepare_request(request):
    return replace(request, attributes={**request.attributes, "cost centre": "CC-1"})
"""


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "sync"])
def test_no_manifest_has_the_column(commands: CommandLine, sandbox: Sandbox, command: str) -> None:
    commands.config(TAGS)
    commands.manifest("team-a,search,CC-1", header="name,team,Cost Centres")
    ended = commands(command, "teams.csv", *(["--yes"] if command in {"apply", "sync"} else []))
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == (
        "error: [plugins.tags] columns: no manifest has the column 'cost centre'; did you mean 'Cost Centres'?"
    )
    assert not sandbox.ledger().profiles


@pytest.mark.parametrize(
    "rows",
    [
        [{"name": "a", "team": "x"}, {"name": "b", "cost centre": "CC-1"}],
        [{"name": "a", "team": "x", "cost centre": None}],
        [{"name": "a", "team": "x", "tags": {"CostCentre": "CC-1"}}],
    ],
)
def test_some_rows_or_their_own_tags_are_enough(commands: CommandLine, rows: list[dict[str, object]]) -> None:
    commands.config(TAGS)
    commands.write("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    ended = commands("validate", "a.jsonl")
    assert ended.code == 0, ended.err


def test_one_of_several_manifests_is_enough(commands: CommandLine) -> None:
    commands.config(TAGS)
    commands.manifest("team-a,CC-1", header="name,cost centre", file="a.csv")
    commands.manifest("team-b,search", header="name,team", file="b.csv")
    assert commands("validate", "a.csv", "b.csv").code == 0
    alone = commands("validate", "b.csv")
    assert alone.code == 1
    assert "no manifest has the column 'cost centre'; add it, filled or not, or take it out of the config" in alone.err
    assert "(for rules, they have team)" in alone.err


def test_what_a_plugin_adds_to_rows_counts(commands: CommandLine) -> None:
    commands.write("add.py", ADD)
    commands.config('\n[plugins.add]\npath = "add.py"\n' + TAGS)
    assert commands("validate", commands.manifest("team-a,search", header="name,team")).code == 0


@pytest.mark.parametrize("missing", ['"skip"', '{ CostCenter = "CC-0000" }'])
def test_a_lookup_by_a_column_that_is_not_there(commands: CommandLine, missing: str) -> None:
    commands.write("centers.csv", "tean,cost_center\nsearch,CC-1\n")
    commands.config(LOOKUP % missing)
    ended = commands("validate", commands.manifest("team-a,search", header="name,team"))
    assert ended.code == 1
    assert (
        "[plugins.tags] lookup (centers.csv) by: no manifest has the column 'tean'; did you mean 'team'?" in ended.err
    )
    # Rows that give the tags themselves need no lookup.
    assert commands("validate", commands.manifest("team-a,CC-1", header="name,tag:CostCenter")).code == 0


def test_a_manifest_that_can_not_be_read_is_told_instead(commands: CommandLine) -> None:
    commands.config(TAGS)
    commands.manifest("team-a,search", header="name,team")
    ended = commands("validate", "teams.csv", "absent.csv")
    assert ended.code == 65
    assert "no manifest has" not in ended.err


def test_standard_input(commands: CommandLine) -> None:
    commands.config(TAGS)
    assert commands("validate", "-", stdin=b"name,team,cost centre\na,b,c\n").code == 0
    assert "no manifest has the column 'cost centre'" in commands("validate", "-", stdin=b"name,team\na,b\n").err


def test_an_export_has_the_columns_that_are_needed(commands: CommandLine, others: Others) -> None:
    commands.config(TAGS)
    others.create("by-hand")
    others.create("ours", {**OURS, "Team": "search"})
    ended = commands("export", "--out", "found.csv")
    assert ended.code == 0
    rows = read_csv(commands.folder / "found.csv")
    assert list(rows[0]) == ["name", "model", "description", "account", "region", "cost centre", "tag:Team"]
    plan = commands("plan", "found.csv", "--json").json()
    assert (plan["actions"]["adopt"], plan["actions"]["none"]) == (1, 1)
