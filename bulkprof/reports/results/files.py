"""Results as CSV, as JSON Lines or as a workbook, by the file's suffix."""

from __future__ import annotations

import csv
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from bulkprof.errors import UsageError
from bulkprof.reports.results.columns import Results
from bulkprof.store.run import RunFile
from bulkprof.system.files import SUFFIXES, check_path, write_whole, write_whole_bytes

WORKBOOK = ".xlsx"


def check_results(path: Path) -> None:
    """Find out before a run whether its results can be written to `path`. Raises `UsageError`."""
    check_path("--results", path, (*SUFFIXES, WORKBOOK))
    if path.suffix.lower() == WORKBOOK and find_spec("xlsxwriter") is None:
        raise UsageError(f"--results {path}: workbooks need XlsxWriter: pip install 'bulkprof[excel]', or write .csv")


def require_sheets(run: RunFile, *, asked: bool) -> None:
    """Raise `UsageError` where the manifests' columns are asked for, and the run doesn't keep them."""
    details = run.details()
    if asked and not details.results_columns:
        raise UsageError(
            f"--results-columns: run {details.id} doesn't keep its manifests' columns, since it was planned without "
            "the flag; leave it out here, or give it when you plan or apply the manifests"
        )


def write_results(path: Path, run: RunFile, *, raw: bool = False) -> None:
    """Write the file whole or not at all; `raw` leaves CSV cells as they are. Blocks. Raises `StateError`."""
    results, suffix = Results(run), path.suffix.lower()
    if suffix == WORKBOOK:
        from bulkprof.reports.results.workbook import write_workbook

        write_whole_bytes(path, partial(write_workbook, path, results))
    else:
        write = partial(_write_csv, raw=raw) if suffix == ".csv" else _write_json_lines
        write_whole(path, partial(write, results))


def _write_csv(results: Results, file: IO[str], *, raw: bool) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(results.header(raw=raw))
    writer.writerows(results.cells(raw=raw))


def _write_json_lines(results: Results, file: IO[str]) -> None:
    file.writelines(results.json_lines())
