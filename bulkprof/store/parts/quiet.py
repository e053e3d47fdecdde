"""A run's file where nothing is to be done in a target: its outcomes are written by SQL, without a look at each action.

On most nights that is nearly every target.
"""

from __future__ import annotations

from collections.abc import Sequence

from bulkprof.model import ActionKind, OutcomeKind, Target
from bulkprof.store.database import Database

_TARGET = "SELECT id FROM target WHERE account = ? AND region = ?"
_OPEN = "FROM action b WHERE b.target = :target AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.action = b.id)"
_CLOSE = (
    "INSERT INTO outcome (action, kind, arn, old_arn, attempts, error_code, error_message) "
    f"SELECT b.id, '{OutcomeKind.UNCHANGED}', b.arn, '', 0, '', '' {_OPEN} "
    # Each of the two looks ends early: at the first change, and after so many actions.
    f"AND NOT EXISTS (SELECT 1 {_OPEN} AND (b.kind IS NOT '{ActionKind.NONE}' OR b.refusal_code IS NOT NULL)) "
    f"AND (SELECT count(*) FROM (SELECT 1 {_OPEN} LIMIT :most)) < :most ORDER BY b.id"
)


class Quiet(Database):
    """The part of a run's file that closes what is as it should be."""

    def close_quiet(self, targets: Sequence[Target], most: int) -> int:
        """Record that everything open is unchanged in those of `targets` where that is so and fewer than `most` are.

        Returns the number of the run's last outcome before.
        """
        with self._transaction():
            before = self._number("SELECT coalesce(max(seq), 0) FROM outcome")
            found = [self._number(_TARGET, (target.account, target.region)) for target in targets]
            self._db.executemany(_CLOSE, [{"target": number, "most": most} for number in found])
        return before
