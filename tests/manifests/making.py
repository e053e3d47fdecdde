"""Makes workbooks for tests: `.xlsx` with XlsxWriter, `.ods` as the zip archive that it is."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import xlsxwriter  # type: ignore[import-untyped]

_SPACES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "calcext": "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0",
}
ODS = "application/vnd.oasis.opendocument.spreadsheet"
Rows = Sequence[Sequence[Any]]


def xlsx(path: Path, sheets: Mapping[str, Rows], hidden: Sequence[str] = ()) -> Path:
    """A workbook of these sheets. A cell may be a function, which gets sheet, row, column and workbook."""
    book = xlsxwriter.Workbook(path)
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if callable(cell):
                    cell(sheet, row, column, book)
                elif isinstance(cell, str):
                    sheet.write_string(row, column, cell)
                elif cell is not None:
                    sheet.write(row, column, cell)
    for name in hidden:
        book.get_worksheet_by_name(name).hide()
    if hidden and hidden[0] == next(iter(sheets)):
        book.get_worksheet_by_name(next(name for name in sheets if name not in hidden)).set_first_sheet()
        book.get_worksheet_by_name(next(name for name in sheets if name not in hidden)).activate()
    book.close()
    return path


def dated(value: object, form: str = "yyyy-mm-dd") -> Any:
    """A cell that holds a date or a time."""
    return lambda sheet, row, column, book: sheet.write_datetime(
        row, column, value, book.add_format({"num_format": form})
    )


def calculated(value: object) -> Any:
    """A cell that holds a formula and its result."""
    return lambda sheet, row, column, book: sheet.write_formula(row, column, "=1+1", None, value)


def ods(path: Path, *tables: str, manifest: str = "") -> Path:
    """A workbook of these tables, each as XML."""
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _SPACES.items())
    hidden = '<style:style style:name="hidden" style:family="table"><style:table-properties table:display="false"/>'
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces} office:version="1.3"><office:automatic-styles>'
        f"{hidden}</style:style></office:automatic-styles><office:body><office:spreadsheet>{''.join(tables)}"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", ODS)
        archive.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
        archive.writestr("content.xml", content)
    return path


def table(name: str, *rows: str, hidden: bool = False) -> str:
    style = ' table:style-name="hidden"' if hidden else ""
    return f'<table:table table:name="{name}"{style}>{"".join(rows)}</table:table>'


def line(*cells: str, attributes: str = "") -> str:
    """A row of a table; a cell that is no XML is a text."""
    return f"<table:table-row {attributes}>{''.join(map(_cell, cells))}</table:table-row>"


def _cell(cell: str) -> str:
    if cell.startswith("<"):
        return cell
    if not cell:
        return "<table:table-cell/>"
    return f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'


def with_sheet(path: Path, change: Any) -> Path:
    """The same `.xlsx` with the XML of its first sheet changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = change(parts[name].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return path
