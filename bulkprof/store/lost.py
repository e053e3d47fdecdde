"""A run's file where it tells of names that a replacement left without a profile, until they have one again.

A name is noted before its old profile is deleted, so the note outlives a kill. Each run of an estate takes over what
the one before it knows to be open: so the newest run names all of them, whether or not its manifests do.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import NamedTuple

from bulkprof.model import NEED_ATTENTION, Action, ActionKind, OutcomeKind, Target, Turn
from bulkprof.store.database import speaking_of
from bulkprof.store.intake import Wanted
from bulkprof.store.rows import columns, words
from bulkprof.totals import LostProfile

TURN = (
    f"CASE WHEN a.kind = '{ActionKind.REPLACE}' THEN {Turn.REPLACE} WHEN a.kind = '{ActionKind.CREATE}' AND EXISTS "
    "(SELECT 1 FROM replacement r WHERE r.account = t.account AND r.region = t.region AND r.name = a.name) "
    f"THEN {Turn.LOST} ELSE {Turn.REST} END"
)
"""The turn of an action `a` in its target `t`."""
_OPEN = (
    "FROM replacement r LEFT JOIN target t ON t.account = r.account AND t.region = r.region "
    "LEFT JOIN action a ON a.target = t.id AND a.name = r.name AND a.wanted = 1 LEFT JOIN outcome o ON o.action = a.id "
    f"WHERE (o.kind IS NULL OR (o.kind IN {words(NEED_ATTENTION)} AND o.arn = ''))"
)
_MOMENT_S = 0.001


class ReplacementRow(NamedTuple):
    """What is read of a replacement."""

    account: str
    region: str
    name: str
    old_arn: str
    run: str


class Lost(Wanted):
    """The table of replacements."""

    def note_open(self, action: Action) -> None:
        """Note that the old profile of a replacement is about to be deleted."""
        place = action.target.account, action.target.region
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO replacement VALUES (?, ?, ?, ?, ?)",
                (*place, action.name, action.arn, self.details().id),
            )
            self._write_meta(knows_lost=self.later())

    def take_over(self, lost: Iterable[LostProfile], *, known_at: float = 0.0) -> None:
        """Take over what a run that learned of it later, at `known_at`, knows to be open, instead of what was known."""
        with self._transaction():
            self._db.execute("DELETE FROM replacement")
            self._db.executemany(
                "INSERT INTO replacement VALUES (?, ?, ?, ?, ?)",
                [(each.target.account, each.target.region, each.name, each.old_arn, each.run_id) for each in lost],
            )
            self._write_meta(knows_lost=self.later(known_at))

    @property
    def knows_lost_at(self) -> float:
        """When this run was last told, or found out, what is open, in epoch seconds; 0 where it never was."""
        return self.details().knows_lost

    def later(self, known_at: float = 0.0) -> float:
        """Now; where the clock was set back, a moment after `known_at` and after this run was told last."""
        return max(time.time(), self.knows_lost_at + _MOMENT_S, known_at + _MOMENT_S)

    def is_whole(self, target: Target, names: Collection[str]) -> None:
        """Note that these names have a profile again, or need none any more."""
        with self._transaction():
            self._db.executemany(
                "DELETE FROM replacement WHERE account = ? AND region = ? AND name = ?",
                [(target.account, target.region, name) for name in names],
            )

    def lost(self, target: Target | None = None) -> list[LostProfile]:
        """Return the names that are without a profile, or may be, in all or in one target."""
        return self._lost() if target is None else self._lost("AND r.account = ? AND r.region = ?", _place(target))

    def _lost(self, condition: str = "", values: tuple[str, ...] = ()) -> list[LostProfile]:
        with speaking_of(self.path):
            query = f"SELECT {columns(ReplacementRow, 'r')} {_OPEN} {condition}"
            found = list(self._rows(ReplacementRow, query, values))
        return [LostProfile(Target(row.account, row.region), row.name, row.old_arn, row.run) for row in found]

    def lost_elsewhere(self, target: Target) -> list[LostProfile]:
        """Return those that this run does nothing more about: it has no row of theirs, or one that has failed."""
        return self._lost("AND r.account = ? AND r.region = ? AND (a.id IS NULL OR o.kind IS NOT NULL)", _place(target))

    def has_half_replaced(self) -> bool:
        """Whether a replacement failed half done: its name was left without a profile, or got the old one again."""
        return bool(
            self._number(f"SELECT EXISTS (SELECT 1 FROM outcome WHERE kind = '{OutcomeKind.FAILED}' AND old_arn <> '')")
        )

    def lost_rows(self) -> int:
        """Return how many rows of this run have no outcome and a name without a profile."""
        return self._number(f"SELECT count(*) {_OPEN} AND o.kind IS NULL AND a.id IS NOT NULL")


def _place(target: Target) -> tuple[str, ...]:
    return target.account, target.region
