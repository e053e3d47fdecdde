"""The process's three streams, so that one that is closed, full or not read never harms a run.

What is done in AWS is done, whether it can be printed or not. A write that fails is remembered, and reported last.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast


class Lossy(io.FileIO):
    """A descriptor that takes whatever is written, and remembers why the first of it was lost."""

    def __init__(self, descriptor: int, *, closed: bool) -> None:
        """`closed` says that the descriptor only stands in for one that the process was started without."""
        super().__init__(descriptor, "w", closefd=False)
        self._closed_from_start = closed
        self.lost: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, or lose it."""
        if self._closed_from_start and self.lost is None:
            self.lost = OSError(errno.EBADF, os.strerror(errno.EBADF))
        if self.lost is None:
            try:
                return super().write(data)
            except OSError as error:
                self.lost = error
        return memoryview(data).nbytes


class Streams:
    """Standard output and error in place of Python's own, for as long as the process lives."""

    def __init__(self) -> None:
        for number in (0, 1, 2):
            try:
                os.fstat(number)
            except OSError:
                # The lowest free number is this one. Left free, the next file would get it: a run file, and every stray
                # line would be written into that.
                os.open(os.devnull, os.O_RDWR)
        self._out = Lossy(1, closed=sys.stdout is None)
        self._err = Lossy(2, closed=sys.stderr is None)
        sys.stdout = _text(self._out, sys.stdout)
        sys.stderr = _text(self._err, sys.stderr, line_buffering=True)

    def lost(self) -> str:
        """Write what is left. Return why standard output didn't get all; empty where it did.

        It is no fault when a reader stops before the end, as in `bulkprof … | head`.
        """
        for stream in (sys.stdout, sys.stderr):
            with suppress(ValueError):
                stream.flush()
        lost = self._out.lost
        return "" if lost is None or isinstance(lost, BrokenPipeError) else str(lost.strerror)


def open_terminal() -> BinaryIO:
    """Return the terminal that this process belongs to. Raises `OSError` where it has none."""
    name = "CONIN$" if sys.platform == "win32" else "/dev/tty"
    return cast("BinaryIO", Path(name).open("rb", buffering=0))


def _text(raw: Lossy, python: IO[str] | None, *, line_buffering: bool = False) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(python, "encoding", None) or "utf-8",
        # Names of files needn't be UTF-8, and terminals needn't be either.
        errors="backslashreplace",
        newline="\n",
        line_buffering=line_buffering or raw.isatty(),
    )
