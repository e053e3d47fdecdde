"""A run's file where it tells which rows may have been sent."""

from __future__ import annotations

from bulkprof.store.database import Database


class Begun(Database):
    """Up to which action each target was begun."""

    def suppose_all_begun(self) -> None:
        """Note that every action may have been sent: in a copy of a run that goes on without it."""
        with self._transaction():
            self._db.execute(
                "UPDATE target SET begun = max(begun, (SELECT coalesce(max(id), 0) FROM action "
                "WHERE action.target = target.id))"
            )
