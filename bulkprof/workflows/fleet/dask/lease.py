"""How workers know that their coordinator is alive, and that the run is to stop.

The coordinator beats: it writes a number that grows into the metadata of dask's scheduler, and beside it whether the
run is to stop. Workers look there. One that sees no new beat for the length of the lease stops by itself: its
coordinator is dead, or can't be reached, and another process may take the run up.

Nothing is sent to workers: one that hangs or can't be reached holds nobody up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

LEASE_S = 20.0
"""Seconds without a beat after which workers stop."""
BEATS = 5
"""Beats in the time of a lease: a few may get lost."""
LOOK_S = 1.0
"""Seconds between two looks of a worker, at most: so long it may take until it knows of a stop."""
SILENT = "the coordinator has fallen silent"
"""Why a worker stops whose lease has run out."""
STOPPED = "the coordinator stops the run"


def beat(number: int, *, stop: bool) -> dict[str, Any]:
    """Return what the coordinator writes."""
    return {"beat": number, "stop": stop}


class Lease:
    """A worker's leave to go on with one share."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._last: int | None = None
        self._renewed_at = clock()

    @property
    def look_every_s(self) -> float:
        """Seconds between two looks: a short lease needs more of them."""
        return min(LOOK_S, self._seconds / BEATS)

    def end(self, seen: Mapping[str, Any] | None) -> str:
        """Return why the worker has to stop, empty while it hasn't. `seen` is None where nothing could be seen."""
        if seen is not None:
            if seen["stop"]:
                return STOPPED
            if seen["beat"] != self._last:
                self._last = seen["beat"]
                self._renewed_at = self._clock()
        return SILENT if self._clock() - self._renewed_at >= self._seconds else ""
