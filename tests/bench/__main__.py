"""`make bench`: one table of what bulkprof costs, beside the other ways. `python -m tests.bench --help` says how.

Takes some minutes on one core and stays on 127.0.0.1. Every number is measured in this run, the others' too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.bench import (
    creates,
    fleet,
    kills,
    memory,
    nights,
    pacing,
    pacing_http,
    quiet,
    served,
    shares,
    siblings,
    startup,
    targets,
)
from tests.bench.table import Line, machine, shown

TITLES = ("what", "ours", "the other", "ratio")


def main() -> None:
    """Run the benches that are asked for, then print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure bulkprof.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the numbers here, too")
    parser.add_argument(
        "--long",
        action="store_true",
        help="2,000,000 rows validated, 200,000 applied, a night of 34,000 targets, 200 kills",
    )
    benches: Mapping[str, Callable[[], Iterator[Line]]] = {
        "creates": creates.bench,
        "served": served.bench,
        "startup": startup.bench,
        "targets": targets.bench,
        "http": pacing_http.bench,
        "pacing": pacing.bench,
        "siblings": siblings.bench,
        "memory": memory.bench,
        "nights": nights.bench,
        "quiet": quiet.bench,
        "fleet": fleet.bench,
        "shares": shares.bench,
        "kills": kills.bench,
    }
    parser.add_argument("--only", choices=sorted(benches), action="append", help="just this one; may be repeated")
    asked = parser.parse_args()
    if asked.long:
        longer = {
            "memory": partial(memory.bench, long=True),
            "quiet": partial(quiet.bench, long=True),
            "fleet": partial(fleet.bench, long=True),
            "kills": partial(kills.bench, kills=200),
        }
        benches = {**benches, **longer}
    lines: list[Line] = []
    for name, bench in benches.items():
        if asked.only and name not in asked.only:
            continue
        started = time.monotonic()
        lines.extend(bench())
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    print(machine())
    print("\n".join(shown(TITLES, lines)))
    if asked.json:
        numbers = {"machine": machine(), "lines": [line.as_json() for line in lines]}
        asked.json.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
