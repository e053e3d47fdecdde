"""The `--results` file: one line per desired profile or deletion, CSV or JSON Lines by its suffix."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from bulkprof.errors import StateError, UsageError
from bulkprof.model import Outcome
from bulkprof.plugins.results import RESULT_COLUMNS, outcome_cells, outcome_json

SUFFIXES = (".csv", ".jsonl")


def check_path(path: Path) -> None:
    """Find out before a run whether its results can be written. Raises `UsageError`."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--results {path}: must end in .csv or .jsonl")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--results {path}: there is no folder {path.absolute().parent}")
    if path.is_dir():
        raise UsageError(f"--results {path}: is a folder")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise UsageError(f"--results {path}: can't be written")


def write_results(path: Path, outcomes: Iterable[Outcome]) -> None:
    """Write the file whole or not at all: an earlier one stays until the new one is complete."""
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=path.absolute().parent, prefix=f".{path.name}.", delete=False
        ) as file:
            try:
                _write(file, path.suffix.lower(), outcomes)
            except BaseException:
                Path(file.name).unlink()
                raise
        # Temporary files are private; results get the mode that any new file would get.
        umask = os.umask(0)
        os.umask(umask)
        Path(file.name).chmod(0o666 & ~umask)
        Path(file.name).replace(path)
    except OSError as error:
        raise StateError(
            f"{path}: results can't be written: {error.strerror}; "
            "`bulkprof report RUN --results FILE` writes them again"
        ) from None


def _write(file: IO[str], suffix: str, outcomes: Iterable[Outcome]) -> None:
    if suffix == ".csv":
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(RESULT_COLUMNS)
        writer.writerows(map(outcome_cells, outcomes))
    else:
        file.writelines(map(outcome_json, outcomes))
