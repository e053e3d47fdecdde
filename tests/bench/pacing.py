"""Pacing, side by side: bulkprof's pacer, the SDK's standard and adaptive retries, and plain jitter, in simulation."""

from statistics import fmean
from typing import Any

from tests.simulation.scenarios import TABLE, Maker, adaptive, jitter, ours, simulate, standard

SEEDS = range(6)
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


def main() -> None:
    """Print the table."""
    print("efficiency / throttles per 1,000 accepted / creates given up (10 workers, 50 at 100/s; mean of 6 seeds)")
    print(f"{'scenario':<36}" + "".join(f"{name:>26}" for name in CLIENTS))
    for row in rows():
        cells = [
            f"{100 * row[f'{name}_efficiency']:7.1f} % /{row[f'{name}_throttles']:6.0f} /{row[f'{name}_failed']:5.0f}"
            for name in CLIENTS
        ]
        print(f"{row['scenario']:<36}" + "".join(f"{cell:>26}" for cell in cells))
        for extra, what in (("share", "larger share, worst seed"), ("caller_throttled", "caller throttled")):
            if f"ours_{extra}" in row:
                print(f"{'  ' + what:<36}" + "".join(f"{100 * row[f'{name}_{extra}']:>24.1f} %" for name in CLIENTS))


if __name__ == "__main__":
    main()
