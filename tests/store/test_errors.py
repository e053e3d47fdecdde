"""What SQLite says, in words for whoever has to do something about it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bulkprof.errors import DamagedError, StateError
from bulkprof.statuses import RunStatus
from bulkprof.store.details import RunDetails
from bulkprof.store.errors import told
from bulkprof.store.run import RunFile


def error_of(name: str, text: str = "what SQLite says") -> sqlite3.Error:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SQLITE_FULL", "free some space"),
        ("SQLITE_READONLY_DIRECTORY", "read-only; choose another --state-dir"),
        ("SQLITE_PROTOCOL", "its file system keeps no locks"),
        ("SQLITE_IOERR_LOCK", "its file system keeps no locks"),
        ("SQLITE_IOERR_SHMMAP", "shares no memory"),
        ("SQLITE_CANTOPEN", "look at their permissions"),
        ("SQLITE_IOERR_WRITE", "disk full, or failing"),
        ("SQLITE_IOERR_SHMSIZE", "disk full; free"),
    ],
)
def test_each_kind_says_what_to_do(name: str, said: str) -> None:
    message = str(told(Path("a/run.db"), error_of(name)))
    assert message.startswith("a/run.db: what SQLite says: ")
    assert said in message
    assert "damaged" not in message


@pytest.mark.parametrize("name", ["SQLITE_CORRUPT_INDEX", "SQLITE_NOTADB"])
def test_what_is_damaged_says_so(name: str) -> None:
    found = told(Path("a/run.db"), error_of(name))
    assert isinstance(found, DamagedError)
    assert str(found).startswith("a/run.db: is damaged (what SQLite says); move it away")


def test_a_file_that_somebody_holds_is_not_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system without locks: SQLite calls both `database is locked`."""
    path = tmp_path / "run.db"
    RunFile.create(path, RunDetails("1")).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other, RunFile.open(path) as run:
        run._db.execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            StateError, match="database is locked: another process holds it, or its file system keeps no"
        ):
            run.note(status=RunStatus.PLANNING)
