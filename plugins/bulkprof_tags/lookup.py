"""A lookup file: tags by one field of the row, as `cost-centers.csv` has them by team."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bulkprof.plugins import DesiredProfile, Problem, field_reader, missing_field, printable_lines, tag_value_fault
from bulkprof_tags.settings import LookupSettings
from bulkprof_tags.values import clean_value

if TYPE_CHECKING:
    from _csv import Reader

_NO_TAGS: Mapping[str, str] = {}


class Lookup:
    """A read lookup file, asked for each profile. Reading raises `ValueError` that lists what is wrong, by line."""

    def __init__(self, settings: LookupSettings, directory: Path, *, clean: bool) -> None:
        self._settings = settings
        self._read_key = field_reader(settings.by)
        self._tags: dict[str, Mapping[str, str]] = {}
        self._clean = clean
        self._otherwise = settings.missing if isinstance(settings.missing, dict) else _NO_TAGS
        wrong = list(self._load(directory / settings.file))
        if wrong:
            raise ValueError(printable_lines(f"{settings.file}{finding}" for finding in wrong))

    @property
    def keys(self) -> frozenset[str]:
        """The tags that this file gives."""
        return frozenset(self._settings.tags)

    def tags_of(self, profile: DesiredProfile) -> Mapping[str, str]:
        """The tags of the profile's line, or what the settings say where there is none."""
        found = self._tags.get(self._read_key(profile))
        return self._otherwise if found is None else found

    def problem(self, profile: DesiredProfile) -> Problem | None:
        """Why the file can't serve this profile, where the settings don't allow for that."""
        key = self._read_key(profile)
        if key in self._tags or self._settings.missing != "error":
            return None
        file, field = self._settings.file, self._settings.by
        if not key:
            return Problem(f"the lookup in {file} {missing_field(profile, field)}")
        near = difflib.get_close_matches(key, self._tags, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "add one, or set `missing` for this lookup"
        return Problem(f"{file} has no such line", column=field, value=key, remedy=remedy)

    def _load(self, file: Path) -> Iterator[str]:
        """Fill the table, and yield what is wrong as `:LINE: message`."""
        try:
            text = file.read_text(encoding="utf-8-sig")
        except OSError as error:
            yield f": can't be read: {error.strerror} ({file})"
            return
        except UnicodeDecodeError as error:
            yield f": is not UTF-8 (byte {error.start})"
            return
        header, _, _ = text.partition("\n")
        # Spreadsheets of some countries write `;`, and copies from a sheet have tabs.
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
        try:
            columns = [column.strip() for column in next(rows, [])]
            absent = [column for column in (self._settings.by, *self._settings.tags.values()) if column not in columns]
            if absent:
                has = ", ".join(columns) or "nothing"
                yield f":1: has no column {', '.join(map(repr, absent))} (it has {has})"
                return
            yield from self._load_rows(_numbered(rows), columns)
        except csv.Error as error:
            yield f":{rows.line_num}: {error}"

    def _load_rows(self, rows: Iterator[tuple[int, list[str]]], columns: list[str]) -> Iterator[str]:
        first_lines: dict[str, int] = {}
        for line, row in rows:
            if not any(row):
                continue
            if len(row) != len(columns):
                yield f":{line}: has {len(row)} cells, and the header has {len(columns)}"
                continue
            cells = dict(zip(columns, (cell.strip() for cell in row), strict=True))
            key = cells[self._settings.by]
            if not key:
                yield f":{line}: the column {self._settings.by!r} is empty"
            elif key in first_lines:
                yield f":{line}: {key!r} stands in line {first_lines[key]} already"
            else:
                first_lines[key] = line
                self._tags[key], wrong = self._tags_in(cells)
                yield from (f":{line}: {finding}" for finding in wrong)

    def _tags_in(self, cells: Mapping[str, str]) -> tuple[Mapping[str, str], list[str]]:
        """A line's tags, without those of empty cells, and what AWS would refuse of them."""
        tags = {key: cells[column] for key, column in self._settings.tags.items() if cells[column]}
        if self._clean:
            tags = {key: clean_value(value) for key, value in tags.items()}
        faults = {self._settings.tags[key]: tag_value_fault(value) for key, value in tags.items()}
        return tags, [f"{column}: {fault.reason}; {fault.remedy}" for column, fault in faults.items() if fault]


def _numbered(rows: Reader) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line that it begins in: quoted cells may hold newlines."""
    line = rows.line_num + 1
    for row in rows:
        yield line, row
        line = rows.line_num + 1
