"""How long a user waits for the first sign of life, and how fast rows are checked once it runs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from tests.bench import manifests
from tests.bench.process import BULKPROF, Usage, environment, measured
from tests.bench.table import Line

ROUNDS = 5
ROWS = 100_000
ROWS_PER_S = 50_000


def bench() -> Iterator[Line]:
    """Medians of wall times, against a Python that does nothing; then `validate` against its goal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifests.write(folder, 5, targets=5)
        nothing = _wall([sys.executable, "-c", "pass"], folder)
        other = "ms, python -c pass"
        yield Line("bulkprof --help", _wall([*BULKPROF, "--help"], folder), "ms", nothing, other)
        small = _wall([*BULKPROF, "validate", "many.csv"], folder)
        yield Line("bulkprof validate, 5 rows", small, "ms", nothing, other)
        manifests.write(folder, ROWS, targets=400)
        best = min((_usage([*BULKPROF, "validate", "many.csv"], folder) for _ in range(3)), key=lambda u: u.wall_s)
        goal = "rows/s, goal"
        yield Line(f"validate, {ROWS:,} rows", ROWS / best.wall_s, "rows/s", ROWS_PER_S, goal)
        alone = best.wall_s - small / 1000
        yield Line(f"validate, {ROWS:,} rows, without start-up", ROWS / alone, "rows/s", ROWS_PER_S, goal)


def _wall(command: Sequence[str], folder: Path) -> float:
    """Milliseconds, once everything is compiled and in the page cache."""
    _usage(command, folder)
    return 1000 * median(_usage(command, folder).wall_s for _ in range(ROUNDS))


def _usage(command: Sequence[str], folder: Path) -> Usage:
    return measured(command, folder, environment())
