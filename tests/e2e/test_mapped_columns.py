"""A sheet as people have it, with headers of its own: read by what `[columns]` says of them."""

from __future__ import annotations

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine, read_csv

COLUMNS = """
[columns]
account = "Account ID"
"tag:CostCentre" = "Cost centre"
team = "Team name"
ignore = ["Notes"]
"""
NAMING = '\n[plugins.naming]\ntemplate = "{Team}-{app}"\n'
HEADER = "Team name;App;Account ID;Cost centre;Notes"


def test_a_sheet_is_applied_without_an_edit(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.connect(sandbox)
    commands.config(COLUMNS + NAMING)
    commands.manifest(f"search;docs;{sandbox.settings.default_account};CC-1;ask Ann", header=HEADER)
    assert commands.apply("teams.csv") == {"created": 1}
    (profile,) = sandbox.ledger().profiles
    assert (profile.name, profile.tags["CostCentre"]) == ("search-docs", "CC-1")
    # What bulkprof wrote has columns of bulkprof's own names.
    assert commands("export", "--out", "found.csv").code == 0
    assert list(read_csv(commands.folder / "found.csv")[0])[5:] == ["tag:CostCentre", "team"]
    assert commands.apply("found.csv") == {"unchanged": 1}


@pytest.mark.parametrize(
    ("config", "header", "said"),
    [
        (
            COLUMNS,
            "name,Team name,Konto,Cost centre",
            ["[columns] account: no manifest has the column 'Account ID'; add it, filled or not"],
        ),
        (
            COLUMNS + NAMING,
            "App,Team names,Account ID,Cost centre,region",
            ["[columns] team: no manifest has the column 'Team name'; did you mean 'Team names'?"],
        ),
        (
            NAMING,
            "teams,App",
            ["[plugins.naming] template: no manifest has the column 'Team'; did you mean 'teams'?"],
        ),
        (
            '\n[plugins.tags]\ncolumns = { Team = "tean" }\nrequired = ["Team"]\n',
            "name,team",
            ["[plugins.tags] columns: no manifest has the column 'tean'; did you mean 'team'?"],
        ),
    ],
)
def test_a_column_that_no_manifest_has_is_told_once(
    commands: CommandLine, config: str, header: str, said: list[str]
) -> None:
    commands.config(config)
    rows = [f"row{number},b{',' * (header.count(',') - 1)}" for number in range(3)]
    ended = commands("validate", commands.manifest(*rows, header=header))
    assert ended.code == 1
    problems = [line for line in ended.err.splitlines() if not line.startswith("column")]
    assert len(problems) == len(said), ended.err
    for line, message in zip(problems, said, strict=True):
        assert message in line


def test_a_column_of_all_tags_that_no_manifest_has(commands: CommandLine) -> None:
    commands.config('\n[columns]\ntags = "Labels"\n')
    commands.write("a.json", '[{"name": "a", "labels": {"Team": "x"}}]')
    assert commands("validate", "a.json").code == 0
    commands.write("a.json", '[{"name": "a", "label": {"Team": "x"}}]')
    ended = commands("validate", "a.json")
    assert ended.code == 1
    said = "error: [columns] tags: no manifest has the column 'Labels'; did you mean 'label'?"
    assert ended.err.splitlines()[-1] == said


def test_problems_that_have_another_cause_are_told_besides(commands: CommandLine) -> None:
    commands.config(NAMING)
    ended = commands("validate", commands.manifest("x,9,", "x,,", header="teams,account,region"))
    assert ended.code == 1
    assert "teams.csv:2: account '9': " in ended.err
    assert "needs a value" not in ended.err


def test_rows_with_names_need_no_column_of_the_template(commands: CommandLine) -> None:
    commands.config(NAMING)
    assert commands("validate", commands.manifest("one,a", header="name,Note")).code == 0
    commands.config(NAMING + "enforce = true\n")
    ended = commands("validate", "teams.csv")
    assert "[plugins.naming] template: no manifest has the column 'app'" in ended.err


def test_one_manifest_of_several_may_have_the_column(commands: CommandLine) -> None:
    commands.config(NAMING)
    commands.manifest("a,b", "c,", header="team,x")
    commands.manifest("a,b", header="TEAM,APP", file="others.csv")
    ended = commands("validate", "teams.csv", "others.csv")
    assert ended.code == 65
    # One line: both rows have the same.
    assert ended.err.count("(2 rows): plugin 'naming': the naming template needs a value in the column 'app'") == 1


def test_columns_that_are_left_out_or_read_are_not_told_as_unread(commands: CommandLine) -> None:
    commands.config(COLUMNS + NAMING)
    ended = commands("validate", "--json", commands.manifest("a;b;;CC;x;y", header=HEADER + ";Owner mail"))
    assert (ended.code, ended.json()["unread_columns"]) == (0, ["Owner mail"])
    assert ended.err.count("column read by no rule: Owner mail\n") == 1


def test_a_plugin_that_does_not_say_what_it_reads(commands: CommandLine) -> None:
    commands.write(
        "mine.py",
        "from bulkprof.plugins import hookimpl\n@hookimpl\ndef bulkprof_check_profile(profile):\n    return None\n",
    )
    commands.config('\n[plugins.mine]\npath = "mine.py"\n')
    ended = commands("validate", "--json", commands.manifest("a,b", header="name,Notes"))
    assert (ended.code, ended.json()["unread_columns"]) == (0, [])
    assert "read by no rule" not in ended.err


def test_a_target_that_looks_misspelt(commands: CommandLine) -> None:
    commands.config('\n[columns]\nacount = "Konto"\n')
    ended = commands("validate", commands.manifest("a,b", header="name,Konto"))
    assert (ended.code, ended.err.splitlines()) == (
        1,
        ["error: [columns] acount: is not a known column; did you mean account?"],
    )
