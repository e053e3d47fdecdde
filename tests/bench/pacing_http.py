"""Two rows of the pacing table over real HTTP: the real engine's command against the sandbox's limits."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bulkprof.sandbox import Rate, Sandbox, SandboxSettings
from tests.bench import manifests
from tests.bench.process import BULKPROF, environment, measured
from tests.bench.table import Line
from tests.simulation.scenarios import Result, Scenario, bucket, ours, simulate

LATENCY_S = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: calls a second, at once, and in all."""

    rate: float
    burst: float
    creates: int


ROWS = (Row(20.0, 40.0, 600), Row(100.0, 100.0, 5000))
"""As they are in the table, so that its goals hold for what comes out."""


@dataclass(frozen=True, slots=True)
class Paced:
    """What the sandbox saw."""

    efficiency: float
    throttles: float
    """Per 1,000 accepted."""


def bench() -> Iterator[Line]:
    """Efficiency as the table counts it, from the sandbox's own times, beside the same row in simulation."""
    for row, paced in zip(ROWS, run_all(ROWS), strict=True):
        simulated = simulations(row)
        what, other = f"over HTTP, {row.rate:g}/s, burst {row.burst:g}, {row.creates:,} creates", "simulated"
        efficiency = 100 * fmean(each.efficiency for each in simulated)
        yield Line(f"{what}: efficiency", 100 * paced.efficiency, "%", efficiency, f"%, {other}", 1)
        throttles = fmean(each.throttles for each in simulated)
        yield Line(f"{what}: throttles per 1,000", paced.throttles, "", throttles, other, 1)


def simulations(row: Row) -> list[Result]:
    """The same row in virtual time, with several seeds."""
    scenario = Scenario("", bucket(row.rate, row.burst), row.creates)
    return [simulate(scenario, ours, seed) for seed in range(12)]


def run_all(rows: Sequence[Row]) -> list[Paced]:
    """Rows side by side, each with a sandbox and a command of its own: they wait most of their time."""
    with ThreadPoolExecutor(len(rows)) as pool:
        return list(pool.map(_run, rows))


def _run(row: Row) -> Paced:
    settings = SandboxSettings(quota=row.creates, latency_s=LATENCY_S, rate=Rate(10_000, 10_000))
    with Sandbox(settings) as sandbox, tempfile.TemporaryDirectory() as name:
        sandbox.set_rate(Rate(row.rate, row.burst), operation="CreateInferenceProfile")
        folder = Path(name)
        manifests.write(folder, row.creates)
        command = [*BULKPROF, "apply", "many.csv", "--yes", "--json"]
        done = measured(command, folder, environment() | sandbox.environment())
        calls = json.loads(done.output)["calls"]["CreateInferenceProfile"]
        made = sorted(profile.created_at for profile in sandbox.ledger().profiles)
    efficiency = (len(made) - row.burst) / (row.rate * (made[-1] - made[0]))
    return Paced(efficiency, 1000 * calls["throttled"] / len(made))
