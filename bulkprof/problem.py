"""What is wrong with a manifest or a plan, as it is told. `bulkprof.model` has it, too, beside the other words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bulkprof.text.printable import printable


class Severity(StrEnum):
    """Whether a problem makes its row unusable."""

    ERROR = "error"
    WARNING = "warning"


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

    @property
    def is_error(self) -> bool:
        """True when the row or plan can't be used as it is."""
        return self.severity is Severity.ERROR

    @property
    def place(self) -> tuple[str, int, str, str]:
        """File, line, column and value: what the problem is about."""
        return self.file, self.line, self.column, self.value

    @property
    def spot(self) -> tuple[str, str]:
        """The beginning of its place that all rows of its file share, and the rest: `m.csv:` and `7`."""
        if self.cell:
            return f"{self.file}!", self.cell
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
