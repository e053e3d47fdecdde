"""Checksums over what was approved, so that a damaged run file is refused and never carried out.

Each target's planned rows have one, written in the same transaction as the rows; so have the run's own values
(`meta`). They tell damage (a flipped bit, half a copy) and are no protection from people. What bulkprof 0.1.0 planned
has none, and what isn't sealed counts as sound.
"""

from __future__ import annotations

import hashlib
import sqlite3

INVALID_ROWS = 0
"""Stands for a target's id in the seal of the rows that count as invalid: what they asked for is left out."""
META = "checksum"
"""The value of a run that holds the checksum of all the others."""

# SQLite writes a row as one text, types and all, in half the time that Python takes.
_PLACE = "SELECT CAST(json_array(account, region) AS BLOB) FROM target WHERE id = ?"
_SHOWN_PLACE = "SELECT account || '/' || region FROM target WHERE id = ?"
_ACTIONS = (
    "SELECT CAST(json_array(id, name, wanted, file, line, model, source, description, tags, attributes, kind, "
    "source_arn, arn, set_tags, remove_tags, reason, refusal_code, refusal_message, refusal_outcome) "
    # Seals that were made before there were old values and rows of a line stay as they are.
    "|| CASE old WHEN '{}' THEN '' ELSE json_quote(old) END || CASE row WHEN 0 THEN '' ELSE row END AS BLOB) "
    "FROM action WHERE target = ? ORDER BY id"
)
_TYPES = {
    "target": {"begun": "integer"},
    "outcome": {
        **dict.fromkeys(("kind", "arn", "old_arn", "error_code", "error_message"), "text"),
        "attempts": "integer",
    },
    "replacement": dict.fromkeys(("account", "region", "name", "old_arn", "run"), "text"),
    "call": {"operation": "text", **dict.fromkeys(("sent", "throttled", "failed"), "integer")},
    "delivery": {"sink": "text", "seq": "integer", "finished": "integer"},
    "sheet_columns": {"names": "text"},
    "sheet_row": {"columns": "integer", "cells": "text"},
}
"""What isn't sealed, since it grows while a run goes on, or is only shown: of this, what can't be used is found."""
_INVALID = (
    "SELECT CAST(json_array(file, line) || CASE row WHEN 0 THEN '' ELSE row END AS BLOB) FROM invalid "
    "ORDER BY file, line, row"
)


def seal(db: sqlite3.Connection, target: int) -> None:
    """Seal a target's rows, or the `INVALID_ROWS`, as they are now; inside the transaction that wrote them."""
    db.execute("INSERT OR REPLACE INTO seal VALUES (?, ?, ?)", (target, *_digest(db, target)))


def unseal(db: sqlite3.Connection, target: int | None = None) -> None:
    """Take a seal off before its rows change, or all seals."""
    db.execute("DELETE FROM seal WHERE target = coalesce(?, target)", (target,))


def sealed(db: sqlite3.Connection) -> set[int]:
    """Return what is sealed, by the targets' ids."""
    return {target for (target,) in db.execute("SELECT target FROM seal")}


def damage(db: sqlite3.Connection) -> str:
    """Return what is damaged of an open run file, in words; empty where nothing is. Reads all of it."""
    (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        return str(found).replace("\n", ": ")
    for table, columns in _TYPES.items():
        strange = " OR ".join(f"typeof({name}) <> '{kind}'" for name, kind in columns.items())
        if db.execute(f"SELECT 1 FROM {table} WHERE {strange} LIMIT 1").fetchone():
            return f"its table {table} holds what no run writes"
    for target, actions, digest in db.execute("SELECT target, actions, digest FROM seal").fetchall():
        if _digest(db, target) != (actions, digest):
            if target == INVALID_ROWS:
                return "its invalid rows aren't those that were found"
            places = [place for (place,) in db.execute(_SHOWN_PLACE, (target,))]
            where = ascii(places.pop()).strip("'") if places else "a target"
            return f"its plan for {where} isn't what was planned"
    return ""


def meta_digest(db: sqlite3.Connection) -> str:
    """Return the checksum of the run's own values."""
    digest = hashlib.sha256()
    for pair in db.execute(
        "SELECT CAST(key AS BLOB), CAST(value AS BLOB) FROM meta WHERE key <> ? ORDER BY key", (META,)
    ):
        digest.update(repr(pair).encode())
    return digest.hexdigest()


def _digest(db: sqlite3.Connection, target: int) -> tuple[int, str]:
    """Return how many rows a seal is of, and their checksum, with that of the target they are in."""
    digest = hashlib.sha256()
    if target == INVALID_ROWS:
        found = db.execute(_INVALID)
    else:
        for (place,) in db.execute(_PLACE, (target,)):
            digest.update(place)
        found = db.execute(_ACTIONS, (target,))
    count = 0
    for (row,) in found:
        digest.update(row)
        count += 1
    return count, digest.hexdigest()
