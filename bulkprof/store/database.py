"""A SQLite file that is a run's: made, opened only when it is ours, written all or nothing, used off the event loop."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread

from bulkprof.errors import StateError
from bulkprof.store import codec as rows
from bulkprof.store import seals
from bulkprof.store.errors import ERRORS, damaged, told
from bulkprof.system import clocks
from bulkprof.system.private import create_private

APPLICATION_ID = 0x62756C6B
"""Marks a SQLite file as a run ("bulk" in ASCII)."""
SCHEMA_VERSION = 1

T = TypeVar("T")
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
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        """Where the copy is that is read in the file's place."""

    @classmethod
    def create(cls, path: Path, meta: Mapping[str, Any]) -> Self:
        """Make a new run file with `meta` (JSON values) in it. Raises `StateError` where it can't be written.

        It is the user's alone, as what SQLite puts beside it is: it holds what was approved, account ids and names.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            create_private(path)
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
                _add_what_came_later(connection)
                return cls(path, connection)
            except BaseException:
                connection.close()
                raise

    @classmethod
    def look_at(cls, path: Path) -> Self:
        """Open an existing run file for reading, also where nothing can be written. Raises `StateError` as `open`."""
        try:
            return cls.open(path)
        except StateError:
            if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
                raise
        return cls._open_read_only(path)

    @classmethod
    def _open_read_only(cls, path: Path) -> Self:
        """SQLite writes beside a file that it reads; where it can't, it must be told that the file doesn't change."""
        wal = path.with_name(f"{path.name}-wal")
        folder = None
        with speaking_of(path):
            read = path
            if wal.exists() and wal.stat().st_size:
                # What a killed run left there is part of it, and is only seen where SQLite can write.
                folder = tempfile.TemporaryDirectory(prefix="bulkprof-")
                read = Path(folder.name) / path.name
                shutil.copy(path, read)
                shutil.copy(wal, read.with_name(wal.name))
                connection = _connect(read)
            else:
                address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
                connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
            try:
                check_identity(path, connection)
                _add_what_came_later(connection, beside=folder is None)
            except BaseException:
                connection.close()
                raise
        found = cls(path, connection)
        found._copy = folder
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, ERRORS):
            raise told(self.path, error) from error

    def close(self) -> None:
        """Close the file; repeatable."""
        self._db.close()
        if self._copy is not None:
            self._copy.cleanup()

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
            self._write_meta(**values)

    def _write_meta(self, **values: Any) -> None:
        """Write values and the checksum over all of them, inside a transaction."""
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


def _add_what_came_later(connection: sqlite3.Connection, *, beside: bool = False) -> None:
    """Make the tables that a file of bulkprof 0.1.0 lacks: in it, or `beside` it where it can't be written."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'replacement'").fetchone()
    if not found:
        connection.executescript(rows.ADDITIONS.replace("TABLE", "TEMP TABLE") if beside else rows.ADDITIONS)


def check_identity(path: Path, connection: sqlite3.Connection) -> None:
    """Raise `StateError` unless the open file is a run of this version."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StateError(f"{path}: is not a bulkprof run file")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StateError(f"{path}: was written by a newer bulkprof (format {version}); upgrade bulkprof to use it")
    if connection.execute("SELECT count(*) FROM meta WHERE key IN ('id', 'status')").fetchone()[0] != 2:
        raise damaged(path, "it doesn't say what run it is")
    # In one transaction, since another process may be writing.
    with connection:
        connection.execute("BEGIN")
        sealed = connection.execute("SELECT value FROM meta WHERE key = ?", (seals.META,)).fetchone()
        if sealed and rows.from_json(sealed[0]) != seals.meta_digest(connection):
            raise damaged(path, "what it says of its run isn't what was written")


@contextmanager
def speaking_of(path: Path) -> Iterator[None]:
    """Raise what SQLite raises as a `StateError` that names the file."""
    try:
        yield
    except ERRORS as error:
        raise told(path, error) from error
