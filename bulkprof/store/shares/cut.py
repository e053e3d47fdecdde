"""A run's file where shares are cut out of it: files of the same form with the rows of some of its targets.

Numbers of targets and actions stay as they are, so that outcomes find their actions when the share comes home.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bulkprof.errors import StateError
from bulkprof.model import Target
from bulkprof.store.database import Database
from bulkprof.store.details import RunDetails
from bulkprof.store.schema import BY_TARGET, ONE_NAME
from bulkprof.store.shares import rows

_TARGET = f"SELECT {rows.listed(rows.TARGET)} FROM target WHERE account = ? AND region = ?"
_OF_TARGETS = (
    ("action", rows.ACTION, f"SELECT {rows.listed(rows.ACTION)} FROM action WHERE target = ? ORDER BY id"),
    (
        "outcome",
        rows.OUTCOME,
        f"SELECT {rows.listed(rows.OUTCOME, 'o')} FROM action a JOIN outcome o ON o.action = a.id WHERE a.target = ?",
    ),
    (
        "replacement",
        rows.REPLACEMENT,
        f"SELECT {rows.listed(rows.REPLACEMENT, 'r')} FROM target t JOIN replacement r "
        "ON r.account = t.account AND r.region = t.region WHERE t.id = ?",
    ),
    ("seal", rows.SEAL, f"SELECT {rows.listed(rows.SEAL)} FROM seal WHERE target = ?"),
)
"""The tables of which a share has the rows of its targets, each with the query that finds a target's."""
_HAND_OUT = (
    "UPDATE target SET begun = max(begun, (SELECT coalesce(max(a.id), 0) FROM action a WHERE a.target = target.id)) "
    "WHERE account = ? AND region = ?"
)


class Cutting(Database):
    """The part of a run's file that gives rows away."""

    def cut(self, path: Path, details: RunDetails, targets: Sequence[Target]) -> None:
        """Write the new share `path`, with what the run has of `targets`. Raises `StateError`: there may be one.

        A share that is cut short is not left behind.
        """
        if path.exists():
            raise StateError(f"{path}: is there already, and is not overwritten; choose another place")
        half = path.with_name(f"{path.name}.part")
        half.unlink(missing_ok=True)
        try:
            with type(self).create(half, details) as share:
                share.make_fleeting()
                self._give(share, targets)
            half.replace(path)
        except OSError as error:
            raise StateError(f"{path}: can't be written: {error.strerror}") from None
        finally:
            half.unlink(missing_ok=True)

    def _give(self, share: Database, targets: Sequence[Target]) -> None:
        with share._transaction():
            places = list(self._places(targets))
            share._db.executemany(rows.insert("target", rows.TARGET), places)
            for table, names, query in _OF_TARGETS:
                found = (row for (target, *_) in places for row in self._db.execute(query, (target,)))
                share._db.executemany(rows.insert(table, names), found)
            for index in (ONE_NAME, BY_TARGET):
                share._db.execute(index)

    def _places(self, targets: Sequence[Target]) -> Iterator[tuple[Any, ...]]:
        for target in targets:
            yield from self._db.execute(_TARGET, (target.account, target.region))

    def hand_out(self, targets: Sequence[Target]) -> None:
        """Note that whatever these targets have may be sent from now on, by another process."""
        with self._transaction():
            self._db.executemany(_HAND_OUT, [(target.account, target.region) for target in targets])
