"""A run's file where it tells up to where each sink has the run's outcomes."""

from __future__ import annotations

from collections.abc import Iterable

from bulkprof.store.database import Database, speaking_of
from bulkprof.store.rows import DeliveryRow, columns

_DELIVERY = f"SELECT {columns(DeliveryRow)} FROM delivery"


class Deliveries(Database):
    """What sinks got of a run."""

    def delivered(self, sink: str) -> tuple[int, bool]:
        """Return up to which sequence number `sink` has the outcomes, and whether it has the run's end."""
        with speaking_of(self.path):
            found = next(self._rows(DeliveryRow, f"{_DELIVERY} WHERE sink = ?", (sink,)), None)
        return (found.seq, bool(found.finished)) if found else (0, False)

    def set_delivered(self, sink: str, sequence: int, *, finished: bool = False) -> None:
        """Note that `sink` has everything up to `sequence`, and whether it has the end."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO delivery VALUES (?, ?, ?)", (sink, sequence, finished))

    def expect_sinks(self, sinks: Iterable[str]) -> None:
        """Note the run's sinks, so that one that never got anything is known to miss it."""
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO delivery VALUES (?, 0, 0)", [(sink,) for sink in sinks])

    def forget_sinks(self, sinks: Iterable[str]) -> None:
        """Take back that these are sinks of the run, where they got nothing."""
        with self._transaction():
            self._db.executemany("DELETE FROM delivery WHERE sink = ? AND seq = 0", [(sink,) for sink in sinks])

    def sinks_missing(self) -> list[str]:
        """Return the sinks that don't have the run's end, and so miss something of it."""
        with speaking_of(self.path):
            found = self._rows(DeliveryRow, f"{_DELIVERY} WHERE NOT finished ORDER BY sink")
            return [row.sink for row in found]

    def reopen_delivery(self) -> None:
        """Take back that sinks have the end: a run that was stopped, and told so, goes on."""
        with self._transaction():
            self._db.execute("UPDATE delivery SET finished = 0")
