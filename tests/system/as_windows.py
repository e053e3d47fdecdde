"""Lets bulkprof run as on Windows, as far as that can be told on Linux: for a process of its own.

Only what bulkprof's own modules see changes: they find `sys.platform` to be `win32`, POSIX modules and functions
missing, a `msvcrt` that locks bytes; the event loop takes no signal handlers, and a file that is open can't be removed
or replaced. Other packages go on working as they do here.
"""

from __future__ import annotations

import asyncio
import builtins
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

ABSENT = frozenset({"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios", "tty"})
MISSING = {
    os: {
        "O_NOFOLLOW",
        "chown",
        "fchmod",
        "fork",
        "geteuid",
        "getuid",
        "mkfifo",
        "pread",
        "pwrite",
        "sched_getaffinity",
        "uname",
    },
    time: {"CLOCK_BOOTTIME", "clock_gettime"},
    signal: {"SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "setitimer"},
}


class StandIn(ModuleType):
    """A module with some of its names changed, and others missing."""

    def __init__(self, module: ModuleType, missing: set[str], **changed: object) -> None:
        super().__init__(module.__name__)
        self._module, self._missing = module, missing
        vars(self).update(changed)

    def __getattr__(self, name: str) -> Any:
        if name in self._missing:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self._module, name)


class Msvcrt(ModuleType):
    """The part of `msvcrt` that locks bytes from the file's position on; it counts in this process alone."""

    LK_UNLCK, LK_NBLCK = 0, 2

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.held: set[tuple[int, int]] = set()

    def locking(self, file: int, mode: int, size: int) -> None:
        """Lock or set free. Raises `PermissionError` where it is locked already, also by this process."""
        assert size == 1
        key = (os.fstat(file).st_ino, os.lseek(file, 0, os.SEEK_CUR))
        if mode == self.LK_UNLCK:
            self.held.remove(key)
        elif key in self.held:
            raise PermissionError(13, "Permission denied")
        else:
            self.held.add(key)


def pretend() -> None:
    """Let bulkprof's modules, which must not be imported yet, find what they would find on Windows."""
    assert not [name for name in sys.modules if name.startswith("bulkprof")]
    stand_ins: dict[str, ModuleType] = {
        "sys": StandIn(sys, set(), platform="win32"),
        "msvcrt": Msvcrt(),
        **{module.__name__: StandIn(module, missing) for module, missing in MISSING.items()},
    }
    imported = builtins.__import__

    def importing(name: str, namespace: Any = None, *more: Any, **how: Any) -> Any:
        if str((namespace or {}).get("__name__", "")).startswith("bulkprof"):
            if name in ABSENT:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if name in stand_ins:
                return stand_ins[name]
        return imported(name, namespace, *more, **how)

    builtins.__import__ = importing
    # There is no uvloop for Windows.
    sys.modules["uvloop"] = None  # type: ignore[assignment]
    for method in ("add_reader", "add_signal_handler", "add_writer"):
        setattr(asyncio.SelectorEventLoop, method, _not_there)
    for name, changed in (("remove", 0), ("unlink", 0), ("rename", 1), ("replace", 1)):
        setattr(os, name, _refusing(getattr(os, name), changed))


def _not_there(*_: object) -> None:
    raise NotImplementedError


def _refusing(call: Callable[..., None], changed: int) -> Callable[..., None]:
    """The function, which refuses where one of the first paths, up to `changed`, is open in this process."""

    def refusing(*arguments: Any, **how: Any) -> None:
        # What makes a temporary file tells Windows to remove it, in another way.
        if sys._getframe(1).f_globals.get("__name__") != "tempfile" and "dir_fd" not in how:
            for path in arguments[: changed + 1]:
                if _is_open(Path(path).resolve()):
                    raise PermissionError(13, "The process cannot access the file because it is being used", str(path))
        call(*arguments, **how)

    return refusing


def _is_open(path: Path) -> bool:
    def leads_there(entry: Path) -> bool:
        try:
            return entry.readlink() == path
        except OSError:
            return False

    return any(leads_there(entry) for entry in Path("/proc/self/fd").iterdir())
