"""A run's file where it tells of its calls: how many there were, and how they were answered over time, for pictures.

Time is cut into slices. They are a second long at first; each time there would be more than `MOST_SLICES`, they become
twice as long, so that a run of many hours takes no more room than one of ten minutes.
"""

from __future__ import annotations

from bulkprof.store.database import Database, speaking_of
from bulkprof.store.rows import CallRow, CallTimeRow, columns
from bulkprof.totals import CallCount, Slices

MOST_SLICES = 600
"""Slices in which there were calls: pauses of a run, such as those before it is resumed, count as none."""
_ADD = (
    "INSERT INTO call_time VALUES (?, ?, ?, ?, ?) ON CONFLICT (operation, at) DO UPDATE SET "
    "sent = sent + excluded.sent, throttled = throttled + excluded.throttled, failed = failed + excluded.failed"
)
_CALLS = f"SELECT {columns(CallRow)} FROM call ORDER BY operation"
_SELECT = f"SELECT {columns(CallTimeRow)} FROM call_time ORDER BY operation, at"


class CallTimesTable(Database):
    """A run's calls, when they were answered, and how."""

    def calls(self) -> dict[str, CallCount]:
        """Return the run's calls by AWS operation, over all its executions."""
        with speaking_of(self.path):
            found = self._rows(CallRow, _CALLS)
            return {row.operation: CallCount(row.sent, row.throttled, row.failed) for row in found}

    def call_times(self) -> Slices:
        """Return the run's calls by operation and slice of time, over all its executions.

        Slices are `RunDetails.slice_s` long. It is empty for runs of versions that didn't count so.
        """
        found: dict[str, dict[int, CallCount]] = {}
        with speaking_of(self.path):
            for row in self._rows(CallTimeRow, _SELECT):
                found.setdefault(row.operation, {})[row.at] = CallCount(row.sent, row.throttled, row.failed)
        return found

    def _add_times(self, times: Slices) -> None:
        """Add what was counted, second by second, inside a transaction."""
        slice_s = self.details().slice_s
        rows = [
            CallTimeRow(operation, second, count.sent, count.throttled, count.failed)
            for operation, seconds in times.items()
            for second, count in seconds.items()
        ]
        self._add_slices(rows, slice_s)
        while self._number("SELECT count(DISTINCT at) FROM call_time") > MOST_SLICES:
            slice_s *= 2
            rows = list(self._rows(CallTimeRow, _SELECT))
            self._db.execute("DELETE FROM call_time")
            self._add_slices(rows, slice_s)
            self._write_meta(slice_s=slice_s)

    def _add_slices(self, rows: list[CallTimeRow], slice_s: int) -> None:
        self._db.executemany(_ADD, [row._replace(at=row.at - row.at % slice_s) for row in rows])
