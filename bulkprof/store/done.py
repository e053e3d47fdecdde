"""What several runs changed, found by target: copied once out of each run's file.

Most runs of most nights changed next to nothing, and opening their files again for each of thousands of targets would
cost most of a night.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable
from typing import NamedTuple

from bulkprof.model import OutcomeKind, Target


class Change(NamedTuple):
    """One thing that a run did."""

    name: str
    arn: str
    old_arn: str
    """The ARN that was replaced."""
    kind: OutcomeKind
    settled: bool
    """Whether lists have caught up with the run."""


class Done:
    """A table of changes, in a file of SQLite's own once it doesn't fit into two megabytes of memory."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._db.close)
        self._one_at_a_time = threading.Lock()
        self._db.executescript(_SCHEMA)

    def add(self, run_id: str, changes: Iterable[tuple[str, str, str, str, str, str]], *, settled: bool) -> None:
        """Take in what `RunFile.done` answers: blocks. Run ids sort by time, so runs may come in any order."""
        with self._one_at_a_time:
            found = ((run_id, *change, settled) for change in changes)
            self._db.executemany("INSERT INTO done VALUES (?, ?, ?, ?, ?, ?, ?, ?)", found)

    def of(self, target: Target) -> list[Change]:
        """What was changed in `target`, in order: blocks."""
        if self._db.total_changes == 0:
            return []
        # Whichever threads ask, the connection takes one at a time.
        with self._one_at_a_time:
            found = self._db.execute(_OF_TARGET, (target.account, target.region)).fetchall()
        return [
            Change(name, arn, old_arn, OutcomeKind(kind), bool(settled)) for name, arn, old_arn, kind, settled in found
        ]


_SCHEMA = """
PRAGMA journal_mode = OFF;
CREATE TABLE done (
    run TEXT, account TEXT, region TEXT, name TEXT, arn TEXT, old_arn TEXT, kind TEXT, settled INTEGER
);
CREATE INDEX by_target ON done (account, region);
"""
_OF_TARGET = "SELECT name, arn, old_arn, kind, settled FROM done WHERE account = ? AND region = ? ORDER BY run, rowid"
