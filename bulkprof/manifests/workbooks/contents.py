"""What is in a sheet besides the values that the workbook libraries return, and what keeps a file from being read.

python-calamine returns nothing for a cell that holds an error or a formula without a result, as for an empty one: an
account that is `#REF!` would become the default account. It also makes room for every cell up to the last one, so that
a stray cell far below ends the process. So a sheet is looked through before it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bulkprof.limits import Fault
from bulkprof.manifests.flatten import BadValue
from bulkprof.manifests.workbooks.places import letters

MOST_CELLS = 5_000_000
"""Cells of a sheet, empty ones among the others included."""
MOST_BYTES = 1 << 28
"""Bytes of what is read of a workbook, unpacked."""
NOT_CALCULATED = Fault(
    "holds a formula whose result is not in the file",
    "open the workbook in a spreadsheet program and save it, or enter the value",
)
AGAIN = "open it in a spreadsheet program and save it again, or save the sheet as CSV"


class WorkbookError(Exception):
    """A workbook, or a sheet of it, can't be read: `args` are why, and what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy


@dataclass
class Contents:
    """What is in a sheet besides its values. Rows and columns are counted from 0."""

    rows: int = 0
    """Where the used part ends."""
    columns: int = 0
    cells: dict[int, dict[int, str | BadValue]] = field(default_factory=dict)
    """By row and column, the cells whose values the library doesn't return."""
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    """First row and column, last row and column of merged cells."""

    def reach(self, rows: int, columns: int) -> None:
        """Take note of a cell that is used. Raises `WorkbookError` where the sheet gets too large."""
        self.rows = max(self.rows, rows)
        self.columns = max(self.columns, columns)
        if self.rows * self.columns > MOST_CELLS:
            raise WorkbookError(
                f"the sheet reaches to {letters(self.columns - 1)}{self.rows}, which makes more than"
                f" {MOST_CELLS:,} cells",
                "delete what stands far below or beside the table, or save it as CSV, which may be of any size",
            )

    def put(self, row: int, column: int, value: str | BadValue) -> None:
        """Take note of a cell's value."""
        self.cells.setdefault(row, {})[column] = value


def damaged(why: object) -> WorkbookError:
    """Return the error about a file that breaks its own format."""
    return WorkbookError(f"the workbook is damaged: {why}", AGAIN)


def too_large(size: int, most: int = MOST_BYTES) -> WorkbookError:
    """Return the error about a file that takes more memory than a manifest may."""
    return WorkbookError(
        f"the workbook takes {size >> 20:,} MiB, and at most {most >> 20} MiB are read",
        "save the sheet as CSV, which may be of any size",
    )
