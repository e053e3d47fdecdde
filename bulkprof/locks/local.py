"""One run at a time for each (state directory, estate): a file that the kernel locks, with the holder's name in it.

The lock is the kernel's, the record is for people. So a holder that was killed leaves nothing to clean up: its lock
went with it, and the file that stays behind says no more than who was last. The limits:

- On POSIX systems it is `flock`, which counts for all processes that see the same file through the same kernel,
  containers included. On NFS it also counts between machines where the server and the mount keep locks (NFSv4, or v3
  with lockd; not `nolock` or `local_lock=flock`). Other shared file systems may give the lock to all who ask. Runners
  on several machines therefore take the S3 lock as well. A record that another machine's holder left is told to `warn`,
  for that could be the case.
- On Windows it is a lock on a byte, which counts for all processes of the machine.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from bulkprof.errors import LockHeldError, StateError
from bulkprof.system.file_locks import lock, unlock
from bulkprof.system.private import open_private, private_directory, private_folder
from bulkprof.text.printable import printable

FOLDER: Final = "locks"
"""Where lock files are, in the state directory."""
_LONGEST_RECORD: Final = 4096
_INSTANT_S: Final = 0.05
"""Longer than a command that looks who holds a lock has it itself."""
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, 45})
"""The errors of `flock` where there are no locks; 45 is macOS's ENOTSUP, which not every system names."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, in words for people. Holds no arguments or settings: those may be secret."""

    pid: int
    host: str
    since: str
    """UTC, ISO 8601, to the second."""
    run_id: str
    command: str
    """The use case: `apply`."""
    estate: str

    @classmethod
    def here(cls, estate: str, *, run_id: str, command: str, now: float) -> Holder:
        """Return this process, as a holder from `now` (epoch seconds) on."""
        return cls(os.getpid(), socket.gethostname(), utc(now), run_id, command, estate)

    @classmethod
    def from_json(cls, record: Any) -> Holder | None:
        """Return the holder that a record names; None where it isn't one."""
        if not isinstance(record, Mapping) or not isinstance(record.get("pid"), int):
            return None
        # Anyone who can write the record can put anything there, and it ends up on a terminal.
        texts = [_plain(record.get(name)) for name in ("host", "since", "run_id", "command", "estate")]
        return cls(record["pid"], *texts)

    def __str__(self) -> str:
        run = f"run {self.run_id} ({self.command})" if self.run_id else f"a run ({self.command})"
        return f"{run}, pid {self.pid} on {self.host}, since {self.since}"


class StateLock:
    """The lock of one estate in one state directory: a context manager, which never waits.

    `previous` is the holder that ended without letting go, if one did; `holder` is this one.
    """

    def __init__(
        self,
        directory: Path,
        estate: str,
        *,
        run_id: str = "",
        command: str = "",
        warn: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`directory` is the state directory; `clock` gives epoch seconds."""
        self.path = _path(directory, estate)
        self.estate = estate
        self.holder = Holder.here(estate, run_id=run_id, command=command, now=clock())
        self.previous: Holder | None = None
        self._warn = warn
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Take the lock. Raises `LockHeldError` that names the holder, or `StateError` where nothing can be locked."""
        if self._file is not None:
            raise RuntimeError("this lock is held already; make another one")
        try:
            file = self._open()
            try:
                self._take(file)
            except BaseException:
                os.close(file)
                raise
        except OSError as error:
            raise self._unusable(error) from None
        self._file = file
        if self.previous is not None and self.previous.host != self.holder.host:
            self._tell_of_another_host(self.previous)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go. The file stays: removing it could leave two runs with a lock each, on two files of one name."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            # Without it the next run takes this one for dead, and no worse; the end of a run is no time to complain.
            with suppress(OSError):
                os.ftruncate(file, 0)
            # Closing alone wouldn't do: a child that was forked meanwhile would hold on to it.
            unlock(file)
        finally:
            os.close(file)

    def _open(self) -> int:
        private_directory(self.path.parent.parent)
        private_folder(self.path.parent)
        # Closed for programs that are started: one that inherited it would keep the lock beyond the run's end.
        return open_private(self.path, os.O_RDWR | os.O_CREAT)

    def _take(self, file: int) -> None:
        if not lock(file):
            # It may just be looked at.
            time.sleep(_INSTANT_S)
            if not lock(file):
                raise self._held_by(_read(file))
        self.previous = _read(file)
        _write(file, self.holder)

    def _held_by(self, holder: Holder | None) -> LockHeldError:
        # No record: it was taken a moment ago, and its holder is about to write one.
        who = str(holder) if holder else "a run that is just starting"
        advice = "wait until it ends"
        if holder is not None and holder.host == self.holder.host:
            advice += f", or stop it (`kill {holder.pid}`): its lock ends with it"
        return LockHeldError(f"another run of estate {self.estate!r} is at work: {who} ({self.path}); {advice}")

    def _unusable(self, error: OSError) -> StateError:
        reason = error.strerror or type(error).__name__
        if error.errno in _NO_LOCKS:
            return StateError(f"{self.path}: can't be locked: {reason}; choose a --state-dir on a local disk")
        return StateError(f"{self.path}: can't be written: {reason}; choose another --state-dir")

    def _tell_of_another_host(self, previous: Holder) -> None:
        if self._warn is not None:
            self._warn(
                f"{self.path}: taken over from {previous}, which ended without letting go; if that machine shares this "
                "directory and may still be at work, stop here and set `s3` under [lock]"
            )


class Seen(NamedTuple):
    """What a look at a lock shows."""

    held: bool
    holder: Holder | None
    """Who wrote their name in it: the holder, or where it isn't held, one that ended without letting go."""


def look(directory: Path, estate: str) -> Seen | None:
    """Look who holds the lock of an estate on a state directory, without a wait; None where that can't be told."""
    try:
        file = os.open(_path(directory, estate), os.O_RDONLY)
    except FileNotFoundError:
        return Seen(held=False, holder=None)
    except OSError:
        return None
    try:
        held = not lock(file, shared=True)
        holder = _read(file)
        if not held:
            unlock(file)
        return Seen(held, holder)
    except OSError:
        return None
    finally:
        os.close(file)


def _path(directory: Path, estate: str) -> Path:
    # An estate's name may hold slashes and more than a file's name can.
    return directory / FOLDER / f"{hashlib.sha256(estate.encode()).hexdigest()[:16]}.lock"


def utc(seconds: float) -> str:
    """Return epoch seconds as UTC in ISO 8601, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _read(file: int) -> Holder | None:
    # In two steps: Windows has no `pread`.
    os.lseek(file, 0, os.SEEK_SET)
    try:
        return Holder.from_json(json.loads(os.read(file, _LONGEST_RECORD)))
    except (ValueError, RecursionError):
        # Empty, half written, or not ours: the lock itself is the kernel's and doesn't depend on it.
        return None


def _write(file: int, holder: Holder) -> None:
    record = json.dumps(asdict(holder)).encode() + b"\n"
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    if os.write(file, record) < len(record):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else "?"
    return printable(text[:256])
