"""Pacing, side by side: bulkprof's pacer, the SDK's standard and adaptive retries, and plain jitter, in simulation."""

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from tests.bench.table import Line
from tests.simulation.scenarios import TABLE, Maker, adaptive, jitter, ours, simulate, standard

SEEDS = range(6)
OTHERS = ("standard", "adaptive", "jitter")
CLIENTS: dict[str, Maker] = {"ours": ours, "standard": standard, "adaptive": adaptive, "jitter": jitter}


def rows(seeds: range = SEEDS) -> list[dict[str, Any]]:
    """One dict per scenario: means over the seeds of efficiency, throttles per 1,000 accepted, failed creates."""
    table: list[dict[str, Any]] = []
    for scenario in TABLE:
        row: dict[str, Any] = {"scenario": scenario.name}
        for name, make in CLIENTS.items():
            results = [simulate(scenario, make, seed) for seed in seeds]
            row[f"{name}_efficiency"] = fmean(result.efficiency for result in results)
            row[f"{name}_throttles"] = fmean(result.throttles for result in results)
            row[f"{name}_failed"] = fmean(result.failed for result in results)
            if scenario.clients > 1:
                row[f"{name}_share"] = max(max(result.share, 1 - result.share) for result in results)
            if scenario.caller:
                row[f"{name}_caller_throttled"] = fmean(result.caller_throttled for result in results)
        table.append(row)
    return table


def bench() -> Iterator[Line]:
    """Each scenario's efficiency and throttles, against each other client in turn."""
    for row in rows():
        for other in OTHERS:
            gave_up = f", {row[f'{other}_failed']:.0f} creates given up" if row[f"{other}_failed"] >= 0.5 else ""
            what = row["scenario"]
            unit = f"%, {other}{gave_up}"
            ours, theirs = (100 * row[f"{name}_efficiency"] for name in ("ours", other))
            yield Line(f"{what}: efficiency", ours, "%", theirs, unit, 1)
            ours, theirs = (row[f"{name}_throttles"] for name in ("ours", other))
            yield Line(f"{what}: throttles per 1,000", ours, "", theirs, other, 1)
        if "ours_share" in row:
            yield Line(f"{row['scenario']}: larger share, worst seed", 100 * row["ours_share"], "%", 65, "%, goal", 1)
        if "ours_caller_throttled" in row:
            throttled = 100 * row["ours_caller_throttled"]
            yield Line(f"{row['scenario']}: caller throttled", throttled, "%", 2, "%, goal", 1)
