"""What every bench answers: lines of one table, and the machine they were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was measured. `other` is what ours is held against: another program, or a limit."""

    what: str
    ours: float
    unit: str
    other: float | None = None
    other_is: str = ""
    digits: int = 0

    @property
    def ratio(self) -> float | None:
        """Ours by the other."""
        return self.ours / self.other if self.other else None

    def cells(self) -> tuple[str, str, str, str]:
        """The line as the table shows it."""
        other = "" if self.other is None else f"{self._number(self.other)} {self.other_is}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return self.what, f"{self._number(self.ours)} {self.unit}", other, ratio

    def as_json(self) -> dict[str, Any]:
        """The line for comparing later."""
        return {**asdict(self), "ratio": self.ratio}

    def _number(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"


def machine() -> str:
    """The machine in one line."""
    model = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        named = [line.partition(":")[2].strip() for line in cpus.read_text().splitlines() if "model name" in line]
        model = named[0] if named else model
    cores = f"{os.cpu_count()} core{'s' * (os.cpu_count() != 1)}"
    return f"{model}, {cores}, {platform.python_implementation()} {platform.python_version()}, {platform.system()}"


def shown(titles: Iterable[str], lines: Iterable[Line]) -> Iterator[str]:
    """The table, line by line."""
    rows = [tuple(titles), *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for number, row in enumerate(rows):
        what, *values = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join([what, *values]).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)
