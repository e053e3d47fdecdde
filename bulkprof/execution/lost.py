"""A run's file where it tells of names that a replacement left without a profile, until they have one again.

A name is noted before its old profile is deleted, so the note outlives a kill. Each run of an estate takes over what
the one before it knows to be open: so the newest run names all of them, whether or not its manifests do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum

from bulkprof.execution.database import speaking_of
from bulkprof.execution.wanted import Wanted
from bulkprof.model import Action, LostProfile, Target


class Turn(IntEnum):
    """The order in which a target's actions are carried out: what is missing, what changes places, all the rest."""

    LOST = 0
    """Creations of names that a replacement left without a profile."""
    REPLACE = 1
    REST = 2


TURN = (
    "CASE WHEN a.kind = 'replace' THEN 1 WHEN a.kind = 'create' AND EXISTS (SELECT 1 FROM replacement r WHERE "
    "r.account = t.account AND r.region = t.region AND r.name = a.name) THEN 0 ELSE 2 END"
)
"""The turn of an action `a` in its target `t`."""
_OPEN = (
    "FROM replacement r LEFT JOIN target t ON t.account = r.account AND t.region = r.region "
    "LEFT JOIN action a ON a.target = t.id AND a.name = r.name AND a.wanted = 1 LEFT JOIN outcome o ON o.action = a.id "
    "WHERE (o.kind IS NULL OR (o.kind IN ('failed', 'unknown', 'skipped') AND o.arn = ''))"
)


class Lost(Wanted):
    """The table of replacements."""

    def note_open(self, action: Action) -> None:
        """Note that the old profile of a replacement is about to be deleted."""
        place = action.target.account, action.target.region
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO replacement VALUES (?, ?, ?, ?, ?)",
                (*place, action.name, action.arn, self.meta("id")),
            )

    def take_over(self, lost: Iterable[LostProfile]) -> None:
        """Take over what another run knows to be open, in place of what was taken over before."""
        with self._transaction():
            self._db.execute("DELETE FROM replacement WHERE run <> ?", (self.meta("id"),))
            self._db.executemany(
                "INSERT OR IGNORE INTO replacement VALUES (?, ?, ?, ?, ?)",
                [(each.target.account, each.target.region, each.name, each.old_arn, each.run_id) for each in lost],
            )
        self.set_meta(knows_lost=True)

    def is_whole(self, target: Target, names: Collection[str]) -> None:
        """Note that these names have a profile again, or need none any more."""
        with self._transaction():
            self._db.executemany(
                "DELETE FROM replacement WHERE account = ? AND region = ? AND name = ?",
                [(target.account, target.region, name) for name in names],
            )

    def lost(self, target: Target | None = None) -> list[LostProfile]:
        """The names that are without a profile, or may be, in all or in one target."""
        where, values = ("", ()) if target is None else ("AND r.account = ? AND r.region = ?", _place(target))
        with speaking_of(self.path):
            query = f"SELECT r.account, r.region, r.name, r.old_arn, r.run {_OPEN} {where}"
            found = self._db.execute(query, values).fetchall()
        return [LostProfile(Target(*row[:2]), *row[2:]) for row in found]

    def lost_rows(self) -> int:
        """How many rows of this run have no outcome and a name without a profile."""
        found = self._db.execute(f"SELECT count(*) {_OPEN} AND o.kind IS NULL AND a.id IS NOT NULL")
        return int(found.fetchone()[0])


def _place(target: Target) -> tuple[str, ...]:
    return target.account, target.region
