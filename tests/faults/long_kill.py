"""The kill suite in its long form: `python -m tests.faults.long_kill [KILLS]`, two hundred by default."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.killing import Victim, kill_often
from tests.faults.test_kill import WORLDS
from tests.faults.world import SEED


def kill_everywhere(kills: int, *, tell: Callable[[str], None]) -> tuple[int, int]:
    """Kill so many processes, ten a world, over all worlds in turn; returns how many rows were made, and kills done.

    Raises where a row isn't there exactly once.
    """
    rows = done = number = 0
    with tempfile.TemporaryDirectory(prefix="bulkprof-kill-") as folder:
        while done < kills:
            name = list(WORLDS)[number % len(WORLDS)]
            hypotheses, how = WORLDS[name]
            with Victim(Path(folder) / str(number), hypotheses, seed=1000 + number, rows=120) as victim:
                kill_often(victim, min(10, kills - done), **how)
                done += max(1, victim.kills)
                rows += victim.rows
                tell(f"{done:4} kills, seed {SEED} {1000 + number}: {name}: {victim.rows} rows, once each")
            number += 1
    return rows, done


if __name__ == "__main__":
    began = time.monotonic()
    parser = argparse.ArgumentParser(prog="python -m tests.faults.long_kill")
    parser.add_argument("kills", nargs="?", type=int, default=200, help="how many processes to kill (default: 200)")
    _, done = kill_everywhere(parser.parse_args().kills, tell=lambda line: print(line, flush=True))
    print(f"{done} kills in {time.monotonic() - began:.0f} s, every row was made exactly once")
