"""How a CSV file begins: what stands above its header, its delimiter, and whether its first line can be a header.

What can't be a header is told once, for the file: taken for one, it would make a problem of every row below it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from bulkprof.limits import Fault
from bulkprof.model import Problem
from bulkprof.text.looks import folded, visible

DELIMITERS = (",", ";", "\t")
BOM = "\ufeff"
Expected = Callable[[str], bool]
"""Whether a name is that of a column that is looked for in the file."""

_PEEKED = 20
"""Lines that are looked at below the first one."""
_ROWS = 3
"""Rows among them that have to be wider than the first line before it is doubted."""
_SEP = re.compile(r"[\s\"']*sep\s*=(.*)", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(r"\s*<(?:!|\?xml|(?:html|head|body|title|meta|script|table|svg|div|error)\b)", re.IGNORECASE)
_JSON = re.compile(r"\s*(?:\[\s*)?\{\s*(?:\"|$)|\s*\[\s*$")
_SEP_CELLS = frozenset({"sep=", "sep=;", "sep=,"})
_VALUE = re.compile(r"[0-9]{12}|arn:aws[\w-]*:.*")
"""What is a value wherever it stands: an account's id, an ARN."""
_TOP = "begin the file with the line that names the columns"


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a file begins."""

    skipped: int
    """Lines above the header: blank ones, and a `sep=` line."""
    head: str
    """The header's first line; empty where the file has none."""
    delimiter: str
    fault: Fault | None
    """Why this file can't be read at all."""

    @property
    def line(self) -> int:
        """The number of the header's first line."""
        return self.skipped + 1

    def fault_at(self, label: str) -> Problem | None:
        """The fault as a problem of the file `label`."""
        return Problem(self.fault.reason, label, self.line, remedy=self.fault.remedy) if self.fault else None


def beginning(feed: Iterator[str], expected: Expected) -> Beginning:
    """Find out how the file begins that has the lines `feed`."""
    skipped, head = _first_line(feed)
    delimiter, fault = "", None
    if declared := _SEP.fullmatch(head):
        delimiter, fault = _declared(declared[1])
        if fault is None:
            more, head = _first_line(feed)
            skipped += 1 + more
    delimiter = delimiter or likely_delimiter(head, expected)
    if fault is None and head:
        fault = _Doubts(head, list(islice(feed, _PEEKED)), skipped + 1, delimiter, expected).fault()
    return Beginning(skipped, head, delimiter, fault)


def _first_line(feed: Iterator[str]) -> tuple[int, str]:
    """Count the blank lines at the start, and return the line after them, without byte order marks."""
    skipped = 0
    for line in feed:
        bare = line.lstrip(BOM)
        if bare.strip():
            return skipped, bare
        skipped += 1
    return skipped, ""


def _declared(rest: str) -> tuple[str, Fault | None]:
    """The delimiter of a `sep=;` line, which Excel writes and reads above the header; quoted and padded, too.

    Empty where the line names none.
    """
    named = rest.strip("\"' \r\n" + BOM)
    named = "\t" if named.startswith(r"\t") else named[:1]
    if not named or named in DELIMITERS:
        return named, None
    why = "| separates the values of one cell" if named == "|" else "nothing else"
    remedy = f"save it with one of those, and without the line sep={named}; {why}"
    return "", Fault(f"columns are separated by comma, semicolon or tab, not by '{visible(named)}'", remedy)


def likely_delimiter(head: str, expected: Expected) -> str:
    """The delimiter that makes most sense of a header: by expected columns first, by the number of columns then."""

    def sense(delimiter: str) -> tuple[int, int]:
        cells = cells_of(head, delimiter)
        return sum(map(expected, cells)), len(cells)

    return max(DELIMITERS, key=sense)


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of a line taken for itself; none where they can't be told."""
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


class _Doubts:
    """Reasons why the first line of a file is no header."""

    def __init__(self, head: str, below: Sequence[str], line: int, delimiter: str, expected: Expected) -> None:
        self._head = head
        self._below = below
        self._line = line
        self._expected = expected
        try:
            rows = csv.reader([head, *below], delimiter=delimiter, skipinitialspace=True)
            self._names, *rest = islice(rows, 2 * _ROWS)
        except (csv.Error, ValueError):
            self._names, rest = [], []
        self._rows = [row for row in rest if _width(row)][:_ROWS]
        self._is_known = any(map(expected, self._names))

    def fault(self) -> Fault | None:
        """The first reason there is."""
        if _MARKUP.match(self._head):
            return Fault("the file is HTML or XML, not CSV", "was it saved from a page that asks to sign in?")
        if _JSON.fullmatch(self._head.rstrip()) or (self._head.lstrip().startswith(("{", "[{")) and not self._is_known):
            return Fault("the file looks like JSON, not CSV", "name it .json, or .jsonl for an object a line")
        if self._head.lstrip(' "').lower().startswith("#type "):
            return self._no_header("PowerShell wrote it", "export with -NoTypeInformation, or remove the line")
        if self._is_known and _filled(self._names) > 1:
            return None
        return self._by_its_cells() or self._by_what_follows()

    def _by_its_cells(self) -> Fault | None:
        if self._is_known:
            return None
        if any(map(self._expected, self._head.split("|"))):
            remedy = "save it with one of those; | separates the values of one cell"
            return Fault("columns are separated by comma, semicolon or tab, not by '|'", remedy)
        value = next((name for name in self._names if _VALUE.fullmatch(name.strip())), "")
        return self._no_header(f"'{visible(value)}' is a value", _TOP) if value else None

    def _by_what_follows(self) -> Fault | None:
        """A title or a comment: the lines below it are wider, or name columns where it names none."""
        header = self._header_below()
        remedy = f"remove what stands above line {header}, which looks like the header" if header else _TOP
        width = _width(self._names)
        if self._rows and min(map(_width, self._rows)) > width:
            cells = f"{width} cell{'s' * (width != 1)}"
            return self._no_header(f"it has {cells}, and the lines below it have more", remedy)
        return self._no_header("it names no column that is known", remedy) if header else None

    def _header_below(self) -> int:
        """The number of the line below that names two columns or more that are looked for; 0 where none does."""
        if self._is_known:
            return 0
        least = 1 if self._head.lstrip().startswith("#") else 2
        for number, line in enumerate(self._below, self._line + 1):
            if sum(map(self._expected, cells_of(line, likely_delimiter(line, self._expected)))) >= least:
                return number
        return 0

    def _no_header(self, why: str, remedy: str) -> Fault:
        return Fault(f"the first line can't be the header: {why}", remedy)


def _width(cells: Sequence[str]) -> int:
    """How many cells there are, without blank ones at the end."""
    return next((number for number in range(len(cells), 0, -1) if cells[number - 1].strip()), 0)


def _filled(cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if cell.strip())


class RepeatedHeader:
    """Finds a header that stands among the rows, as files have that were put one behind the other."""

    def __init__(self, header: Sequence[str]) -> None:
        self._names = list(map(_bare, header))
        self.heads = frozenset({*self._names, *map(str.lower, header), *_SEP_CELLS}) - {""}
        """First cells, in lower case, of rows to look at: one look at a row sorts nearly all others out."""
        self.unseen = frozenset({BOM, "\u200b", '"'})
        """What such a cell may begin with besides."""

    def fault(self, cells: Sequence[str]) -> Fault | None:
        """What is wrong with a row that is the header, in any order, or the `sep=` line above it; None for others."""
        found = _bare(cells[0])
        if found not in self.heads:
            return None
        names = [found, *map(_bare, cells[1:])]
        if names == self._names:
            return Fault("the header again", "remove the line: a file has one header, and no other rows above it")
        if sorted(names) == sorted(self._names):
            remedy = "don't join the files: bulkprof takes several"
            return Fault("the header again, with its columns in another order", remedy)
        same = sum(1 for name, own in zip(names, self._names, strict=False) if name and name == own)
        if same > 1 and 2 * same >= _filled(names):
            return Fault("a header of other columns", "don't join the files: bulkprof takes several")
        if found in _SEP_CELLS and not any(names[1:]):
            return Fault("a sep= line among the rows", "it may stand above the header only; remove it")
        return None


def _bare(cell: str) -> str:
    """A header's cell as it is compared. Behind a byte order mark, the csv module takes quotes for letters."""
    return folded(cell.strip(f'{BOM} "'))
