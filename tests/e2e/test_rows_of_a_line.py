"""A JSON array on one line, as programs write it: a row that is left out takes no other one of its line with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulkprof.sandbox import Fault, Sandbox
from tests.cli.driver import CommandLine, read_csv

CLEAN = """
[plugins.naming]
template = "{team}"

[plugins.tags]
columns = { Team = "team" }
clean = true
"""
PLUGIN = """\
from bulkprof.plugins import Problem, Request, hookimpl

@hookimpl
def bulkprof_prepare_request(request):
    return Request(request.file, request.line, request.name, regions=request.regions)

@hookimpl
def bulkprof_check_profile(profile):
    if profile.name.startswith("bad"):
        yield Problem("is bad", profile.request.file, profile.request.line)
"""


def on_a_line(*rows: dict[str, Any] | str) -> str:
    return json.dumps([{"name": row} if isinstance(row, str) else row for row in rows])


def bad(name: str) -> dict[str, Any]:
    return {"name": name, "region": "nowhere"}


def made(sandbox: Sandbox) -> list[str]:
    return sorted(profile.name for profile in sandbox.ledger().live)


@pytest.mark.parametrize("file", ["m.json", "m.yaml", "-"])
@pytest.mark.parametrize(
    ("rows", "left", "at"),
    [
        ([bad("a"), "b", "c"], ["b", "c"], "1"),
        (["a", bad("b"), "c"], ["a", "c"], "2"),
        (["a", "b", bad("c")], ["a", "b"], "3"),
        ([bad("a"), "b", bad("c"), "d"], ["b", "d"], "s 1, 3 (2 rows)"),
    ],
)
def test_the_other_rows_are_used(
    commands: CommandLine, sandbox: Sandbox, file: str, rows: list[Any], left: list[str], at: str
) -> None:
    text = on_a_line(*rows)
    if file != "-":
        commands.write(file, text)
    checked = commands("validate", file, "--json", stdin=text.encode())
    invalid = len(rows) - len(left)
    assert [checked.json()[key] for key in ("rows", "desired", "invalid")] == [len(rows), len(left), invalid]
    assert f"{file}:1, row{at if at.startswith('s') else f' {at}'}: region 'nowhere'" in checked.err
    assert [problem["row"] for problem in checked.json()["problems"]] == [
        number for number, row in enumerate(rows, 1) if isinstance(row, dict)
    ]
    summary = commands.summary("apply", file, "--skip-invalid", code=3, stdin=text.encode())
    assert (summary["invalid"], summary["outcomes"]["created"]) == (invalid, len(left))
    assert made(sandbox) == left
    assert {(line["file"], line["line"]) for line in commands.results()} == {(file, 1)}


def test_of_two_rows_with_one_name_both_are_left_out_and_no_other(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.write("m.json", on_a_line("a", "b", "a", "c"))
    assert commands.apply("m.json", "--skip-invalid", code=3) == {"created": 2}
    assert made(sandbox) == ["b", "c"]
    said = "m.json:1, row 3: name 'a': the same name in (caller)/us-east-1 as m.json:1, row 1; give one of them"
    assert said in commands("validate", "m.json").err


def test_a_row_whose_model_a_region_lacks_is_left_out_alone(commands: CommandLine, sandbox: Sandbox) -> None:
    unknown = {"name": "b", "model": "amazon.nova-nix-v1:0", "region": ["us-east-1", "us-west-2"]}
    commands.write("m.json", on_a_line("a", unknown, "c"))
    planned = commands("plan", "m.json", "--skip-invalid", "--out", "plan.db", "--json")
    assert (planned.json()["desired"], planned.json()["invalid"]) == (2, 1)
    assert planned.err.count("m.json:1, row 2: model 'amazon.nova-nix-v1:0': no model or system profile") == 2
    assert commands.apply("plan.db", code=3) == {"created": 2}
    assert made(sandbox) == ["a", "c"]


def test_failed_rows_are_those_that_failed(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_faults([Fault("access_denied", "CreateInferenceProfile", name="c")])
    commands.write("m.json", on_a_line("a", bad("b"), "c", "d"))
    assert commands.apply("m.json", "--skip-invalid", "--failed", "f.csv", code=3) == {"created": 2, "failed": 1}
    assert [row["name"] for row in read_csv(commands.folder / "f.csv")] == ["c"]
    assert made(sandbox) == ["a", "d"]


def test_what_plugins_say_is_said_of_its_row(commands: CommandLine, sandbox: Sandbox) -> None:
    """One makes the row anew, and names file and line itself."""
    commands.config('\n[plugins.mine]\npath = "mine.py"\n')
    commands.write("mine.py", PLUGIN)
    commands.write("m.json", on_a_line("bad-1", "b", "bad-2"))
    checked = commands("validate", "m.json", "--json")
    assert [checked.json()[key] for key in ("rows", "desired", "invalid")] == [3, 1, 2]
    assert "m.json:1, rows 1, 3 (2 rows): is bad" in checked.err
    assert commands.apply("m.json", "--skip-invalid", code=3) == {"created": 1}
    assert made(sandbox) == ["b"]


def test_rows_whose_accounts_are_not_known_yet_have_no_name_in_common(commands: CommandLine) -> None:
    """Offline, a profile whose name depends on the account is called by its place."""
    commands.config('\n[plugins.naming]\ntemplate = "{team}-{account}"\n')
    rows = [{"team": team, "account": "ou:ou-ab12-34cd56ef"} for team in ("a", "b")]
    commands.write("m.json", on_a_line(*rows))
    checked = commands("validate", "m.json", "--json")
    assert (checked.code, checked.json()["desired"]) == (0, 2)


def test_what_cleaning_made_equal_is_told_by_its_row(commands: CommandLine) -> None:
    commands.config(CLEAN)
    commands.write("m.json", on_a_line({"team": "R & D"}, {"team": "R; D"}, {"team": "x"}))
    told = commands("validate", "m.json").err
    clash = "m.json:1, row 2: name 'R-D': the same name in (caller)/us-east-1 as m.json:1, row 1: there it is made of"
    assert told.startswith(f"{clash} 'R & D', here of 'R; D'; give one of them")
    assert "m.json:1, row 2: tag:Team: 'R & D' (m.json:1, row 1) and 'R; D' (m.json:1, row 2) both become" in told
