"""Places in workbooks: `teams.xlsx#Teams!C7` is a cell, `teams.xlsx#Teams` with a line number a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bulkprof.model import Problem, RawRow

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods")
_WITH_SHEET = re.compile(rf"(.+?(?:{'|'.join(map(re.escape, SUFFIXES))}))#(.+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The sheet that is read."""

    label: str
    """The workbook's label, `#` and the sheet's name: the file of its rows."""
    letters: Mapping[str, str]
    """The letters of its columns, by what problems call them."""


class SheetBatch(list[RawRow | Problem]):
    """Rows of a sheet."""

    def __init__(self, items: Iterable[RawRow | Problem], sheet: Sheet) -> None:
        super().__init__(items)
        self.sheet = sheet


def split_label(label: str) -> tuple[str, str]:
    """Return the file and the sheet that a manifest's label names; no sheet where it names none."""
    found = _WITH_SHEET.fullmatch(label)
    return (found[1], found[2]) if found else (label, "")


def is_workbook(label: str) -> bool:
    """Return whether a manifest is a workbook, by its label: `teams.xlsx`, `teams.xlsx#Teams`."""
    return split_label(label)[0].lower().endswith(SUFFIXES)


def letters(index: int) -> str:
    """Return what a spreadsheet calls the column of this index: 0 is A, 26 is AA."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def column_index(name: str) -> int:
    """Return the index of the column that spreadsheets call `name`."""
    index = 0
    for letter in name.upper():
        index = 26 * index + ord(letter) - ord("A") + 1
    return index - 1


def located(problem: Problem, sheets: Mapping[str, Mapping[str, str]]) -> Problem:
    """Return the problem with its cell, where it is about one of a sheet; `sheets` are their columns' letters."""
    letter = sheets.get(problem.file, {}).get(problem.column) if problem.line else None
    return replace(problem, cell=f"{letter}{problem.line}") if letter else problem
