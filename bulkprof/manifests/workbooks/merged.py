"""Merged cells: a value that people see beside several rows is held by the first of them alone."""

from __future__ import annotations

from collections.abc import Sequence

from bulkprof.limits import Fault
from bulkprof.manifests.flatten import BadValue

_ACROSS = Fault("is merged with the cell beside it", "unmerge them, and enter what each of them says")


class Merged:
    """The merged cells below a header. Rows are filled in their order."""

    def __init__(self, merged: Sequence[tuple[int, int, int, int]], first: int) -> None:
        """`merged` are first row and column, last row and column; those that begin above row `first` don't count."""
        self._starting: dict[int, list[tuple[int, int, bool]]] = {}
        for top, left, bottom, right in merged:
            if top >= first:
                self._starting.setdefault(top, []).append((left, bottom, right > left))
        self._open: dict[int, tuple[int, str | BadValue]] = {}
        """By column, the last row of the cell that reaches down there, and its value."""

    def filled(self, index: int, cells: list[str | BadValue]) -> list[str | BadValue]:
        """Return the cells of a row as people see them."""
        for column, bottom, across in self._starting.get(index, ()):
            value = cells[column] if column < len(cells) else ""
            if across and value:
                value = cells[column] = value if isinstance(value, BadValue) else BadValue(value, _ACROSS)
            self._open[column] = bottom, value
        for column, (bottom, value) in list(self._open.items()):
            if bottom < index:
                del self._open[column]
            else:
                cells.extend([""] * (column + 1 - len(cells)))
                cells[column] = value
        return cells
