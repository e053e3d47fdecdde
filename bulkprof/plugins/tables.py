"""Reads CSV files of plugins as manifests are read: encoding, delimiter, `sep=` line, quotes, problems by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bulkprof.model import Problem, RawRow
from bulkprof.tables.csv_table import Table, unique
from bulkprof.tables.encoding import WHOLE
from bulkprof.text.looks import folded, seen, visible


def read_table(path: Path, columns: Sequence[str], *, label: str = "") -> Iterator[RawRow | Problem]:
    """Yield the rows of a CSV file with a header, and a problem in the place of each row that can't be read.

    A row's cells are stripped, by the names in `columns`, which the file must have; others are left out. `label` is the
    file's name in problems, by default its path. Raises `OSError`.
    """
    label = label or str(path)
    wanted = frozenset(map(folded, columns))
    with path.open("rb") as file:
        table = Table(file, label, WHOLE, lambda name: folded(name) in wanted)
        if table.problems:
            yield from table.problems
            return
        found, problems = _find(columns, table.header)
        if problems:
            line = table.line if table.header else 1
            yield from (Problem(problem, label, line) for problem in problems)
            return
        names = unique(table.header)
        picked = [(column, names[index]) for column, index in found.items()]
        for row in table.rows(names):
            if isinstance(row, RawRow):
                yield RawRow(row.line, {column: row.cells[name].strip() for column, name in picked})
            else:
                yield row


def _find(columns: Sequence[str], header: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """Return the index of each column, ignoring case if none matches exactly, and the problems of the header."""
    found: dict[str, int] = {}
    absent: list[str] = []
    problems: list[str] = []
    for column in dict.fromkeys(columns):
        same = [index for index, name in enumerate(header) if seen(name) == seen(column)]
        same = same or [index for index, name in enumerate(header) if folded(name) == folded(column)]
        if len(same) > 1:
            written = ", ".join(visible(header[index]) for index in same)
            problems.append(f"{len(same)} columns are called {column!r}: {written}")
        elif same:
            found[column] = same[0]
        else:
            absent.append(column)
    if absent:
        has = ", ".join(map(visible, header)) or "nothing"
        problems.insert(0, f"has no column {', '.join(map(repr, absent))} (it has {has})")
    return found, problems
