"""The rows of a workbook: which of its sheets holds them, where its header stands, and what each row says."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import NamedTuple

from bulkprof.config import ColumnNames
from bulkprof.limits import Fault
from bulkprof.manifests.columns import AS_WRITTEN, KNOWN, PROFILE, Columns, understand
from bulkprof.manifests.csv_rows import HeaderProblem, column_names, expected, nothing_known, says_nothing
from bulkprof.manifests.flatten import BadValue
from bulkprof.manifests.likely import likely_column
from bulkprof.manifests.workbooks.books import Book, OpenSheet, Row, opened
from bulkprof.manifests.workbooks.contents import WorkbookError
from bulkprof.manifests.workbooks.merged import Merged
from bulkprof.manifests.workbooks.places import Sheet, letters, located, split_label
from bulkprof.manifests.workbooks.values import Moment
from bulkprof.model import Problem, RawRow, Severity
from bulkprof.plugins.api import Source
from bulkprof.tables.dialect import Expected, RepeatedHeader
from bulkprof.text.looks import TAG_PREFIX, folded, visible

_PEEKED = 50
"""Rows that aren't empty among which a sheet's header is looked for."""
_SHOWN = 20
"""Sheets that are named."""
_A_DATE = Fault(
    "is a date or a time to the spreadsheet, which makes one of much that looks like it",
    "format the column as text and enter the value again",
)


class _Found(NamedTuple):
    """A sheet with its header."""

    name: str
    header: Row
    rows: Iterator[Row]
    """Those below the header."""
    merged: Sequence[tuple[int, int, int, int]]


class WorkbookRows:
    """The rows of a workbook, and a problem in the place of each that can't be read. Iterate over it once."""

    def __init__(
        self, source: Source, *, read_by_rules: Collection[str] | None = None, naming: ColumnNames = AS_WRITTEN
    ) -> None:
        """`naming` is what the config says of headers."""
        self._source = source
        self._read = read_by_rules
        self._naming = naming
        self._meant = expected(read_by_rules, naming)
        self._items = self._parse()
        self.sheet: Sheet | None = None
        """The sheet that is read, once a row was taken."""

    def __iter__(self) -> Iterator[RawRow | Problem]:
        return self

    def __next__(self) -> RawRow | Problem:
        return next(self._items)

    def close(self) -> None:
        """Close the file."""
        self._items.close()

    def _parse(self) -> Generator[RawRow | Problem, None, None]:
        label = self._source.label
        try:
            with opened(self._source.path, label) as book:
                yield from self._rows(book)
        except WorkbookError as error:
            yield Problem(error.reason, self.sheet.label if self.sheet else label, remedy=error.remedy)

    def _rows(self, book: Book) -> Iterator[RawRow | Problem]:
        file, wanted = split_label(self._source.label)
        found = _named(book, wanted, self._meant) if wanted else _first(book, self._meant)
        label = f"{file}#{found.name}"
        if not wanted and (others := _others(book, found.name, self._meant)):
            message = f"only the sheet '{visible(found.name)}' is read; {_list(others)} may hold profiles, too"
            remedy = "name each of them as FILE#SHEET, or hide the others"
            yield Problem(message, file, remedy=remedy, severity=Severity.WARNING)
        line, header = found.header
        # A column without a name in the header is none, unless it has cells.
        places = [index for index, cell in enumerate(header) if _text(cell)]
        names = [_text(header[index]) for index in places]
        columns = understand(names, self._naming, tag_object=False)
        self.sheet = Sheet(label, _letters(columns, places))
        if self._read is not None and says_nothing(columns, self._read):
            yield nothing_known(label, line, columns, self._read)
            return
        told = {label: self.sheet.letters}
        for fault in columns.faults:
            problem = HeaderProblem(fault.fault.reason, label, line, column=fault.column, remedy=fault.fault.remedy)
            yield located(problem, told)
        for item in _Below(label, line, names, places, columns, self._read).rows(found):
            yield located(item, told) if isinstance(item, Problem) else item


class _Below:
    """What stands below a header."""

    def __init__(
        self,
        label: str,
        line: int,
        header: Sequence[str],
        places: Sequence[int],
        columns: Columns,
        read_by_rules: Collection[str] | None,
    ) -> None:
        self._label = label
        self._line = line
        self._places = places
        self._named = frozenset(places)
        self._names = column_names(header, columns)
        known = (columns.name, columns.model, columns.account, columns.region)
        self._no_dates = [index for index in known if index >= 0]
        read = None if read_by_rules is None else frozenset(map(folded, read_by_rules))
        self._unread = [index for index, name in columns.attributes if read is not None and folded(name) not in read]
        """The columns whose cells don't matter, whatever is wrong with them."""
        self._again = RepeatedHeader(header)

    def rows(self, found: _Found) -> Iterator[RawRow | Problem]:
        """Yield the rows, and a problem in the place of each that can't be used."""
        merged = Merged(found.merged, self._line)
        for number, own in found.rows:
            if not any(map(_text, own)):
                continue
            cells = merged.filled(number - 1, own)
            if problems := list(self._unnamed(number, cells)):
                yield from problems
                continue
            row = [cells[place] if place < len(cells) else "" for place in self._places]
            first = _text(row[0])
            if (first.lower() in self._again.heads or not first.isascii()) and (
                fault := self._again.fault(list(map(_text, row)))
            ):
                yield Problem(fault.reason, self._label, number, remedy=fault.remedy)
                continue
            for index in self._no_dates:
                cell = row[index]
                if isinstance(cell, Moment):
                    row[index] = BadValue(cell, _A_DATE)
            for index in self._unread:
                cell = row[index]
                if isinstance(cell, BadValue):
                    row[index] = cell.text
            yield RawRow(number, dict(zip(self._names, row, strict=True)))

    def _unnamed(self, number: int, cells: Sequence[str | BadValue]) -> Iterator[Problem]:
        for index, cell in enumerate(cells):
            if index not in self._named and (text := _text(cell)):
                yield Problem(
                    "has no name in the header",
                    self._label,
                    number,
                    f"column {letters(index)}",
                    text,
                    f"name the column in row {self._line}, or clear the cell",
                    cell=f"{letters(index)}{number}",
                )


def _text(cell: str | BadValue) -> str:
    return cell.strip() if isinstance(cell, str) else cell.text or "?"


def _letters(columns: Columns, places: Sequence[int]) -> Mapping[str, str]:
    """What a spreadsheet calls the columns, by all that problems may call them."""
    indices: dict[str, int] = {}
    for column in KNOWN:
        if columns.has(column):
            indices[column] = getattr(columns, column)
    indices |= {f"{TAG_PREFIX}{key}": index for index, key in reversed(columns.tags)}
    indices |= {name: index for index, name in reversed(columns.attributes)}
    # A misspelt one is read as what it is likely meant to be.
    for written in (columns.names, column_names(columns.names, columns)):
        for index, name in enumerate(written):
            indices.setdefault(visible(name), index)
    return {name: letters(places[index]) for name, index in indices.items()}


def _named(book: Book, wanted: str, meant: Expected) -> _Found:
    """The sheet that the user names: exactly, or but for upper and lower case."""
    names = [sheet.name for sheet in book.sheets]
    same = [name for name in names if name == wanted] or [
        name for name in names if name.casefold() == wanted.casefold()
    ]
    if not same:
        raise WorkbookError(f"it has no sheet '{visible(wanted)}'", f"it has {_list(names)}")
    found = _with_header(same[0], book.sheet(same[0]), meant)
    if found is None:
        raise WorkbookError("the sheet is empty", "an empty manifest is never taken for 'nothing is wanted'")
    return found


def _first(book: Book, meant: Expected) -> _Found:
    """The first visible sheet that has a known column; where none has, the first that has rows."""
    some: list[str] = []
    for name in (sheet.name for sheet in book.sheets if sheet.visible):
        found = _with_header(name, book.sheet(name), meant)
        if found is None:
            continue
        some.append(name)
        if any(meant(_text(cell)) for cell in found.header[1]):
            return found
    if not some:
        hidden = [sheet.name for sheet in book.sheets if not sheet.visible]
        also = f"; hidden ones are read only by name: {_list(hidden)}" if hidden else ""
        raise WorkbookError(
            "no sheet of it has rows", f"an empty manifest is never taken for 'nothing is wanted'{also}"
        )
    if len(some) > 1:
        raise WorkbookError(
            f"no sheet of it has a row with known columns ({', '.join(PROFILE)}, tag:KEY): {_list(some)}",
            "name the columns in a row above the table, or the sheet: FILE#SHEET",
        )
    found = _with_header(some[0], book.sheet(some[0]), meant)
    if found is None:
        raise WorkbookError("no sheet of it has rows", "an empty manifest is never taken for 'nothing is wanted'")
    return found


def _others(book: Book, read: str, meant: Expected) -> list[str]:
    """The other visible sheets with a header of two known columns, as far as they can be read."""
    others: list[str] = []
    for name in (sheet.name for sheet in book.sheets if sheet.visible and sheet.name != read):
        with suppress(WorkbookError):
            found = _with_header(name, book.sheet(name), meant)
            if found and sum(1 for cell in found.header[1] if meant(_text(cell))) > 1:
                others.append(name)
    return others


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(f"'{visible(name)}'" for name in names[:_SHOWN]) or "none") + more


def _with_header(name: str, sheet: OpenSheet, meant: Expected) -> _Found | None:
    """The sheet with its most likely header; None where it has no rows."""
    rows = sheet.rows
    peeked = list(islice((row for row in rows if any(map(_text, row[1]))), _PEEKED))
    if not peeked:
        return None
    at = _header_among(peeked, meant)
    return _Found(name, peeked[at], chain(peeked[at + 1 :], rows), sheet.merged)


def _header_among(rows: Sequence[Row], meant: Expected) -> int:
    """Which of the rows is the header: the first that names two known columns, else one, else what looks like one."""
    texts = [list(filter(None, map(_text, cells))) for _, cells in rows]
    known = [sum(map(meant, row)) for row in texts]
    for least in (2, 1):
        if found := [index for index, count in enumerate(known) if count >= least]:
            return found[0]
    likely = [index for index, row in enumerate(texts) if sum(1 for text in row if likely_column(text)) > 1]
    return next(chain(likely, (index for index, row in enumerate(texts) if len(row) > 1)), 0)
