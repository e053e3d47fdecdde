"""Rows in manifest form, written as CSV or JSON Lines: what `export` and `--failed` leave behind."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from bulkprof.model import Target
from bulkprof.system.files import write_whole
from bulkprof.system.temporary import on_temporary_disk
from bulkprof.text.printable import json_text, spreadsheet_cells

COLUMNS = ("name", "model", "description", "account", "region")
"""The columns that every manifest written here has, before the tags."""


def write_manifest(path: Path, rows: Callable[[], Iterable[Mapping[str, Any]]], *, safe: bool = False) -> None:
    """Write what `rows` returns to a .csv or .jsonl file; it is called twice for CSV. Raises `StateError`. Blocks.

    `safe` makes cells of CSV ones that no spreadsheet runs. A manifest is read again, and those aren't what they were.
    """
    write = partial(write_csv, safe=safe) if path.suffix.lower() == ".csv" else write_json_lines
    write_whole(path, lambda file: write(file, rows))


def write_csv(file: IO[str], rows: Callable[[], Iterable[Mapping[str, Any]]], *, safe: bool = False) -> None:
    """Write a header of all columns that any row has, then the rows: read twice rather than held."""
    shown: Callable[[list[str]], list[str]] = spreadsheet_cells if safe else list
    columns = dict.fromkeys(COLUMNS)
    for row in rows():
        columns.update(dict.fromkeys(row))
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(shown(list(columns)))
    writer.writerows(shown([row.get(column, "") for column in columns]) for row in rows())


def write_json_lines(file: IO[str], rows: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
    """Write an object a line."""
    file.writelines(json_text(row) + "\n" for row in rows())


class Spool:
    """Rows that come in target by target, in any order, and are read in the targets' order: on disk, not in memory.

    Use it as a context manager. Everything blocks.
    """

    def __init__(self) -> None:
        with on_temporary_disk():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the block ends
        self._places: dict[Target, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What couldn't be written can't be written now either.
        with suppress(OSError):
            self._file.close()

    def add(self, target: Target, rows: Sequence[Mapping[str, str]]) -> None:
        """Take all rows of a target."""
        self._places[target] = (self._file.tell(), len(rows))
        with on_temporary_disk():
            self._file.writelines(json.dumps(row).encode() + b"\n" for row in rows)
            self._file.flush()

    def rows(self, columns: Sequence[str] = ()) -> Iterator[dict[str, str]]:
        """All rows, target by target, each with these further columns, which are empty."""
        for _, (start, count) in sorted(self._places.items()):
            self._file.seek(start)
            for _ in range(count):
                yield json.loads(self._file.readline()) | dict.fromkeys(columns, "")
