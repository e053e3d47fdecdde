"""What SQLite's errors mean, and what the user can do about each."""

from __future__ import annotations

import sqlite3
import textwrap
from pathlib import Path

from bulkprof.errors import DamagedError, StateError

ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What reading a run file may raise: text in it needn't be UTF-8 any more."""

_ELSEWHERE = "choose a --state-dir on a local disk"
_MEANINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    # The memory that its readers share is a file beside it.
    (("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"), "disk full; free some space, or choose another --state-dir"),
    (("SQLITE_READONLY",), "it or its folder is read-only; choose another --state-dir"),
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL", "SQLITE_NOLFS"),
        f"another process holds it, or its file system keeps no locks, as some network shares; {_ELSEWHERE}",
    ),
    (
        (
            "SQLITE_IOERR_LOCK",
            "SQLITE_IOERR_UNLOCK",
            "SQLITE_IOERR_RDLOCK",
            "SQLITE_IOERR_CHECKRESERVEDLOCK",
            "SQLITE_IOERR_SHM",
        ),
        f"its file system keeps no locks or shares no memory, as some network shares; {_ELSEWHERE}",
    ),
    (("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH"), "it or its folder can't be opened; look at their permissions"),
    (("SQLITE_IOERR",), "disk full, or failing; free some space, or choose a --state-dir on another disk"),
)
"""By the beginnings of SQLite's names of errors; the first that fits counts."""


class DamageError(sqlite3.DatabaseError):
    """A run file holds what no run writes. It is told in the way of what SQLite itself finds damaged."""


def told(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> StateError:
    """Return the error of a run file as one line that says what to do: `DamagedError` unless the cause is elsewhere."""
    # Errors of Python's own module have no name of SQLite's.
    name = getattr(error, "sqlite_errorname", None) or ""
    for names, meaning in _MEANINGS:
        if name.startswith(names):
            return StateError(f"{path}: {error}: {meaning}")
    if name.startswith("SQLITE_NOMEM"):
        return StateError(f"{path}: {error}; the run's file can't be used")
    return damaged(path, str(error))


def damaged(path: Path, what: str) -> DamagedError:
    """Return the error of a run file that isn't as it was written."""
    # SQLite may quote half the file.
    text = textwrap.shorten(what, 100, placeholder=" …")
    return DamagedError(
        f"{path}: is damaged ({text}); move it away and make a new plan, or apply its manifests again: what exists "
        "already is found"
    )
