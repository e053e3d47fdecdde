"""CSV files: one pass over the file, a few hundred kilobytes in memory, a problem for each row that can't be read.

The csv module is fed line by line, so that the physical line where a row begins is known, and it runs strictly:
a stray quote shows as an error at once, or at the latest when a cell grows over the module's limit of 131,072
characters, instead of swallowing the rest of the file.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

from bulkprof.model import Problem, RawRow
from bulkprof.tables.dialect import BOM, Beginning, Expected, RepeatedHeader, beginning
from bulkprof.tables.encoding import WHOLE, Block, Span, read_blocks, split_lines

if TYPE_CHECKING:
    from _csv import Reader


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


def beginning_of(text: str, expected: Expected) -> Beginning:
    """How a file begins that begins with `text`."""
    return beginning(iter(split_lines(text)), expected)


def is_table(text: str, delimiter: str) -> bool:
    """Whether `text`, which begins with a row, is whole rows: it ends with the end of one."""
    try:
        deque(_reader(split_lines(text), delimiter), maxlen=0)
    except csv.Error:
        return False
    return True


def _reader(lines: Iterable[str], delimiter: str) -> Reader:
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


class Table:
    """One CSV file while it is read: its header first, then its rows.

    A `span` that doesn't start with the file is read by the file's header, whose problems come again.
    """

    def __init__(self, file: BinaryIO, label: str, span: Span, expected: Expected) -> None:
        """Read the header; `expected` says of a name whether the caller looks for such a column."""
        self._label = label
        first = _Lines(read_blocks(file, label))
        begin = beginning(chain.from_iterable(first.by_block()), expected)
        self._lines = _Lines(read_blocks(file, label, WHOLE if span.start else span))
        self._later = _Lines(read_blocks(file, label, span)) if span.start else None
        self._skipped = begin.skipped
        self._delimiter = begin.delimiter
        self._span = span
        self._rest = _reader((), begin.delimiter)
        """The rows below the header; none where the header can't be read."""
        self.header: list[str] = []
        """The header's cells, without empty ones at the end; none where `problems` say why, or the file is empty."""
        self.problems: list[Problem] = list(self._read_header(begin))

    @property
    def line(self) -> int:
        """The header's line."""
        return self._skipped + 1

    def _read_header(self, begin: Beginning) -> Iterator[Problem]:
        feed = chain.from_iterable(self._lines.by_block())
        deque(islice(feed, begin.skipped), maxlen=0)
        head = next(feed, "").lstrip(BOM)
        if not head:
            yield from self._lines.bad_between(0, self._skipped)
            if self._lines.cut_short:
                yield self._lines.cut_short
                self._lines.cut_short = None
            return
        reader = _reader(chain([head], feed), self._delimiter)
        try:
            header = [cell.strip() for cell in next(reader)]
        except csv.Error as error:
            yield begin.fault_at(self._label) or self._broken(error, self.line, self._skipped + reader.line_num)
            return
        bad = self._lines.bad_between(0, self._skipped + reader.line_num)
        if bad:
            yield from bad
            return
        if problem := begin.fault_at(self._label):
            yield problem
            return
        while header and not header[-1]:
            header.pop()  # spreadsheets export empty columns at the right
        self.header = header
        self._rest = reader

    def rows(self, names: Sequence[str]) -> Iterator[RawRow | Problem]:
        """Yield the rows, with `names` for the header's cells, and a problem in the place of each unreadable one."""
        reader = self._rest
        if self._later is not None:
            self._lines, self._skipped = self._later, self._span.line - 1
            rest = self._later.by_block() if reader.line_num else ()
            reader = _reader(chain.from_iterable(rest), self._delimiter)
        # Without a column, no row is as wide as the header.
        width = len(names) or None
        again = RepeatedHeader(self.header)
        heads, unseen = again.heads, again.unseen
        bad_lines = self._lines.bad
        first = self._skipped + reader.line_num + 1
        ended = False
        while not ended:
            try:
                for cells in reader:
                    first, begin = self._skipped + reader.line_num + 1, first
                    if bad_lines and (problems := self._lines.bad_between(begin, first - 1)):
                        yield from problems
                    elif len(cells) == width and ((cell := cells[0].strip()) or "".join(cells).strip()):
                        if (cell.lower() in heads or cell[:1] in unseen or not cell.isascii()) and (
                            fault := again.fault(cells)
                        ):
                            yield Problem(fault.reason, self._label, begin, remedy=fault.remedy)
                        else:
                            yield RawRow(begin, dict(zip(names, cells)))  # noqa: B905 - just compared
                    elif (item := self._odd_row(cells, names, again, begin)) is not None:
                        yield item
                ended = True
            except csv.Error as error:
                # The module starts afresh with the next line, and so do we.
                last = self._skipped + reader.line_num
                yield from self._lines.bad_between(first, last)
                yield self._broken(error, first, last)
                first = last + 1
        if self._lines.cut_short:
            yield self._lines.cut_short

    def _odd_row(
        self, cells: Sequence[str], names: Sequence[str], again: RepeatedHeader, line: int
    ) -> RawRow | Problem | None:
        """A row that isn't as wide as the header, or that is blank; blank cells beyond the header don't count."""
        width = len(names)
        if not "".join(cells).strip():
            return None
        if len(cells) > width and not "".join(cells[width:]).strip():
            if width and (fault := again.fault(cells[:width])):
                return Problem(fault.reason, self._label, line, remedy=fault.remedy)
            return RawRow(line, dict(zip(names, cells[:width], strict=True)))
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


def unique(names: Sequence[str]) -> list[str]:
    """The names with repeated and empty ones told apart: they are reported, but no cell may hide another."""
    told = dict.fromkeys(names[:0])
    for index, name in enumerate(names):
        told[name if name and name not in told else f"{name} (column {index + 1})"] = None
    return list(told)
