"""The `--results` file: one line per desired profile or deletion, CSV or JSON Lines by its suffix."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import IO

from bulkprof.model import Outcome
from bulkprof.plugins.results import RESULT_COLUMNS, outcome_cells, outcome_json
from bulkprof.system.files import write_whole


def write_results(path: Path, outcomes: Iterable[Outcome], *, raw: bool = False) -> None:
    """Write the file whole or not at all; `raw` leaves CSV cells as they are. Raises `StateError`."""
    write = partial(_write_csv, raw=raw) if path.suffix.lower() == ".csv" else _write_json_lines
    write_whole(path, partial(write, outcomes))


def _write_csv(outcomes: Iterable[Outcome], file: IO[str], *, raw: bool) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(RESULT_COLUMNS)
    writer.writerows(map(partial(outcome_cells, raw=raw), outcomes))


def _write_json_lines(outcomes: Iterable[Outcome], file: IO[str]) -> None:
    file.writelines(map(outcome_json, outcomes))
