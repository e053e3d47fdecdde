"""What plugins cleaned, remembered until it is taken.

Two values that became one are told, in whatever rows they are: all are gathered,
and compared when all rows are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bulkprof.model import Request
from bulkprof.text.cleaning import Cleaned

_REMEMBERED = 16_384
_NAMES = 1_000
NAME = "name"


class Cleaning(NamedTuple):
    """A value as it was given in a row, and what it became."""

    column: str
    """`name`, or `tag:KEY`."""
    value: str
    given: str
    file: str
    line: int
    row: int


class Cleanings:
    """The values of rows that plugins cleaned: names of each row, values of tags once each, as far as remembered."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self._row: tuple[str, int, int] = "", 0, 0
        self._names: set[str] = set()
        """Those of the row that were noted last."""
        self._new: list[Cleaning] = []

    def note_name(self, name: str, request: Request) -> None:
        """Note a profile's name, if it was made of something else."""
        if not isinstance(name, Cleaned):
            return
        row = request.file, request.line, request.row
        if self._row != row:
            self._row = row
            self._names.clear()
        # A row may have it once for each of its targets. One that has as many of its own is told with fewer words.
        if name not in self._names and len(self._names) < _NAMES:
            self._names.add(name)
            self._new.append(Cleaning(NAME, str(name), name.given, *self._row))

    def note_tags(self, tags: Iterable[tuple[str, str]], request: Request) -> None:
        """Note the values of tags that were cleaned, changed by that or not."""
        for key, value in tags:
            if isinstance(value, Cleaned) and (key, value.given) not in self._seen:
                if len(self._seen) >= _REMEMBERED:
                    self._seen.clear()
                self._seen.add((key, value.given))
                row = request.file, request.line, request.row
                self._new.append(Cleaning(f"tag:{key}", str(value), value.given, *row))

    def take(self) -> Sequence[Cleaning]:
        """Return what was noted since the last call."""
        new, self._new = self._new, []
        return new
