"""What changed in the run file from version to version, and how an older file is brought up to date.

A file's version is SQLite's `user_version`; bulkprof 0.1.0 wrote version 1. To change the tables, change `schema`, and
add a function here under the next number: what stands here already is never changed, since files need it as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping


def _replacements(db: sqlite3.Connection) -> None:
    """Names that a replacement left without a profile outlive the run, so that every later report tells them."""
    # Files of version 1 that were written between two releases may have it.
    db.execute(
        "CREATE TABLE IF NOT EXISTS replacement (account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, "
        "old_arn TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY (account, region, name)) WITHOUT ROWID"
    )


def _seals(db: sqlite3.Connection) -> None:
    """Each target's planned rows get a checksum; rows that were planned before it count as sound."""
    # As above.
    db.execute(
        "CREATE TABLE IF NOT EXISTS seal (target INTEGER PRIMARY KEY, actions INTEGER NOT NULL, digest TEXT NOT NULL)"
    )


def _sheet_rows(db: sqlite3.Connection) -> None:
    """Rows as they are written; a run that was begun before it has none."""
    db.execute("CREATE TABLE sheet_columns (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE)")
    db.execute(
        "CREATE TABLE sheet_row (first INTEGER PRIMARY KEY, columns INTEGER NOT NULL REFERENCES sheet_columns, "
        "cells TEXT NOT NULL)"
    )


def _call_times(db: sqlite3.Connection) -> None:
    """Calls are counted by the time of their answers, too; of calls that were made before, no times are on record."""
    db.execute(
        "CREATE TABLE call_time (operation TEXT NOT NULL, at INTEGER NOT NULL, sent INTEGER NOT NULL, "
        "throttled INTEGER NOT NULL, failed INTEGER NOT NULL, PRIMARY KEY (operation, at)) WITHOUT ROWID"
    )


def _old_values(db: sqlite3.Connection) -> None:
    """A plan shows what is there now of what it changes; of what was planned before, that isn't known."""
    db.execute("ALTER TABLE action ADD COLUMN old TEXT NOT NULL DEFAULT '{}'")


def _rows_of_a_line(db: sqlite3.Connection) -> None:
    """Rows that begin on the same line are told apart; of what was read before, that isn't known."""
    db.execute("ALTER TABLE action ADD COLUMN row INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE problem ADD COLUMN row INTEGER NOT NULL DEFAULT 0")
    # A primary key can't be changed.
    db.execute("ALTER TABLE invalid RENAME TO invalid_lines")
    db.execute(
        "CREATE TABLE invalid (file TEXT, line INTEGER, row INTEGER NOT NULL DEFAULT 0, "
        "PRIMARY KEY (file, line, row)) WITHOUT ROWID"
    )
    db.execute("INSERT INTO invalid (file, line) SELECT file, line FROM invalid_lines")
    db.execute("DROP TABLE invalid_lines")


MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = {
    2: _replacements,
    3: _seals,
    4: _sheet_rows,
    5: _call_times,
    6: _old_values,
    7: _rows_of_a_line,
}
"""In order; each brings a file of the version before to the one that it stands under."""
NEWEST = max(MIGRATIONS)
"""The version of the files that this bulkprof writes."""


def version_of(db: sqlite3.Connection) -> int:
    """Return the file's version."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(db: sqlite3.Connection) -> None:
    """Bring a file up to date in one transaction. Of two processes that do so at once, the second finds it done."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        found = version_of(db)
        for version, change in MIGRATIONS.items():
            if version > found:
                change(db)
        db.execute(f"PRAGMA user_version = {NEWEST}")
