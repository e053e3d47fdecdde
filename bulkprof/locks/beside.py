"""The lock of a file that is worked on where it lies: two processes of one machine don't share the work on it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from bulkprof.errors import LockHeldError, StateError
from bulkprof.locks.local import Holder, StateLock
from bulkprof.system.private import open_private

SUFFIX: Final = ".lock"
_READ_ONLY: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class FileLock(StateLock):
    """The lock of one file, kept in a file beside it: SQLite's own locks are in the file itself."""

    def __init__(self, locked: Path, estate: str, *, run_id: str, command: str) -> None:
        super().__init__(locked.parent, estate, run_id=run_id, command=command)
        self.locked = locked
        self.path = locked.with_name(locked.name + SUFFIX)

    def _open(self) -> int:
        return open_private(self.path, os.O_RDWR | os.O_CREAT)

    def _held_by(self, holder: Holder | None) -> LockHeldError:
        who = str(holder) if holder else "a process that is just starting"
        return LockHeldError(f"{self.locked}: another process is at work on it: {who}; wait until it ends")

    def _unusable(self, error: OSError) -> StateError:
        what = "can't be written" if error.errno in _READ_ONLY else "can't be locked"
        reason = error.strerror or type(error).__name__
        return StateError(f"{self.path}: {what}: {reason}; copy {self.locked.name} to a local disk of your own")
