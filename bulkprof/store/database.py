"""A SQLite file that is a run's: made, opened only when it is ours, written all or nothing, used off the event loop."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar, Unpack

import anyio
import anyio.to_thread

from bulkprof.errors import StateError
from bulkprof.store import migrations, seals
from bulkprof.store.details import Notes, RunDetails
from bulkprof.store.errors import ERRORS, DamageError, damaged, told
from bulkprof.store.rows import R, columns, from_json, read
from bulkprof.store.schema import APPLICATION_ID, TABLES
from bulkprof.system import clocks
from bulkprof.system.private import create_private
from bulkprof.system.temporary import on_temporary_disk

T = TypeVar("T")


class MetaRow(NamedTuple):
    """One of the run's details, as a JSON text."""

    key: str
    value: str


_META = f"SELECT {columns(MetaRow)} FROM meta"


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
    def create(cls, path: Path, details: RunDetails) -> Self:
        """Make a new run file with `details` in it. Raises `StateError` where it can't be written.

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
                connection.executescript(TABLES)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {migrations.NEWEST}")
                run = cls(path, connection)
                with run._transaction():
                    run._write_meta(**details.as_json())
            except BaseException:
                connection.close()
                raise
        return run

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing run file, and bring it up to date.

        Raises `StateError` when it is missing, damaged, foreign or too new.
        """
        if not path.is_file():
            raise StateError(f"{path}: no such run file")
        with speaking_of(path):
            connection = _connect(path)
            try:
                check_identity(path, connection)
                if migrations.version_of(connection) < migrations.NEWEST:
                    connection.close()
                    _bring_up_to_date(path)
                    connection = _connect(path)
                _use_wal(connection)
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
            if not path.is_file() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
                raise
        return cls._open_read_only(path)

    @classmethod
    def _open_read_only(cls, path: Path) -> Self:
        """SQLite writes beside a file that it reads; where it can't, it must be told that the file doesn't change."""
        journal = _journal(path)
        with speaking_of(path):
            if journal.exists() and journal.stat().st_size:
                # What a killed run left there is part of it, and is only seen where SQLite can write.
                return cls._open_copy(path)
            address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
            connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
            try:
                check_identity(path, connection)
                if migrations.version_of(connection) == migrations.NEWEST:
                    return cls(path, connection)
            except BaseException:
                connection.close()
                raise
            connection.close()
            return cls._open_copy(path)

    @classmethod
    def _open_copy(cls, path: Path) -> Self:
        """Read a copy in the file's place, where it can be written, and so brought up to date."""
        with on_temporary_disk():
            folder = tempfile.TemporaryDirectory(prefix="bulkprof-")
        try:
            copy = Path(folder.name) / path.name
            with on_temporary_disk():
                for file in (path, _journal(path)):
                    if file.exists():
                        shutil.copyfile(file, copy.with_name(file.name))
            connection = _connect(copy)
            try:
                check_identity(path, connection)
                migrations.migrate(connection)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            folder.cleanup()
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

    def details(self) -> RunDetails:
        """Return what the file says of its run as a whole. Read anew each time: another process may have changed it."""
        with speaking_of(self.path):
            found = self._rows(MetaRow, _META)
            return RunDetails.from_json({row.key: from_json(row.value) for row in found})

    def note(self, **values: Unpack[Notes]) -> None:
        """Keep these of the run's details, instead of what was kept under their names."""
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
        self.note(alive=clocks.moment())

    def check(self) -> None:
        """Read all of the file, and raise `DamagedError` unless it is sound and holds the plan that was approved."""
        with speaking_of(self.path), self._db:
            # In one transaction, since another process may be writing.
            self._db.execute("BEGIN")
            if found := seals.damage(self._db):
                raise DamageError(found)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; a full or broken disk becomes one line that names the file."""
        with speaking_of(self.path), self._db:
            self._db.execute("BEGIN")
            yield

    def _rows(self, shape: type[R], query: str, values: Sequence[object] = ()) -> Iterator[R]:
        """Return the rows of a query whose columns are those of `shape`."""
        return (read(shape, row) for row in self._db.execute(query, values))

    def _number(self, query: str, values: Sequence[object] = ()) -> int:
        """Return the one number that a query finds."""
        (number,) = self._db.execute(query, values).fetchone()
        return int(number)


def _connect(path: Path) -> sqlite3.Connection:
    # One thread at a time is guaranteed by `off_loop`, so SQLite's own check by thread is off.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Changes the file, so only for one that is known to be ours."""
    connection.execute("PRAGMA journal_mode = WAL")
    # WAL with NORMAL keeps the file sound through `kill -9`; AWS is asked again after a power cut.
    connection.execute("PRAGMA synchronous = NORMAL")


def _bring_up_to_date(path: Path) -> None:
    """Migrate the file, and leave the time at which it was written: `recent` goes by the last write of a run."""
    files = [file for file in (path, _journal(path)) if file.exists()]
    written = max(file.stat().st_mtime_ns for file in files)
    with closing(_connect(path)) as connection:
        migrations.migrate(connection)
    # Who may write a file of another user may still not set its times.
    with suppress(OSError):
        os.utime(path, ns=(written, written))


def _journal(path: Path) -> Path:
    """Return where SQLite keeps what isn't in the file yet."""
    return path.with_name(f"{path.name}-wal")


def check_identity(path: Path, connection: sqlite3.Connection) -> None:
    """Raise `StateError` unless the open file is a run of this version or an older one."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise StateError(f"{path}: is not a bulkprof run file")
    version = migrations.version_of(connection)
    if version > migrations.NEWEST:
        raise StateError(f"{path}: was written by a newer bulkprof (format {version}); upgrade bulkprof to use it")
    # In one transaction, since another process may be writing.
    with connection:
        connection.execute("BEGIN")
        values = dict(connection.execute(_META))
        digest = seals.meta_digest(connection)
    if not {"id", "status"} <= values.keys():
        raise damaged(path, "it doesn't say what run it is")
    if seals.META in values and from_json(values[seals.META]) != digest:
        raise damaged(path, "what it says of its run isn't what was written")


@contextmanager
def speaking_of(path: Path) -> Iterator[None]:
    """Raise what SQLite raises as a `StateError` that names the file."""
    try:
        yield
    except ERRORS as error:
        raise told(path, error) from error
