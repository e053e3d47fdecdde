"""The `--failed` file: the rows that didn't end in order, in manifest form again, to mend and apply."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from bulkprof.delivery.files import write_whole
from bulkprof.execution.runfile import DesiredRow, RunFile
from bulkprof.model import OutcomeKind

TO_MEND = (OutcomeKind.FAILED, OutcomeKind.UNKNOWN, OutcomeKind.SKIPPED)
COLUMNS = ("name", "model", "description", "account", "region")


def write_failed(path: Path, run: RunFile, ownership_tag: str) -> int:
    """Write the desired profiles that failed, are unknown or were skipped; answers how many. Blocks.

    Names and tags are what the rules made of the row, so that the file stands for itself. The ownership tag is left
    out: whoever applies the file sets it.
    """
    count = 0

    def rows() -> Iterator[dict[str, str]]:
        return (_cells(row, ownership_tag) for row in run.desired(TO_MEND))

    def counted() -> Iterator[dict[str, str]]:
        nonlocal count
        for row in rows():
            count += 1
            yield row

    if path.suffix.lower() == ".csv":
        # The header needs every row's columns before the first row is written: read twice rather than held.
        columns = dict.fromkeys(COLUMNS)
        for row in rows():
            columns.update(dict.fromkeys(row))
        write_whole(path, lambda file: _write_csv(file, list(columns), counted()))
    else:
        write_whole(path, lambda file: file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in counted()))
    return count


def _write_csv(file: IO[str], columns: list[str], rows: Iterable[dict[str, Any]]) -> None:
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _cells(row: DesiredRow, ownership_tag: str) -> dict[str, str]:
    cells = {
        "name": row.name,
        "model": row.model,
        "description": row.description or "",
        "account": row.target.account,
        "region": row.target.region,
    }
    cells |= {column: value for column, value in row.attributes.items() if column not in cells}
    return cells | {f"tag:{key}": value for key, value in row.tags.items() if key != ownership_tag}
