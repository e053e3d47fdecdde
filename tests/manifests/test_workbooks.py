"""Workbooks: what their cells show, where the header is, which sheet is read, and what problems name."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from bulkprof.manifests.workbooks.places import column_index, letters, split_label
from bulkprof.model import Problem
from tests.manifests.making import calculated, dated, line, ods, table, xlsx
from tests.manifests.reading import read_all

XLS = str(Path(__file__).parents[1] / "assets" / "workbooks" / "teams.xls")
HEADER = ["name", "account", "tag:V"]
ACCOUNT = "111122223333"


async def values(path: Path, sheet: str = "") -> tuple[list[str], list[str]]:
    """The values of the tag V, and problems without the folder."""
    requests, problems = await read_all([f"{path}{sheet}"])
    return [row.tags.get("V", "") for row in requests], told(problems, path)


def told(problems: list[Problem], path: Path) -> list[str]:
    return [str(problem).removeprefix(f"{path.parent}/") for problem in problems]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (111122223333, "111122223333"), (7.0, "7"), (1.10, "1.1"), (0.1 + 0.2, "0.3"), (-2.5, "-2.5"),
        (1e14, "1" + 14 * "0"), (1e-7, "1E-07"), (True, "TRUE"), (False, "FALSE"), ("007", "007"), (" a b ", "a b"),
        ("NO", "NO"), ("1.10", "1.10"),
        (dated(datetime.date(2026, 1, 31)), "2026-01-31"),
        (dated(datetime.datetime(2026, 1, 31, 12, 30), "yyyy-mm-dd hh:mm"), "2026-01-31 12:30"),
        (dated(datetime.datetime(2026, 1, 31, 12, 30, 5), "yyyy-mm-dd hh:mm:ss"), "2026-01-31 12:30:05"),
        (dated(datetime.time(9, 5), "hh:mm"), "09:05"),
        (dated(datetime.timedelta(hours=36, minutes=5), "[h]:mm"), "36:05"),
        (calculated("Team A"), "Team A"), (calculated(5), "5"), (calculated(True), "TRUE"),
    ],
)  # fmt: skip
async def test_values_are_what_people_see(cell: Any, shown: str, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", {"Teams": [HEADER, ["a", ACCOUNT, cell]]})
    assert await values(path) == ([shown], [])


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (calculated("#REF!"), "tag:V '#REF!': is an error that a spreadsheet shows"),
        (calculated("#N/A"), "tag:V '#N/A': is an error"),
        (1.5e17, "tag:V '1.5E+17': is a number in scientific notation"),
        (123456789012345678, "tag:V '1.23456789012346E+17': is a number in scientific notation"),
        ("1.23457E+11", "digits are lost"),
    ],
)
async def test_values_that_are_lost_are_problems(cell: Any, said: str, tmp_path: Path) -> None:
    rows = [["Our teams"], [], [None, *HEADER], [None, "a", ACCOUNT, "fine"], [None, "b", ACCOUNT, cell]]
    found, problems = await values(xlsx(tmp_path / "a.xlsx", {"Teams": rows}))
    assert found == ["fine"]
    assert problems[0].startswith("a.xlsx#Teams!D5: tag:V ")
    assert said in problems[0]
    assert len(problems) == 1


async def test_an_error_is_no_empty_cell(tmp_path: Path) -> None:
    # The library returns the same for both, and an empty account is the default one.
    rows = [["name", "account", "region"], ["a", calculated("#REF!")], [calculated("#DIV/0!"), None, None, None]]
    found, problems = await values(xlsx(tmp_path / "a.xlsx", {"Teams": rows}))
    assert found == []
    assert [problem.split(": is")[0] for problem in problems] == [
        "a.xlsx#Teams!B2: account '#REF!'", "a.xlsx#Teams!A3: name '#DIV/0!'",
    ]  # fmt: skip


async def test_accounts_as_numbers(tmp_path: Path) -> None:
    rows = [["name", "account"], ["a", 111122223333], ["b", 12345678901], ["c", 1.5]]
    requests, problems = await read_all([str(path := xlsx(tmp_path / "a.xlsx", {"T": rows}))])
    assert [row.accounts for row in requests] == [(ACCOUNT,)]
    assert "a.xlsx#T!B3: account '12345678901': has 11 digits" in told(problems, path)[0]
    assert "it is 012345678901: format the column as text" in told(problems, path)[0]
    assert "a.xlsx#T!B4: account '1.5': is not an AWS account id" in told(problems, path)[1]


async def test_a_date_is_no_name(tmp_path: Path) -> None:
    rows = [["name", "team"], [dated(datetime.date(2026, 3, 1), "mmm-yy"), dated(datetime.date(2026, 3, 1))]]
    _, problems = await values(xlsx(tmp_path / "a.xlsx", {"T": rows}))
    assert problems == [
        "a.xlsx#T!A2: name '2026-03-01': is a date or a time to the spreadsheet, which makes one of much that looks"
        " like it; format the column as text and enter the value again"
    ]


async def test_title_rows_empty_columns_and_hidden_rows_do_not_matter(tmp_path: Path) -> None:
    def hide(sheet: Any, row: int, column: int, _: object) -> None:
        sheet.set_row(row, None, None, {"hidden": True})

    rows = [
        ["AI teams 2026", "Name and region of each"], [], [None, "last change", "Monday"],
        [None, "name", None, "REGION", None, "team"],
        [], [None, "a", None, "us-east-1", None, "x"], [hide, "b", None, "us-west-2", None, "y"],
        [None, "  "],
    ]  # fmt: skip
    path = xlsx(tmp_path / "a.xlsx", {"T": rows})
    requests, problems = await read_all([str(path)])
    assert problems == []
    found = [(row.line, row.name, row.regions, dict(row.attributes)) for row in requests]
    assert found == [(6, "a", ("us-east-1",), {"team": "x"}), (7, "b", ("us-west-2",), {"team": "y"})]
    assert {row.file for row in requests} == {f"{path}#T"}


async def test_problems_of_header_and_rows_name_their_cells(tmp_path: Path) -> None:
    rows = [["name", "acount", "Owner"], ["a", "1", "o"], ["b", ACCOUNT, "o", "see Bob"], ["name", "acount", "Owner"]]
    _, problems = await values(xlsx(tmp_path / "a.xlsx", {"T": rows}))
    assert [problem.split(";")[0] for problem in problems] == [
        "a.xlsx#T!B1: acount: is not a known column",
        "a.xlsx#T!B2: account '1': has 1 digits, an account id has 12",
        "a.xlsx#T!D3: column D 'see Bob': has no name in the header",
        "a.xlsx#T:4: the header again",
    ]


async def test_merged_cells_count_for_all_their_rows(tmp_path: Path) -> None:
    def down(sheet: Any, row: int, column: int, _: object) -> None:
        sheet.merge_range(row, column, row + 2, column, "Search")

    def across(sheet: Any, row: int, column: int, _: object) -> None:
        sheet.merge_range(row, column, row, column + 1, "us-east-1")

    rows = [["name", "tag:V", "region", "model"], ["a", down], ["b"], ["c"], ["d"], ["e", "x", across]]
    path = xlsx(tmp_path / "a.xlsx", {"T": rows})
    found, problems = await values(path)
    assert found == ["Search", "Search", "Search", ""]
    assert problems == [
        "a.xlsx#T!C6: region 'us-east-1': is merged with the cell beside it; unmerge them, and enter what each of"
        " them says"
    ]


async def test_the_first_visible_sheet_with_a_known_column(tmp_path: Path) -> None:
    sheets = {
        "Old": [["name"], ["old"]], "Notes": [["Read me"], ["Ask, then", "write"]], "Empty": [],
        "Teams": [["name"], ["a"]], "Costs": [["month", "sum"], ["May", 1]],
    }  # fmt: skip
    path = xlsx(tmp_path / "a.xlsx", sheets, hidden=["Old"])
    requests, problems = await read_all([str(path)])
    assert ([row.name for row in requests], problems) == (["a"], [])


async def test_other_sheets_with_profiles_are_told_of(tmp_path: Path) -> None:
    rows = [["name", "region"], ["a", "us-east-1"]]
    path = xlsx(tmp_path / "a.xlsx", {"North": rows, "South": rows, "West": rows})
    requests, problems = await read_all([str(path)])
    assert {row.file for row in requests} == {f"{path}#North"}
    assert told(problems, path) == [
        "warning: "
        + f"{path}: only the sheet 'North' is read; 'South', 'West' may hold profiles, too; name each of them as"
        " FILE#SHEET, or hide the others"
    ]
    requests, problems = await read_all([f"{path}#South", f"{path}#north"])
    assert ([row.file for row in requests], problems) == ([f"{path}#South", f"{path}#North"], [])


async def test_a_sheet_by_its_name(tmp_path: Path) -> None:
    rows = [["name"], ["a"]]
    path = xlsx(tmp_path / "a.xlsx", {"Teams": rows, "teams 2": rows, "Empty": []}, hidden=["teams 2"])
    assert [row.file for row in (await read_all([f"{path}#TEAMS 2"]))[0]] == [f"{path}#teams 2"]
    for sheet, said in (
        ("#Team", "a.xlsx#Team: it has no sheet 'Team'; it has 'Teams', 'teams 2', 'Empty'"),
        ("#Empty", "a.xlsx#Empty: the sheet is empty; an empty manifest is never taken for 'nothing is wanted'"),
    ):
        assert await values(path, sheet) == ([], [said])
    for labels in ([f"{path}#Teams", f"{path}#teams"], [f"{path}#Teams", str(path)], [str(path), f"{path}#teams"]):
        requests, problems = await read_all(labels)
        assert len(requests) == 1
        assert [str(problem).split(";")[0] for problem in problems] == [
            f"{labels[1]}: is given twice (as {labels[0]} too)"
        ]


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("a/b.xlsx#T 1", ("a/b.xlsx", "T 1")), ("b.XLS#x#y", ("b.XLS", "x#y")), ("a#b.csv", ("a#b.csv", "")),
        ("b.ods", ("b.ods", "")), ("a.xlsx#b.xlsx#T", ("a.xlsx", "b.xlsx#T")), ("-", ("-", "")),
    ],
)  # fmt: skip
def test_labels(label: str, found: tuple[str, str]) -> None:
    assert split_label(label) == found


@pytest.mark.parametrize(
    ("index", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")]
)
def test_letters_of_columns(index: int, name: str) -> None:
    assert letters(index) == name
    assert column_index(name) == index


async def test_sheets_that_say_nothing(tmp_path: Path) -> None:
    notes = [["Read me"], ["Ask, then", "write"]]
    path = xlsx(tmp_path / "a.xlsx", {"A": notes, "B": notes})
    (problem,) = (await values(path))[1]
    known = "name, model, description, account, region, tag:KEY"
    assert f"no sheet of it has a row with known columns ({known}): 'A', 'B'" in problem
    path = xlsx(tmp_path / "b.xlsx", {"A": [], "B": [["name"], ["a"]]}, hidden=["B"])
    (problem,) = (await values(path))[1]
    assert "no sheet of it has rows" in problem
    assert "hidden ones are read only by name: 'B'" in problem
    path = xlsx(tmp_path / "c.xlsx", {"A": [["name"]]})
    assert await values(path) == ([], [f"{path.name}: the file has no rows; an empty manifest is never taken for"
                                       " 'nothing is wanted'"])  # fmt: skip


async def test_old_workbooks() -> None:
    requests, problems = await read_all([XLS])
    assert [(row.line, row.name, row.accounts, row.tags) for row in requests] == [
        (4, "team-a", (ACCOUNT,), {"Team": "Search", "Since": "2026-01-31", "Active": "TRUE"}),
        (5, "team-b", ("444455556666",), {"Team": "Search", "Since": "12:00", "Active": "1.5"}),
    ]
    (problem,) = problems
    assert str(problem).startswith(f"{XLS}#Teams!C6: account '#REF!': is an error")
    assert "hidden" not in str(problem)


ERROR = (
    '<table:table-cell table:formula="of:=1/0" office:value-type="string" office:string-value="" '
    'calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell>'
)
OTHER_ERROR = (
    '<table:table-cell table:formula="of:=A9" office:value-type="float" office:value="0"><text:p>#REF!</text:p>'
    "</table:table-cell>"
)
NOTE = (
    '<table:table-cell office:value-type="string"><office:annotation><text:p>who?</text:p></office:annotation>'
    "<text:p>Team <text:span>B</text:span></text:p></table:table-cell>"
)
DOWN = (
    '<table:table-cell office:value-type="string" table:number-rows-spanned="2"><text:p>Ops</text:p></table:table-cell>'
)
NUMBER = (
    '<table:table-cell office:value-type="float" office:value="111122223333"><text:p>1.1E+11</text:p>'
    "</table:table-cell>"
)
EMPTY = line(
    '<table:table-cell table:number-columns-repeated="16384"/>', attributes='table:number-rows-repeated="1048000"'
)


async def test_open_document(tmp_path: Path) -> None:
    rows = [
        line("AI teams"), line(), line("", "name", "account", "tag:V"), line("", "a", NUMBER, DOWN),
        line("", "b", ACCOUNT, "<table:covered-table-cell/>"), line("", "c", ACCOUNT, NOTE), line("", "d", ERROR, "x"),
        line("", "e", ACCOUNT, OTHER_ERROR), EMPTY,
    ]  # fmt: skip
    path = ods(tmp_path / "a.ods", table("Old", line("name"), line("old"), hidden=True), table("Teams", *rows))
    found, problems = await values(path)
    assert found == ["Ops", "Ops", "Team B"]
    assert [problem.split(": is")[0] for problem in problems] == [
        "a.ods#Teams!C7: account '#DIV/0!'", "a.ods#Teams!D8: tag:V '#REF!'",
    ]  # fmt: skip
    assert (await values(path, "#old"))[1] == []
