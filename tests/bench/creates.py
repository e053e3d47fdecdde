"""The lean path: what a create costs by `bulkprof apply`, and by a bare loop that only sends the same creates."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench import manifests
from tests.bench.process import BULKPROF, Usage, environment, measured
from tests.bench.rates import warm
from tests.bench.server import serving
from tests.bench.table import Line

CREATES = 5000
ROUNDS = 3


def bench() -> Iterator[Line]:
    """Alternate the two; medians of their CPU seconds, everything from start-up to exit."""
    with serving() as endpoint, tempfile.TemporaryDirectory() as name:
        folder, env = Path(name), environment(endpoint)
        manifests.write(folder, CREATES)
        bare = [sys.executable, "-m", "tests.bench.bare"]
        # The first start compiles the modules, as an installation did long ago.
        _apply(folder, env, known=True)
        measured([*bare, "1"], folder, env)
        found: dict[str, list[Usage]] = {"ours": [], "cold": [], "bare": []}
        for _ in range(ROUNDS):
            found["ours"].append(_apply(folder, env, known=True))
            found["bare"].append(measured([*bare, str(CREATES)], folder, env))
            found["cold"].append(_apply(folder, env, known=False))
        cpu = {what: median(usage.cpu_s for usage in usages) for what, usages in found.items()}
        plain = f"s, bare aioboto3 loop of {CREATES:,}"
        yield Line(f"apply, {CREATES:,} creates, CPU in all", cpu["ours"], "s", cpu["bare"], plain, 2)
        micros = {what: 1e6 * seconds / CREATES for what, seconds in cpu.items()}
        yield Line("apply, CPU per create", micros["ours"], "µs", micros["bare"], "µs, bare aioboto3 loop")
        yield Line(
            "apply, CPU per create, rate unknown", micros["cold"], "µs", micros["bare"], "µs, bare aioboto3 loop"
        )
        wall = {what: median(usage.wall_s for usage in usages) for what, usages in found.items()}
        yield Line("apply, wall time, rate known", wall["ours"], "s", wall["bare"], "s, bare aioboto3 loop", 1)


def _apply(folder: Path, env: dict[str, str], *, known: bool) -> Usage:
    """The whole command, on a state directory that knows the server's rate or nothing."""
    state = folder / ".bulkprof"
    shutil.rmtree(state, ignore_errors=True)
    if known:
        warm(state, targets=0)
    return measured([*BULKPROF, "apply", "many.csv", "--yes", "--results", "results.csv"], folder, env)
