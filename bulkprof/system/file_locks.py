"""Locks of the kernel on open files, for one holder at a time. They go when their holder ends, however it ends.

On POSIX systems it is `flock`, which those who only look share. Windows locks bytes, which no other process can read
then, and knows no shared locks: there it is one byte far behind all content, and those who look hold it for an instant.
"""

from __future__ import annotations

import os
import sys
from typing import Final

_FAR: Final = 1 << 30
"""Where the byte is that Windows locks; the file needn't be so long."""


def lock(file: int, *, shared: bool = False) -> bool:
    """Lock an open file without a wait, beside others who only look where it is `shared`.

    Returns False where another holds it. Raises `OSError` where the file system knows no locks.
    """
    # Windows says that permission is denied.
    held_by_another = PermissionError if sys.platform == "win32" else BlockingIOError
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(file, _FAR, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except held_by_another:
        return False
    return True


def unlock(file: int) -> None:
    """Set an open file free. Raises `OSError`."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_UN)
