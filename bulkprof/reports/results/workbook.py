"""Results as a workbook of one sheet, written row by row: however many there are, few are held."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError, FileSizeError

from bulkprof.errors import StateError
from bulkprof.reports.results.columns import Results, text_of
from bulkprof.system.temporary import on_temporary_disk, temporary_folder
from bulkprof.text.printable import printable

MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 1_048_576, 16_384, 32_767
"""What a sheet holds, by Excel's format. The header is one of the rows."""
_EXACT = 2**53
"""From here on, a spreadsheet's numbers aren't what they were."""
_WIDTH = 18


def write_workbook(path: Path, results: Results, file: IO[bytes]) -> None:
    """Write results to `file`, which becomes `path`. Raises `StateError`."""
    header, rows = results.header(raw=True), results.count
    if rows >= MOST_ROWS or len(header) > MOST_COLUMNS:
        raise _too_large(path, f"{rows:,} rows and {len(header):,} columns are more than a sheet holds")
    with temporary_folder() as folder:
        # Text stays text: no account id becomes a number, no formula is run, no address becomes a link.
        book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": str(folder)})
        with on_temporary_disk():
            sheet = book.add_worksheet("results")
        try:
            _fill(book, sheet, header, results)
        finally:
            _close(path, book, sheet)


def _fill(book: Any, sheet: Any, header: Sequence[str], results: Results) -> None:
    with on_temporary_disk():
        sheet.set_column(0, len(header) - 1, _WIDTH)
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for column, name in enumerate(header):
            sheet.write_string(0, column, _text(name), bold)
    for number, record in enumerate(results.records(), 1):
        record["line"] = record["line"] or ""
        with on_temporary_disk():
            for column, value in enumerate(record.values()):
                _write(sheet, number, column, value)


def _close(path: Path, book: Any, sheet: Any) -> None:
    try:
        book.close()
    except FileCreateError as error:
        # It holds the error of the system.
        raise error.args[0] from None
    except FileSizeError:
        raise _too_large(path, "4 GB are more than a workbook holds") from None
    finally:
        # Where the workbook can't be closed, the library leaves it open.
        sheet.row_data_fh.close()


def _too_large(path: Path, why: str) -> StateError:
    return StateError(f"{path}: {why}; write .csv or .jsonl")


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float) and abs(value) < _EXACT and math.isfinite(value):
        sheet.write_number(row, column, value)
    elif text := _text(text_of(value)):
        sheet.write_string(row, column, text)


def _text(text: str) -> str:
    """Return text as a cell can hold it: what can't be seen is shown, and lines stay lines."""
    text = "\n".join(map(printable, text.replace("\r\n", "\n").split("\n")))
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
