"""A server that never throttles: how long many creates take, by `bulkprof apply` and by a bare loop of aioboto3.

The first run knows nothing, the second one the pace that the first was served at.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bulkprof.pacing.rates import FILE
from tests.bench import manifests
from tests.bench.process import BULKPROF, Usage, environment, measured
from tests.bench.server import serving
from tests.bench.table import Line

CREATES = 2500
ROUNDS = 5


def bench() -> Iterator[Line]:
    """Alternate the three; medians of the wall time, everything from start-up to exit."""
    with serving() as endpoint, tempfile.TemporaryDirectory() as name:
        folder, env = Path(name), environment(endpoint)
        manifests.write(folder, CREATES)
        bare = [sys.executable, "-m", "tests.bench.bare"]
        # The first start compiles the modules, as an installation did long ago.
        _apply(folder, env, known=None)
        measured([*bare, "1"], folder, env)
        found: dict[str, list[Usage]] = {"cold": [], "warm": [], "bare": []}
        for _ in range(ROUNDS):
            found["cold"].append(_apply(folder, env, known=None))
            learned = (folder / ".bulkprof" / FILE).read_bytes()
            found["bare"].append(measured([*bare, str(CREATES)], folder, env))
            found["warm"].append(_apply(folder, env, known=learned))
        wall = {what: median(usage.wall_s for usage in usages) for what, usages in found.items()}
        cpu = {what: median(usage.cpu_s for usage in usages) for what, usages in found.items()}
        for how in ("cold", "warm"):
            what = f"apply, {CREATES:,} creates, never throttled, {how}"
            yield Line(f"{what}: wall time", wall[how], "s", wall["bare"], "s, bare aioboto3 loop", 2)
            yield Line(f"{what}: CPU", cpu[how], "s", cpu["bare"], "s, bare aioboto3 loop", 2)


def _apply(folder: Path, env: dict[str, str], *, known: bytes | None) -> Usage:
    """The whole command, on a state directory that holds nothing, or what an earlier run has learned."""
    state = folder / ".bulkprof"
    shutil.rmtree(state, ignore_errors=True)
    if known is not None:
        state.mkdir(0o700)
        (state / FILE).write_bytes(known)
    return measured([*BULKPROF, "apply", "many.csv", "--yes", "--results", "results.csv"], folder, env)
