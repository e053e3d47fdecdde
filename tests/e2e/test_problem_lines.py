"""What is wrong with rows: all of it at the first go, and once, however many rows have it."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from bulkprof.lambda_handler.log_ui import LogUi
from bulkprof.model import Problem
from tests.cli.driver import CommandLine

PLUGINS = """
[plugins.naming]
template = "{team}-{model}"
pattern = "[a-z0-9-]+"

[plugins.tags]
columns = { Team = "team" }
required = ["Owner"]
"""


def test_all_that_is_wrong_with_a_row_is_told_at_the_first_go(commands: CommandLine) -> None:
    commands.config(PLUGINS)
    header = "team,description,account,region,model,tag:Note"
    commands.manifest('R&D,"a, b (c)",1111-2222-3333,US-East-1,nova-lite|,x;', header=header)
    told = commands("validate", "teams.csv").err.splitlines()
    assert [line.partition(": ")[2].partition(": ")[0] for line in told[:-1]] == [
        "description 'a, b (c)'",
        "model 'nova-lite|'",
        "account '1111-2222-3333'",
        "region 'US-East-1'",
        "tag:Note 'x;'",
        "plugin 'naming'",
        "tag:Team 'R&D'",
        "tag:Owner",
    ]
    assert "',' at position 2, '(' at position 6, ')' at position 8 can't be in a description" in told[0]
    assert told[-1].endswith("8 problems in 1 row")


def test_a_cell_that_is_told_already_is_not_told_again(commands: CommandLine) -> None:
    commands.config(PLUGINS)
    commands.write("m.json", json.dumps([{"team": "a", "model": {"a": 1}, "tags": {"Owner": "x", "Team": "y"}}]))
    assert len(commands("validate", "m.json", "--json").json()["problems"]) == 1


@pytest.mark.parametrize("command", ["validate", "apply"])
def test_a_file_in_another_encoding_is_one_line(commands: CommandLine, command: str) -> None:
    rows = "".join(f"{'x' * row}\N{LATIN SMALL LETTER U WITH DIAERESIS},a\n" for row in range(1, 40))
    Path("teams.csv").write_bytes(f"name,team\n{rows}".encode("cp1252"))
    ended = commands(command, "teams.csv", *([] if command == "validate" else ["--yes"]))
    assert (ended.code, len(ended.err.splitlines())) == (65, 2)
    assert ended.err.startswith(
        "teams.csv:2\N{EN DASH}40 (39 rows): byte 2 of the line (0xFC) is not UTF-8; save the file as UTF-8"
    )


@pytest.mark.parametrize("command", ["validate", "apply"])
def test_the_same_problem_is_one_line_and_each_in_json(commands: CommandLine, command: str) -> None:
    more = [] if command == "validate" else ["--yes"]
    commands.manifest(*(f"a{row},{'R&D' if row % 10 else 'fine'}" for row in range(2, 40)), header="name,tag:Team")
    ended = commands(command, "teams.csv", *more)
    assert ended.code == 65
    assert ended.err.splitlines()[0].startswith(
        "teams.csv:2\N{EN DASH}9, 11\N{EN DASH}19, 21\N{EN DASH}29, 31\N{EN DASH}39 (35 rows): "
        "tag:Team 'R&D': '&' at position 2 can't be in a tag value"
    )
    assert ended.err.count("tag:Team") == 1
    told = commands(command, "teams.csv", "--json", *more).json()["problems"]
    assert [problem["line"] for problem in told] == [row for row in range(2, 40) if row % 10]


def test_logs_say_how_many_rows_have_it(commands: CommandLine) -> None:
    commands.manifest("a,&", "b,&", "c,!", header="name,tag:Team")
    lines = map(json.loads, commands("validate", "teams.csv", "--log-format", "json").err.splitlines())
    told = [line for line in lines if "file" in line]
    assert [(line["file"], line["line"], line.get("rows")) for line in told] == [
        ("teams.csv", 2, 2),
        ("teams.csv", 4, None),
    ]


def test_warnings_come_before_what_a_command_says_last(commands: CommandLine) -> None:
    commands.manifest("a,us-esat-1", "b,us-esat-1", header="name,region")
    ended = commands("validate", "teams.csv")
    assert ended.code == 0
    assert ended.err.startswith("warning: teams.csv:2\N{EN DASH}3 (2 rows): region 'us-esat-1': is no Region that is")


def test_a_plugin_that_stops_the_run_hides_no_problem_of_earlier_rows(commands: CommandLine) -> None:
    commands.write(
        "rule.py",
        "from bulkprof.plugins import hookimpl\n@hookimpl\ndef bulkprof_check_profile(profile):\n"
        "    if profile.name == 'c':\n        raise KeyError('no')\n    raise ValueError('is wrong')\n",
    )
    commands.config('\n[plugins.rule]\npath = "rule.py"\n')
    commands.write("a.csv", "name\na\nb\n")
    commands.write("c.csv", "name\nc\n")
    told = commands("validate", "a.csv", "c.csv").err.splitlines()
    assert told[0] == "a.csv:2\N{EN DASH}3 (2 rows): plugin 'rule': is wrong"
    assert told[1].startswith("error: plugin 'rule': bulkprof_check_profile: KeyError")


def test_lambda_logs_it_once(caplog: pytest.LogCaptureFixture) -> None:
    ui = LogUi()
    with caplog.at_level(logging.INFO, "bulkprof"):
        for row in range(2, 5):
            ui.problem(Problem("is wrong", "m.csv", row))
        assert not caplog.messages
        ui.problems_end()
    assert caplog.messages == ["m.csv:2\N{EN DASH}4 (3 rows): is wrong"]


def test_a_rule_for_a_tag_of_bulkprofs_own_is_told_once(commands: CommandLine) -> None:
    commands.config('\n[plugins.tags]\ncolumns = { "bulkprof:estate" = "team" }\n')
    commands.manifest("a,x", "b,y", header="name,team")
    ended = commands("validate", "teams.csv")
    assert (ended.code, ended.err.splitlines()) == (
        1,
        [
            "error: [plugins.tags] columns: the tag 'bulkprof:estate' is bulkprof's own; leave it out, or give "
            "bulkprof's another key (ownership_tag, keys_tag and [replace] in the config)"
        ],
    )
