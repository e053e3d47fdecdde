"""Workbooks that can't be read: one line each that says why, and what to do. Memory stays bounded."""

from __future__ import annotations

import random
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bulkprof.errors import ConfigError
from bulkprof.manifests.workbooks import archives, books
from tests.manifests.making import calculated, line, ods, table, with_sheet, xlsx
from tests.manifests.reading import read_all
from tests.manifests.test_workbooks import XLS, told

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OLD = Path(XLS).read_bytes()
TEAMS = {"Teams": [["name", "region"], ["a", "us-east-1"], ["b", calculated("us-west-2")]]}
ROWS = table("Teams", line("name", "region"), line("a", "us-east-1"))


async def problem_of(path: Path, label: str = "") -> str:
    """The one problem that the file has, without the folder."""
    requests, problems = await read_all([label or str(path)])
    assert requests == []
    (text,) = told(problems, path)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xlsx", b"", "a.xlsx: the file is empty; an empty manifest is never"),
        ("a.xlsx", b"\xef\xbb\xbfname,region\na,us-east-1\n", "a.xlsx: the file is text, not a workbook; name it as"),
        ("a.xls", b"<html><table><tr><td>a</td></tr></table>", "a.xls: the file is HTML or XML, not a workbook"),
        ("a.xlsx", b"\0\1\2\3\4\5\6\7", "a.xlsx: the file is no workbook that bulkprof knows"),
        ("a.xlsx", b"PK\x03\x04 and no more", "a.xlsx: the workbook is damaged: File is not a zip file; open it"),
        ("a.xls", OLE + bytes(600), "a.xls: the workbook is damaged: "),
        ("a.xls", OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "a.xls: the workbook is protected by a"),
        ("a.csv", b"PK\x03\x04\x14\0", "a.csv:1: the file is a workbook or another archive, not text; name a workbook"),
        ("a.json", OLE, "a.json:1: the file is a workbook"),
        ("a.xlsb", b"PK\x03\x04", "a.xlsb: bulkprof can't read files ending in .xlsb; save it as .xlsx"),
    ],
)  # fmt: skip
async def test_files_that_are_no_workbooks(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert (await problem_of(tmp_path / name)).startswith(said)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"xl/workbook.bin": ""}, "the file is a binary workbook (.xlsb); save it as .xlsx"),
        ({"readme.txt": ""}, "the file is a zip archive without a workbook; save it as .xlsx"),
        ({"xl/workbook.xml": ""}, "the workbook is damaged: it has no xl/_rels/workbook.xml.rels"),
        (
            {"xl/workbook.xml": "", "xl/_rels/workbook.xml.rels": "<a>"},
            "damaged: xl/_rels/workbook.xml.rels: no element",
        ),
        ({"xl/workbook.xml": "<a/>", "xl/_rels/workbook.xml.rels": "<!DOCTYPE a><a/>"}, "it declares a document type"),
        ({"content.xml": '<?xml version="1.0" encoding="UTF-B"?><a/>'}, "the workbook is damaged: unknown encoding"),
        (
            {"xl/workbook.xml": "", "xl/_rels/workbook.xml.rels": '<?xml version="1.0" encoding="UTF-B"?><a/>'},
            "encoding",
        ),
        ({"content.xml": "<a><b></a>"}, "the workbook is damaged: mismatched tag"),
        ({"content.xml": "<!DOCTYPE a><a/>"}, "it declares a document type"),
    ],
)
async def test_archives_that_are_no_workbooks(members: dict[str, str], said: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert said.removesuffix("no element") in await problem_of(tmp_path / "a.xlsx")


async def test_passwords(tmp_path: Path) -> None:
    encrypted = '<manifest:file-entry xmlns:manifest="m"><manifest:encryption-data/></manifest:file-entry>'
    text = await problem_of(ods(tmp_path / "a.ods", ROWS, manifest=encrypted))
    assert text == "a.ods: the workbook is protected by a password; save it without one"
    # The record that says so, in the place of one that doesn't matter.
    (tmp_path / "a.xls").write_bytes(OLD.replace(b"\x42\x00\x02\x00\xb0\x04", b"\x2f\x00\x02\x00\xb0\x04", 1))
    text = await problem_of(tmp_path / "a.xls")
    assert text == "a.xls: the workbook is protected by a password; save it without one"


@pytest.mark.parametrize("name", ["a.xlsm", "a.xls", "a.ods"])
async def test_how_a_file_begins_counts_not_its_name(name: str, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", TEAMS)
    shutil.move(path, tmp_path / name)
    requests, problems = await read_all([str(tmp_path / name)])
    assert ([row.name for row in requests], problems) == (["a", "b"], [])
    shutil.copy(XLS, tmp_path / "b.xlsx")
    assert [row.name for row in (await read_all([str(tmp_path / "b.xlsx")]))[0]] == ["team-a", "team-b"]


async def test_a_stray_cell_far_away(tmp_path: Path) -> None:
    # Without a look before, the library makes room for seventeen billion cells, and the process ends.
    def far(sheet: Any, row: int, column: int, _: object) -> None:
        sheet.write(1048575, 16383, "x")

    text = await problem_of(xlsx(tmp_path / "a.xlsx", {"Teams": [["name"], ["a"], [far]]}))
    said = "the sheet reaches to XFD1048576, which makes more than 5,000,000 cells; delete what stands far below"
    assert said in text
    repeated = 'table:number-rows-repeated="1048576"'
    wide = '<table:table-cell office:value-type="string" table:number-columns-repeated="16384"/>'
    text = await problem_of(ods(tmp_path / "a.ods", table("Teams", line("name"), line(wide, attributes=repeated))))
    assert "the sheet reaches to XFD1048577, which" in text


async def test_cells_without_places(tmp_path: Path) -> None:
    def without(xml: str) -> str:
        for place in ("A1", "B1", "A2", "B2", "A3", "B3"):
            xml = xml.replace(f'<c r="{place}"', "<c")
        return xml

    path = with_sheet(xlsx(tmp_path / "a.xlsx", {"Teams": TEAMS["Teams"][:2]}), without)
    assert [row.regions for row in (await read_all([str(path)]))[0]] == [("us-east-1",)]
    path = with_sheet(xlsx(tmp_path / "a.xlsx", {"T": [["name"], [calculated("#REF!")]]}), without)
    assert "a cell holds an error or no result, and the file doesn't say which" in await problem_of(path)
    far = '<row r="1048576">' + "<c><v>1</v></c>" * 16384 + "</row></sheetData>"
    path = with_sheet(xlsx(tmp_path / "b.xlsx", TEAMS), lambda xml: xml.replace("</sheetData>", far))
    assert "5,000,000 cells" in await problem_of(path)


@pytest.mark.parametrize("result", ["<v></v>", "<v/>", ""])
async def test_formulas_without_results(result: str, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", TEAMS)
    with_sheet(path, lambda xml: xml.replace('t="str"', "").replace("<v>us-west-2</v>", result))
    requests, problems = await read_all([str(path)])
    assert [row.name for row in requests] == ["a"]
    assert told(problems, path) == [
        "a.xlsx#Teams!B3: region: holds a formula whose result is not in the file; open the workbook in a spreadsheet"
        " program and save it, or enter the value"
    ]


async def test_sizes_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = xlsx(tmp_path / "a.xlsx", TEAMS)
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    assert "the workbook takes 0 MiB, and at most 256 MiB are read; save the sheet as CSV" in await problem_of(path)
    monkeypatch.setattr(books, "_LARGEST", 1 << 20)
    with path.open("ab") as file:
        file.truncate(3 << 20)
    assert "the workbook takes 3 MiB, and at most 1 MiB are read; save the sheet as CSV" in await problem_of(path)


async def test_parts_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = xlsx(tmp_path / "a.xlsx", TEAMS)
    monkeypatch.setattr("bulkprof.manifests.workbooks.xlsx._LONGEST_ROW", 10)
    assert "a row of it is too long" in await problem_of(path)
    monkeypatch.setattr("bulkprof.manifests.workbooks.ods.MOST_CELLS", 3)
    tables = [table(f"T{number}", line("name"), line("a")) for number in range(2)]
    assert "its sheets have more than 3 cells" in await problem_of(ods(tmp_path / "a.ods", *tables))
    monkeypatch.setattr(archives, "_SMALL", 10)
    assert "workbook.xml.rels is too long" in await problem_of(path)


@pytest.mark.parametrize(("library", "name"), [("python_calamine", "a.xlsx"), ("xlrd", "a.xls")])
async def test_without_the_extra(library: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / name
    if name == "a.xls":
        shutil.copy(XLS, path)
    else:
        xlsx(path, TEAMS)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError) as raised:
        await read_all([str(path)])
    called = library.replace("_", "-")
    assert str(raised.value) == f"{path}: {called}, which reads it, is not installed: pip install 'bulkprof[excel]'"


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.ods"])
async def test_damage_ends_in_problems(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "a.xlsx":
        xlsx(path, TEAMS)
    elif name == "a.ods":
        ods(path, ROWS)
    else:
        shutil.copy(XLS, path)
    whole = path.read_bytes()
    chance = random.Random(name)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.choice([len(damaged), chance.randrange(len(damaged))])])
        requests, problems = await read_all([str(path)])
        assert requests or problems
        assert all("\n" not in str(problem) for problem in problems)
