"""A SQLite file that is a run's: made, opened only when it is ours, written all or nothing, used off the event loop."""

from __future__ import annotations

import json
import sqlite3
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread

from bulkprof.errors import DamagedError, StateError
from bulkprof.execution import clocks, rows, seals
from bulkprof.execution.private import create_private

APPLICATION_ID = 0x62756C6B
"""Marks a SQLite file as a run ("bulk" in ASCII)."""
SCHEMA_VERSION = 1

T = TypeVar("T")
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What Python's SQLite raises: the second where SQLite's own message quotes what is damaged."""


class Database:
    """The file itself, with the values that are kept about it. Make one with `create` or `open`, and close it.

    As a context manager it closes itself, and turns what SQLite raises inside into a `StateError` that names the file.
    Methods are synchronous; callers keep them off the event loop through `off_loop`, which lets one thread at a time
    at the connection.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection
        self._limiter: anyio.CapacityLimiter | None = None

    @classmethod
    def create(cls, path: Path, meta: Mapping[str, Any], *, private: bool = True) -> Self:
        """Make a new run file with `meta` (JSON values) in it. Raises `StateError` where it can't be written.

        It is the user's alone, or of a new file's usual mode where it isn't `private`; so is what SQLite puts there.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            create_private(path) if private else path.touch(exist_ok=False)
        except FileExistsError:
            raise StateError(f"{path}: is there already, and is not overwritten; choose another name") from None
        except OSError as error:
            raise StateError(f"{path}: can't be made: {error.strerror}; choose another place") from None
        with speaking_of(path):
            connection = _connect(path)
            try:
                _use_wal(connection)
                connection.executescript(rows.SCHEMA)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                run = cls(path, connection)
                run.set_meta(**meta)
            except BaseException:
                connection.close()
                raise
        return run

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing run file. Raises `StateError` when it is missing, damaged, foreign or too new."""
        if not path.is_file():
            raise StateError(f"{path}: no such run file")
        with speaking_of(path):
            connection = _connect(path)
            try:
                check_identity(path, connection)
                _use_wal(connection)
                connection.executescript(rows.ADDITIONS)
                return cls(path, connection)
            except BaseException:
                connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, _ERRORS):
            raise _told(self.path, error) from error

    def close(self) -> None:
        """Close the file; repeatable."""
        self._db.close()

    def copy_to(self, path: Path) -> None:
        """Write a copy, with what a killed writer left beside the file. Raises `StateError` when it can't."""
        with speaking_of(path), closing(_connect(path)) as copy:
            self._db.backup(copy)

    def make_fleeting(self) -> None:
        """Give up what a crash would leave, for speed: for a file that only this process takes rows into."""
        # In this order, so that leaving the one journal for the other waits for no disk either.
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("PRAGMA journal_mode = MEMORY")

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Run `work`, which uses this file, in a worker thread, after whatever is under way there."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(1)
        with speaking_of(self.path):
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    def meta(self, key: str, default: Any = None) -> Any:
        """A value kept with the run (`id`, `command`, `estate`, `status`, `started_at`, …)."""
        with speaking_of(self.path):
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return rows.from_json(row[0]) if row else default

    def set_meta(self, **values: Any) -> None:
        """Keep JSON values with the run."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", [(key, json.dumps(value)) for key, value in values.items()]
            )
            checksum = json.dumps(seals.meta_digest(self._db))
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (seals.META, checksum))

    def give_sign_of_life(self) -> None:
        """Keep the moment until which calls may have been sent, as far as is known now."""
        self.set_meta(alive=clocks.moment())

    def check(self) -> None:
        """Read all of the file, and raise `DamagedError` unless it is sound and holds the plan that was approved."""
        with speaking_of(self.path), self._db:
            # In one transaction, since another process may be writing.
            self._db.execute("BEGIN")
            if found := seals.damage(self._db):
                raise rows.DamageError(found)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; a full or broken disk becomes one line that names the file."""
        with speaking_of(self.path), self._db:
            self._db.execute("BEGIN")
            yield


def _connect(path: Path) -> sqlite3.Connection:
    # One thread at a time is guaranteed by `off_loop`, so SQLite's own check by thread is off.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Changes the file, so only for one that is known to be ours."""
    connection.execute("PRAGMA journal_mode = WAL")
    # WAL with NORMAL keeps the file sound through `kill -9`; AWS is asked again after a power cut.
    connection.execute("PRAGMA synchronous = NORMAL")


def check_identity(path: Path, connection: sqlite3.Connection) -> None:
    """Raise `StateError` unless the open file is a run of this version."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StateError(f"{path}: is not a bulkprof run file")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StateError(f"{path}: was written by a newer bulkprof (format {version}); upgrade bulkprof to use it")
    if connection.execute("SELECT count(*) FROM meta WHERE key IN ('id', 'status')").fetchone()[0] != 2:
        raise _damaged(path, "it doesn't say what run it is")
    # In one transaction, since another process may be writing.
    with connection:
        connection.execute("BEGIN")
        sealed = connection.execute("SELECT value FROM meta WHERE key = ?", (seals.META,)).fetchone()
        if sealed and rows.from_json(sealed[0]) != seals.meta_digest(connection):
            raise _damaged(path, "what it says of its run isn't what was written")


@contextmanager
def speaking_of(path: Path) -> Iterator[None]:
    """Raise what SQLite raises as a `StateError` that names the file."""
    try:
        yield
    except _ERRORS as error:
        raise _told(path, error) from error


_NOT_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
    }
)
"""What SQLite says of surroundings: the file itself may be sound."""


def _told(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> StateError:
    if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF not in _NOT_DAMAGE:
        return _damaged(path, str(error))
    return StateError(f"{path}: {error}; the run's file can't be used (is it damaged, or the disk full or read-only?)")


def _damaged(path: Path, what: str) -> DamagedError:
    # SQLite may quote half the file.
    text = textwrap.shorten(what, 100, placeholder=" …")
    return DamagedError(
        f"{path}: is damaged ({text}); move it away and make a new plan, or apply its manifests again: what exists "
        "already is found"
    )
