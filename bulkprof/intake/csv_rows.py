"""CSV manifests: one pass over the file, a few hundred kilobytes in memory, a problem for each row that can't be read.

The csv module is fed line by line, so that the physical line where a row begins is known, and it runs strictly:
a stray quote shows as an error at once, or at the latest when a cell grows over the module's limit of 131,072
characters, instead of swallowing the rest of the file.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from bulkprof.intake.columns import KNOWN, TAG_PREFIX, ColumnFault, understand
from bulkprof.intake.encoding import WHOLE, Block, Span, read_blocks, split_lines
from bulkprof.model import Problem
from bulkprof.plugins.api import RawRow, Source
from bulkprof.quick import quick

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = (",", ";", "\t")
_raw_row = quick(RawRow)


@dataclass(frozen=True, slots=True)
class HeaderProblem(Problem):
    """A problem of the header. The rows below are still checked, but none of them can be used."""


class _Lines:
    """The file's lines as the csv module wants them; bad ones are kept aside for the row that they are part of."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self.bad: dict[int, Problem] = {}
        self.cut_short: Problem | None = None

    def by_block(self) -> Iterator[list[str]]:
        """The lines, some thousand at a time."""
        for block in self._blocks:
            if not block.complete:
                (self.cut_short,) = block.bad.values()
                return
            self.bad.update(block.bad)
            yield block.lines

    def bad_between(self, first: int, last: int) -> list[Problem]:
        """Take out what is wrong with the lines from `first` to `last`."""
        return [self.bad.pop(line) for line in sorted(self.bad) if first <= line <= last]


def parse_csv(source: Source, span: Span = WHOLE) -> Iterator[RawRow | Problem]:
    """Yield the rows of a CSV file, and a problem in the place of each that can't be read.

    A `span` that doesn't start with the file is understood by the file's header; what is wrong with that comes first.
    """
    with source.path.open("rb") as file:
        lines = _Lines(read_blocks(file, source.label, WHOLE if span.start else span))
        later = _Lines(read_blocks(file, source.label, span)) if span.start else None
        feed = chain.from_iterable(lines.by_block())
        skipped, head, delimiter = _beginning(feed)
        table = _Table(source.label, lines, skipped, delimiter)
        yield from table.header(head, feed)
        yield from table.rows(later, span.line)
        if cut_short := (later or lines).cut_short:
            yield cut_short


def delimiter_of(beginning: str) -> str:
    """The delimiter of a file that begins like this."""
    return _beginning(iter(split_lines(beginning)))[2]


def is_table(text: str, delimiter: str) -> bool:
    """Whether `text`, which begins with a row, is whole rows: it ends with the end of one."""
    try:
        deque(_reader(split_lines(text), delimiter), maxlen=0)
    except csv.Error:
        return False
    return True


def _reader(lines: Iterable[str], delimiter: str) -> Reader:
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _beginning(feed: Iterator[str]) -> tuple[int, str, str]:
    """The number of lines before the header, the header's first line, and the delimiter."""
    skipped, head = _first_line(feed)
    delimiter = _declared_delimiter(head)
    if delimiter:
        more, head = _first_line(feed)
        skipped += 1 + more
    return skipped, head, delimiter or _likely_delimiter(head)


def _first_line(feed: Iterator[str]) -> tuple[int, str]:
    """Count the blank lines at the start, and answer the line after them."""
    skipped = 0
    for line in feed:
        if line.strip():
            return skipped, line
        skipped += 1
    return skipped, ""


def _declared_delimiter(line: str) -> str:
    """The delimiter of a `sep=;` line, which Excel writes and reads above the header."""
    text = line.rstrip("\n")
    return text[4:] if text[:4].lower() == "sep=" and text[4:] in DELIMITERS else ""


def _likely_delimiter(head: str) -> str:
    """The delimiter that makes most sense of the header: by known columns first, by the number of columns then."""

    def sense(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([head], delimiter=delimiter, skipinitialspace=True))
        names = [cell.strip().lower() for cell in cells]
        return sum(name in KNOWN or name.startswith(TAG_PREFIX) for name in names), len(cells)

    try:
        return max(DELIMITERS, key=sense)
    except csv.Error:
        return DELIMITERS[0]


class _Table:
    """The state of one file while its rows are read."""

    def __init__(self, label: str, lines: _Lines, skipped: int, delimiter: str) -> None:
        self._label = label
        self._lines = lines
        self._skipped = skipped
        self._delimiter = delimiter
        self._names: list[str] = []
        self._rest = _reader((), delimiter)
        """The rows below the header; none where the header can't be read."""

    def header(self, head: str, feed: Iterator[str]) -> Iterator[Problem]:
        """Understand the header that begins with the line `head`, and yield what is wrong with it."""
        if not head:
            yield from self._lines.bad_between(0, self._skipped)
            return
        reader = _reader(chain([head], feed), self._delimiter)
        try:
            header = next(reader)
        except csv.Error as error:
            yield self._broken(error, self._skipped + 1, self._skipped + reader.line_num)
            return
        bad = self._lines.bad_between(0, self._skipped + reader.line_num)
        if bad:
            yield from bad
            return
        yield from self._understand(header)
        self._rest = reader

    def rows(self, later: _Lines | None, line: int) -> Iterator[RawRow | Problem]:
        """Yield what stands below the header, or in `later` lines, which begin with the number `line`."""
        reader = self._rest
        if later is not None and reader.line_num:
            self._lines, self._skipped = later, line - 1
            reader = _reader(chain.from_iterable(later.by_block()), self._delimiter)
        # Without a column, no row is as wide as the header.
        names, width = self._names, len(self._names) or None
        bad_lines = self._lines.bad
        first = self._skipped + reader.line_num + 1
        ended = False
        while not ended:
            try:
                for cells in reader:
                    first, begin = self._skipped + reader.line_num + 1, first
                    if bad_lines and (problems := self._lines.bad_between(begin, first - 1)):
                        yield from problems
                    elif len(cells) == width and (cells[0].strip() or "".join(cells).strip()):
                        yield _raw_row(begin, dict(zip(names, cells)))  # noqa: B905 - just compared
                    elif (item := self._odd_row(cells, begin)) is not None:
                        yield item
                ended = True
            except csv.Error as error:
                # The module starts afresh with the next line, and so do we.
                last = self._skipped + reader.line_num
                yield from self._lines.bad_between(first, last)
                yield self._broken(error, first, last)
                first = last + 1

    def _understand(self, header: list[str]) -> Iterator[HeaderProblem]:
        """Name the columns, as they should be named where a name is misspelt, so that their cells are checked too."""
        names = [cell.strip() for cell in header]
        while names and not names[-1]:
            names.pop()  # spreadsheets export empty columns at the right
        columns = understand(names, tag_object=False)
        taken = {name.lower() for name in names}
        for fault in columns.faults:
            if fault.likely and fault.likely.lower() not in taken:
                names[names.index(fault.column)] = fault.likely
            yield _header_problem(self._label, self._skipped + 1, fault)
        self._names = _unique(names)

    def _odd_row(self, cells: Sequence[str], line: int) -> RawRow | Problem | None:
        """A row that isn't as wide as the header, or that is blank; blank cells beyond the header don't count."""
        width = len(self._names)
        if not "".join(cells).strip():
            return None
        if len(cells) > width and not "".join(cells[width:]).strip():
            return RawRow(line, dict(zip(self._names, cells[:width], strict=True)))
        few = len(cells) < width
        remedy = (
            f"the header has {width}; empty cells need their delimiter too"
            if few
            else f"the header has {width}; put a cell that holds {self._delimiter!r} in double quotes"
        )
        count = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
        return Problem(f"the row has too {'few' if few else 'many'} cells: {count}", self._label, line, remedy=remedy)

    def _broken(self, error: csv.Error, first: int, last: int) -> Problem:
        """The csv module's error in words that help; `first` and `last` are the lines that it read as one row."""
        text = str(error)
        reach = f"; lines {first} to {last} were read as one row" if last > first else ""
        if "unexpected end" in text:
            message = f"a double quote opened in this row is never closed{reach}"
        elif "field larger" in text:
            message = f"a cell is longer than {csv.field_size_limit():,} characters{reach}"
        elif "expected after" in text:
            message = f"a quoted cell goes on after its closing quote{reach}"
        else:
            message = f"can't be read: {text}{reach}"
        remedy = 'close each quoted cell, and write a double quote inside one twice: "a ""b"" c"'
        return Problem(message, self._label, first, remedy=remedy)


def _unique(names: list[str]) -> list[str]:
    """The names with repeated ones told apart: they are reported, but no cell may hide another."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen or not name:
            names[index] = f"{name} (column {index + 1})"
        seen.add(name)
    return names


def _header_problem(label: str, line: int, fault: ColumnFault) -> HeaderProblem:
    return HeaderProblem(fault.fault.reason, label, line, column=fault.column, remedy=fault.fault.remedy)
