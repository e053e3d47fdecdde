"""The same sheet as CSV from Excel, as a workbook and as YAML gives one plan; what commands say of workbooks."""

from __future__ import annotations

import csv
import datetime
import io
import re
import sys
from typing import Any

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine
from tests.manifests.making import calculated, dated, line, ods, table, xlsx

HEADER = ["Name", "Model", "Description", "Account", "Region", "tag:Team", "tag:CostCenter", "Active"]
CONFIG = """
[plugins.tags]
columns = { Active = "Active" }
"""


def sixty() -> list[list[str]]:
    models = ("amazon.nova-lite-v1:0", "anthropic.claude-3-haiku-20240307-v1:0")
    regions = ("us-east-1", "us-west-2", "us-east-1|us-west-2")
    return [
        [f"team-{n:02}", models[n % 2], f"Profiles of team {n}", f"{111122223333 + n % 3}", regions[n % 3], f"Team {n}",
         f"{n:04}", ("TRUE", "FALSE")[n % 2]]
        for n in range(60)
    ]  # fmt: skip


def as_excel_writes_csv(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows([HEADER, *rows])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def in_a_sheet(row: list[str]) -> list[Any]:
    """A row as people have it: numbers and booleans are what the spreadsheet made of them, a description a formula."""
    name, model, description, account, region, team, cost, active = row
    return [None, name, model, calculated(description), int(account), region, team, cost, active == "TRUE"]


def as_yaml(rows: list[list[str]]) -> str:
    lines = ["# made by hand", "profiles:"]
    for row in rows:
        cells = dict(zip(HEADER, row, strict=True))
        team, cost = cells.pop("tag:Team"), cells.pop("tag:CostCenter")
        lines.append("  - " + "\n    ".join(f"{key}: {value}" for key, value in cells.items()))
        lines.append(f"    tags: {{Team: {team}, CostCenter: {cost}}}")
    return "\n".join(lines)


def plan_of(commands: CommandLine, manifest: str) -> tuple[str, int]:
    """The plan as JSON text, without what tells files and runs apart."""
    ended = commands("plan", manifest, "--json")
    assert ended.code == 0, ended.err
    plan = ended.json()
    assert {change.pop("file") for change in plan["changes"]} == {manifest + ("#Teams" if "xlsx" in manifest else "")}
    text = re.sub(r'"(run_id|line|elapsed_s)": [^,}]+', "", ended.out)
    return re.sub(r'"file": "[^"]+"', "", text), len(plan["changes"])


def test_the_same_sheet_in_three_formats_gives_one_plan(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config(CONFIG)
    rows = sixty()
    (commands.folder / "teams.csv").write_bytes(as_excel_writes_csv(rows))
    sheet = [["AI teams, as of January"], [], [None, *HEADER], *map(in_a_sheet, rows)]
    xlsx(commands.folder / "teams.xlsx", {"Read me": [["Fill in", "the next sheet"]], "Teams": sheet, "Old": []})
    commands.write("teams.yaml", as_yaml(rows))
    (first, count), *others = [plan_of(commands, f"teams.{suffix}") for suffix in ("csv", "xlsx", "yaml")]
    assert count == 80
    assert others == [(first, 80)] * 2
    # What one of them made is unchanged by the others.
    assert commands.apply("teams.xlsx") == {"created": 80}
    assert commands.results()[0]["file"] == "teams.xlsx#Teams"
    assert commands.results()[0]["line"] == 4
    for manifest in ("teams.csv", "teams.yaml"):
        assert commands("plan", manifest, "--json", "--detailed-exitcode").code == 0


def test_problems_of_all_kinds_name_the_cell(commands: CommandLine, sandbox: Sandbox) -> None:
    rows = [
        ["Teams"], ["name", "model", "region"], ["a", "nova", "us-east-1"],
        ["b", "amazon.nova-lite-v1:0", "us-east-1x"],
        ["c", "amazon.nova-lite-v1:0", "us-east-1"], ["c", "amazon.nova-lite-v1:0", "us-east-1"],
    ]  # fmt: skip
    xlsx(commands.folder / "teams.xlsx", {"Teams": rows})
    ended = commands("validate", "teams.xlsx")
    assert ended.code == 65
    for said in ("teams.xlsx#Teams!B3: model 'nova': ", "teams.xlsx#Teams!C4: region 'us-east-1x': "):
        assert said in ended.err
    assert "teams.xlsx#Teams!A6: name 'c': the same name in 123456789012/us-east-1 as teams.xlsx#Teams:5" in (
        ended.err.replace("(caller)", "123456789012")
    )
    # What a run keeps of them says the same.
    for command in (("validate",), ("apply", "--yes")):
        found = commands(*command, "teams.xlsx", "--json").json()["problems"]
        assert {(problem["file"], problem["line"], problem["cell"], problem["column"]) for problem in found} == {
            ("teams.xlsx#Teams", 3, "B3", "model"),
            ("teams.xlsx#Teams", 4, "C4", "region"),
            ("teams.xlsx#Teams", 6, "A6", "name"),
        }


def test_a_model_that_the_target_lacks_names_the_cell(commands: CommandLine, sandbox: Sandbox) -> None:
    xlsx(commands.folder / "teams.xlsx", {"Teams": [["name", "model"], ["a", "anthropic.claude-none-v9:0"]]})
    ended = commands("plan", "teams.xlsx")
    assert "teams.xlsx#Teams!B2: model 'anthropic.claude-none-v9:0': " in ended.err


def test_another_sheet_with_profiles_is_told_of_once(commands: CommandLine, sandbox: Sandbox) -> None:
    rows = [["name", "region"], ["a", "us-east-1"]]
    xlsx(commands.folder / "teams.xlsx", {"North": rows, "South": rows})
    # Without accounts, rows are read a second time when the caller is known.
    ended = commands("plan", "teams.xlsx")
    assert ended.code == 0
    assert ended.err.count("warning: teams.xlsx: only the sheet 'North' is read; 'South' may hold profiles, too") == 1


def test_sheets_of_one_workbook(commands: CommandLine, sandbox: Sandbox) -> None:
    ods(
        commands.folder / "teams.ods",
        table("North", line("name"), line("north")),
        table("South", line("name"), line("south")),
    )
    assert commands.apply("teams.ods#North", "teams.ods#south") == {"created": 2}
    assert [result["file"] for result in commands.results()] == ["teams.ods#North", "teams.ods#South"]
    ended = commands("apply", "teams.ods#East", "--yes")
    assert ended.code == 65
    assert "teams.ods#East: it has no sheet 'East'; it has 'North', 'South'" in ended.err


@pytest.mark.parametrize("manifest", ["teams.xlsx", "teams.xlsx#Teams"])
def test_a_workbook_is_not_written_over(commands: CommandLine, sandbox: Sandbox, manifest: str) -> None:
    xlsx(commands.folder / "teams.csv", {"Teams": [["name"], ["a"]]})
    (commands.folder / "teams.xlsx").symlink_to("teams.csv")
    ended = commands("apply", manifest, "--yes", "--results", "teams.csv")
    assert (ended.code, "--results" in ended.err) == (64, True), ended.err


def test_a_workbook_whose_library_is_missing(commands: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    xlsx(commands.folder / "teams.xlsx", {"Teams": [["name"], ["a"]]})
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    ended = commands("validate", "teams.xlsx", "--json")
    assert ended.code == 1
    said = "teams.xlsx: python-calamine, which reads it, is not installed: pip install 'bulkprof[excel]'"
    assert said in ended.json()["error"]


def test_a_cell_without_a_value_hides_nothing_else_and_is_told_once(commands: CommandLine) -> None:
    commands.config('[plugins.naming]\ntemplate = "{team}-x"\n')
    header = ["NAME", "Model", "Account", "team"]
    date = dated(datetime.date(2026, 3, 1))
    path = xlsx(commands.folder / "teams.xlsx", {"T": [header, [date, "no-such-model", "1", ""]]})
    told = [line.partition(";")[0] for line in commands("validate", path.name).err.splitlines()]
    assert told[:-1] == [
        "teams.xlsx#T!A2: name '2026-03-01': is a date or a time to the spreadsheet, which makes one of much that"
        " looks like it",
        "teams.xlsx#T!C2: account '1': has 1 digits, an account id has 12",
        "teams.xlsx#T!B2: model 'no-such-model': is neither an alias of the config, nor a model id, nor an ARN",
    ]


def test_cells_that_no_rule_reads_need_no_value(commands: CommandLine) -> None:
    def across(sheet: Any, row: int, column: int, _: object) -> None:
        sheet.merge_range(row, column, row, column + 1, "a note")

    rows = [["name", "model", "total", "more", "team"], ["a", "amazon.nova-lite-v1:0", across]]
    path = xlsx(commands.folder / "teams.xlsx", {"T": rows})
    assert commands("validate", path.name).code == 0
    commands.config('[plugins.tags]\ncolumns = { Total = "Total" }\n')
    assert "teams.xlsx#T!C2: total 'a note': is merged with the cell beside it" in commands("validate", path.name).err


def test_rows_are_counted_once_whatever_is_wrong_with_them(commands: CommandLine) -> None:
    rows = [["Teams"], ["name", None, "modle", "acount"], ["a", "x", "m", "1", "y"]]
    path = xlsx(commands.folder / "teams.xlsx", {"T": rows})
    assert commands("validate", path.name).err.splitlines()[-1].startswith("error: 2 rows, 0 desired profiles, 4 probl")
    commands.write("a.json", '[{"a": 1, "a": 2}, {"a": 1, "a": 2}]')
    assert commands("validate", "a.json").err.splitlines()[-1].startswith("error: 2 rows, 0 desired profiles, 2 probl")


def test_a_header_below_a_title_without_known_columns(commands: CommandLine) -> None:
    path = xlsx(commands.folder / "teams.xlsx", {"T": [["Teams"], ["Kolumn", "Andra"], ["a", "b"]]})
    said = "teams.xlsx#T:2: no column of the header is known: 'Kolumn', 'Andra'; begin the file with a header: "
    assert commands("validate", path.name).err.startswith(said)


@pytest.mark.parametrize("begin", ["", "# teams\n\n", "---\n", "profiles:\n", "\ufeff# ours\n"])
def test_yaml_on_standard_input(commands: CommandLine, begin: str) -> None:
    text = f"{begin}- name: a\n  model: amazon.nova-lite-v1:0\n"
    ended = commands("validate", "--json", "-", stdin=text.encode())
    assert (ended.code, ended.json()["desired"]) == (0, 1)
