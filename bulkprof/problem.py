"""What is wrong with a manifest or a plan, as it is told. `bulkprof.model` has it, too, beside the other words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bulkprof.text.printable import printable


class Severity(StrEnum):
    """Whether a problem makes its row unusable."""

    ERROR = "error"
    WARNING = "warning"


Place = tuple[str, int, int, str, str]
"""What a problem is about: file, line, row, column and value."""


def place_of(file: str, line: int, row: int) -> str:
    """Return the place of a row for people: `teams.csv:7`, or `teams.json:1, row 3` where its line has several."""
    return f"{file}:{line}, row {row}" if row else f"{file}:{line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a cell, a row, a file or a plan; `str()` is the line that people read."""

    message: str
    file: str = ""
    line: int = 0
    """1-based; 0 where a whole file or plan is meant."""
    column: str = ""
    value: str = ""
    remedy: str = ""
    """What would be right, or what to do next."""
    severity: Severity = Severity.ERROR
    cell: str = ""
    """Its cell in a workbook's sheet: `C7`."""
    kind: str = ""
    """What rows share whose messages differ in a detail, such as a position: they are told together, by the first."""
    row: int = 0
    """Which of the rows that begin on its line, from 1 on; 0 where only one does, or none is meant."""

    @property
    def is_error(self) -> bool:
        """True when the row or plan can't be used as it is."""
        return self.severity is Severity.ERROR

    @property
    def place(self) -> Place:
        """File, line, row, column and value: what the problem is about."""
        return self.file, self.line, self.row, self.column, self.value

    @property
    def spot(self) -> tuple[str, str]:
        """The beginning of its place that all rows of its file share, and the rest: `m.csv:` and `7`.

        Where several rows begin on a line, what they share is the line: `m.json:1, row ` and `3`.
        """
        if self.cell:
            return f"{self.file}!", self.cell
        if self.row:
            return place_of(self.file, self.line, self.row).removesuffix(str(self.row)), str(self.row)
        return (f"{self.file}:", str(self.line)) if self.line else (self.file, "")

    def __str__(self) -> str:
        return self.told_at("".join(self.spot))

    def told_at(self, place: str) -> str:
        """Return its line with another `place`: several rows may have it."""
        shown = self.value if len(self.value) <= 80 else self.value[:77] + "..."
        cell = f"{self.column} {shown!r}" if self.value else self.column
        text = ": ".join(part for part in (place, cell, self.message) if part)
        text = f"{text}; {self.remedy}" if self.remedy else text
        return printable(text if self.is_error else f"warning: {text}")
