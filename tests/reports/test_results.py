"""Results files beside a manifest's own columns, and as a workbook."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import LargeZipFile, ZipFile

import pytest

from bulkprof.errors import StateError, UsageError
from bulkprof.model import ActionKind, DesiredProfile, OutcomeKind, Request
from bulkprof.plugins import RESULT_COLUMNS
from bulkprof.reports.results import files, workbook
from bulkprof.reports.results.columns import own_names
from bulkprof.reports.results.files import check_results, write_results
from bulkprof.store.intake import SheetRow
from bulkprof.store.run import RunFile
from tests.factories import TARGET, make_run, plan_all

COLUMNS = ("Name", "Owner mail", "Approved", "Seats", "Notes", "Lists")
CELLS: tuple[list[Any], ...] = (
    ["a", "a@example.com", True, 3, "one\ntwo", ["x", "y"]],
    ["b", "=HYPERLINK(1)", None, 10**20, "ESC\x1b", {"k": 1.5}],
)


def a_run(path: Path, *cells: list[Any]) -> RunFile:
    """A run of rows that are kept as they are written."""
    run = make_run(path / "run.db", results_columns=bool(cells))
    wanted = [
        DesiredProfile(Request("t.csv", line), TARGET, "lite", "lite", f"team-{line}")
        for line in range(2, 2 + len(cells))
    ]
    rows = [SheetRow(index, COLUMNS, json.dumps(each)) for index, each in enumerate(cells)]
    run.add_desired(list(map(run.form, wanted)), rows)
    plan_all(run)
    return run


def sheet(path: Path) -> list[list[str]]:
    """The cells of the one sheet of a workbook, as text."""
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with ZipFile(path) as book:
        root = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    rows = []
    for row in root.iter(f"{main}row"):
        cells = {}
        for cell in row.iter(f"{main}c"):
            letters = re.sub(r"\d", "", cell.attrib["r"])
            number = sum((ord(letter) - 64) * 26**at for at, letter in enumerate(reversed(letters)))
            cells[number] = "".join(cell.itertext())
        rows.append([cells.get(number, "") for number in range(1, 1 + len(RESULT_COLUMNS) + len(COLUMNS))])
    return rows


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["Team", "Notes"], ["Team", "Notes"]),
        (["name", "Account", "Team"], ["manifest:name", "manifest:Account", "Team"]),
        (["name", "manifest:name"], ["manifest:manifest:name", "manifest:name"]),
        (["Name", "name"], ["manifest:Name", "manifest:manifest:name"]),
    ],
)
def test_own_columns_keep_their_names_unless_results_have_them(columns: list[str], names: list[str]) -> None:
    assert list(own_names(columns).values()) == names


def test_own_columns_come_last_as_csv_and_json(tmp_path: Path) -> None:
    with a_run(tmp_path, *CELLS) as run:
        write_results(tmp_path / "r.csv", run)
        write_results(tmp_path / "raw.csv", run, raw=True)
        write_results(tmp_path / "r.jsonl", run)
    own = ["manifest:Name", *COLUMNS[1:]]
    header, first, second = csv.reader(io.StringIO((tmp_path / "r.csv").read_text()))
    assert header == [*RESULT_COLUMNS, *own]
    assert first[-6:] == ["a", "a@example.com", "true", "3", "one⏎two", '["x", "y"]']
    assert second[-6:] == ["b", "'=HYPERLINK(1)", "", f"{10**20}", r"ESC\x1b", '{"k": 1.5}']
    assert [*csv.reader(io.StringIO((tmp_path / "raw.csv").read_text()))][2][-5] == "=HYPERLINK(1)"
    records = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [list(record) for record in records] == [[*RESULT_COLUMNS, *own]] * 2
    assert [list(record.values())[-6:] for record in records] == list(CELLS)


def test_a_workbook_holds_text_as_text(tmp_path: Path) -> None:
    with a_run(tmp_path, *CELLS) as run:
        write_results(tmp_path / "r.xlsx", run)
    header, first, second = sheet(tmp_path / "r.xlsx")
    assert header == [*RESULT_COLUMNS, "manifest:Name", *COLUMNS[1:]]
    assert first[:6] == ["t.csv", "2", "111122223333", "us-east-1", "team-2", "skipped"]
    assert first[-6:] == ["a", "a@example.com", "1", "3", "one\ntwo", '["x", "y"]']
    assert second[-6:] == ["b", "=HYPERLINK(1)", "", f"{10**20}", r"ESC\x1b", '{"k": 1.5}']
    with ZipFile(tmp_path / "r.xlsx") as book:
        xml = book.read("xl/worksheets/sheet1.xml").decode()
    # Formulas and links are elements of their own, and numbers have no type.
    assert "<f>" not in xml
    assert "hyperlink" not in xml.lower().replace("=hyperlink(1)", "")
    assert '<c r="C2" t="inlineStr">' in xml
    assert '<c r="B2"><v>2</v>' in xml


def test_a_workbook_without_own_columns(tmp_path: Path) -> None:
    with make_run(tmp_path / "run.db") as run:
        write_results(tmp_path / "r.xlsx", run)
    assert sheet(tmp_path / "r.xlsx")[0][: len(RESULT_COLUMNS)] == list(RESULT_COLUMNS)


def test_a_cell_that_is_too_long_is_cut(tmp_path: Path) -> None:
    with a_run(tmp_path, ["a", "x" * 40_000, None, None, None, None]) as run:
        write_results(tmp_path / "r.xlsx", run)
    cut = sheet(tmp_path / "r.xlsx")[1][-5]
    assert (len(cut), cut[-2:]) == (32_767, "x…")


def test_what_no_sheet_holds_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_run(tmp_path, *CELLS) as run:
        monkeypatch.setattr(workbook, "MOST_ROWS", 2)
        with pytest.raises(
            StateError, match=r"r\.xlsx: 2 rows and 21 columns are more than a sheet holds; write \.csv"
        ):
            write_results(tmp_path / "r.xlsx", run)
    assert not (tmp_path / "r.xlsx").exists()


def test_a_workbook_over_4_gb_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def large(*_: object, **__: object) -> None:
        raise LargeZipFile

    monkeypatch.setattr("xlsxwriter.workbook.ZipFile", large)
    with (
        a_run(tmp_path, *CELLS) as run,
        pytest.raises(StateError, match=r"4 GB are more than a workbook holds; write \.csv"),
    ):
        write_results(tmp_path / "r.xlsx", run)


def test_a_full_disk_leaves_the_workbook_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.xlsx").write_text("before")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xlsxwriter.workbook.ZipFile", full)
    with a_run(tmp_path, *CELLS) as run, pytest.raises(StateError, match=r"r\.xlsx: can't be written: No space left"):
        write_results(tmp_path / "r.xlsx", run)
    assert [each.name for each in tmp_path.glob("*r.xlsx*")] == ["r.xlsx"]
    assert (tmp_path / "r.xlsx").read_text() == "before"


def test_a_workbook_needs_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_results(tmp_path / "r.xlsx")
    monkeypatch.setattr(files, "find_spec", lambda _: None)
    check_results(tmp_path / "r.csv")
    with pytest.raises(UsageError, match=r"r\.xlsx: workbooks need XlsxWriter: pip install 'bulkprof\[excel\]', or"):
        check_results(tmp_path / "r.xlsx")


def test_a_deletion_is_of_no_row(tmp_path: Path) -> None:
    with a_run(tmp_path, *CELLS) as run:
        (first, *_) = run.wanted(TARGET)
        run.save_plan([replace(first, id=0, kind=ActionKind.DELETE, file="", line=0, name="gone")])
        write_results(tmp_path / "r.jsonl", run)
        assert {outcome.kind for outcome in run.results()} == {OutcomeKind.SKIPPED}
    last = json.loads((tmp_path / "r.jsonl").read_text().splitlines()[-1])
    assert (last["name"], list(last.values())[-6:]) == ("gone", [""] * 6)
