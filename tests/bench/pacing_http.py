"""Two rows of the pacing table over real HTTP: the real engine's command against the sandbox's limits."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bulkprof.sandbox import Rate, Sandbox, SandboxSettings
from tests.bench import manifests
from tests.bench.process import BULKPROF, environment, measured
from tests.bench.table import Line
from tests.simulation.scenarios import Scenario, bucket, ours, simulate

LATENCY_S = 0.1
ROWS = ((20.0, 40.0, 300), (100.0, 100.0, 1500))


@dataclass(frozen=True, slots=True)
class Paced:
    """What the sandbox saw."""

    efficiency: float
    throttles: float
    """Per 1,000 accepted."""


def bench() -> Iterator[Line]:
    """Efficiency as the table counts it, from the sandbox's own times, beside the same row in simulation."""
    for rate, burst, creates in ROWS:
        paced = run(rate, burst, creates)
        scenario = Scenario("", bucket(rate, burst), creates)
        simulated = [simulate(scenario, ours, seed) for seed in range(6)]
        what, other = f"over HTTP, {rate:g}/s, burst {burst:g}, {creates:,} creates", "simulated"
        efficiency = 100 * fmean(result.efficiency for result in simulated)
        yield Line(f"{what}: efficiency", 100 * paced.efficiency, "%", efficiency, f"%, {other}", 1)
        throttles = fmean(result.throttles for result in simulated)
        yield Line(f"{what}: throttles per 1,000", paced.throttles, "", throttles, other, 1)


def run(rate: float, burst: float, creates: int) -> Paced:
    """Apply so many creates to one target with this limit."""
    settings = SandboxSettings(quota=creates, latency_s=LATENCY_S, rate=Rate(10_000, 10_000))
    with Sandbox(settings) as sandbox, tempfile.TemporaryDirectory() as name:
        sandbox.set_rate(Rate(rate, burst), operation="CreateInferenceProfile")
        folder = Path(name)
        manifests.write(folder, creates)
        command = [*BULKPROF, "apply", "many.csv", "--yes", "--json"]
        done = measured(command, folder, environment() | sandbox.environment())
        calls = json.loads(done.output)["calls"]["CreateInferenceProfile"]
        made = sorted(profile.created_at for profile in sandbox.ledger().profiles)
    return Paced((len(made) - burst) / (rate * (made[-1] - made[0])), 1000 * calls["throttled"] / len(made))
