"""Peak memory: of `validate` by rows, of `apply` by rows and by targets in flight."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench import manifests
from tests.bench.process import BULKPROF, Usage, environment, measured
from tests.bench.rates import warm
from tests.bench.server import serving
from tests.bench.table import Line

VALIDATE_MB = 150
APPLY_MB = 250
TARGETS = 400


def bench(*, long: bool = False) -> Iterator[Line]:
    """Each in a fresh process. `long` goes up to the sizes of the goals: 2,000,000 and 200,000 rows."""
    few = _validate(40_000)
    for rows in (200_000, 2_000_000) if long else (200_000,):
        many = _validate(rows)
        yield Line(f"validate, {rows:,} rows, peak memory", many.peak_mb, "MB", VALIDATE_MB, "MB, goal")
        yield Line(f"validate, {rows:,} rows, memory", many.peak_mb, "MB", few.peak_mb, "MB, with 40,000 rows")
    one_row = _validate_one_row()
    yield Line("validate, one row of 200,000 profiles, memory", one_row.peak_mb, "MB", VALIDATE_MB, "MB, goal")
    rows = 200_000 if long else 20_000
    wide = _apply(rows, in_flight=50)
    yield Line(f"apply, {rows:,} rows, {TARGETS} targets, peak memory", wide.peak_mb, "MB", APPLY_MB, "MB, goal")
    fewer = _apply(rows // 4, in_flight=50)
    yield Line(f"apply, {rows:,} rows, memory", wide.peak_mb, "MB", fewer.peak_mb, f"MB, with {rows // 4:,} rows")
    narrow = _apply(rows // 4, in_flight=10)
    yield Line("apply, 50 targets in flight, memory", fewer.peak_mb, "MB", narrow.peak_mb, "MB, 10 in flight")


def _validate(rows: int) -> Usage:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifests.write(folder, rows, targets=TARGETS)
        return measured([*BULKPROF, "validate", "many.csv"], folder, environment())


def _validate_one_row() -> Usage:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bulkprof.toml").write_text('[plugins.naming]\ntemplate = "p-{model}"\n')
        models, accounts, regions = (
            "|".join(f"vendor.model-{number}-v1" for number in range(20)),
            "|".join(str(111122220000 + number) for number in range(1000)),
            "|".join(
                f"{area}-{number}"
                for area in ("us-east", "us-west", "eu-west", "ap-south", "sa-east")
                for number in (1, 2)
            ),
        )
        (folder / "one.csv").write_text(f"model,account,region\n{models},{accounts},{regions}\n")
        return measured([*BULKPROF, "validate", "one.csv"], folder, environment())


def _apply(rows: int, *, in_flight: int) -> Usage:
    with serving() as endpoint, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifests.write(folder, rows, targets=TARGETS, in_flight=in_flight)
        warm(folder / ".bulkprof", targets=TARGETS)
        command = [*BULKPROF, "apply", "many.csv", "--yes", "--results", "results.csv"]
        return measured(command, folder, environment(endpoint))
