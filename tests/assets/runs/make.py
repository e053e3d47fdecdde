"""Makes the run files of this folder with the bulkprof that is on the path: see README.md."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import bulkprof

KEPT = 3
"""Profiles that the interrupted run makes before it stops."""


class Stopping(bulkprof.Ui):
    """Stops the run once it has made a few profiles."""

    def __init__(self, stop: bulkprof.Stop) -> None:
        self._stop = stop
        self._ended = 0

    @contextmanager
    def progress(self, what: str, total: int, left: Callable[[], float | None] | None = None) -> Iterator[Any]:
        yield self

    def step(self, count: int = 1) -> None:
        """Nothing is stopped by what only reads."""

    def outcome(self, outcome: bulkprof.Outcome) -> None:
        """Stop after the last one that is to be kept."""
        self._ended += 1
        if self._ended == KEPT:
            self._stop.request()


async def make(folder: Path) -> None:
    """Make a plan, a run whose sink missed it, and one that is interrupted."""
    config = bulkprof.load_config(Path("bulkprof.toml"))
    options = bulkprof.Options(config=config, state_dir=folder / "state", sandbox=True)
    await bulkprof.plan(["planned.csv"], options, out=folder / "plan.db")
    await bulkprof.apply(["finished.csv"], options)
    stop = bulkprof.Stop()
    await bulkprof.apply(["interrupted.csv"], options, Stopping(stop), stop)


made = Path(sys.argv[1])
os.environ["RECEIPTS"] = "refused"
asyncio.run(make(made))
for path in (made / "plan.db", *made.glob("state/runs/*.db")):
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("VACUUM")
for left in (*made.glob("state/locks/*"), made / "state/.gitignore"):
    left.unlink()
