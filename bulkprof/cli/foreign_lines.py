"""What libraries and Python itself say on standard error, as lines of the command: one each, JSON where asked for.

They say it through `logging`, `warnings` and a handful of hooks. Tracebacks are shown under `--debug` only, and so are
the lines of the SDK and of dask: they raise what matters to a run, and bulkprof prints that.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from bulkprof.errors import named, without_secrets

if TYPE_CHECKING:
    import logging

_WHICH_RAISE = ("aioboto3", "aiobotocore", "boto3", "botocore", "dask", "distributed", "tornado")
OURS = "bulkprof"
"""The logger for what only those who work on bulkprof itself want to know."""


class Speaker(Protocol):
    """What lines are printed through."""

    def foreign(self, message: str, traceback: str = "") -> None:
        """Print a line that isn't bulkprof's own, and where it comes from if that is wanted."""


class ForeignLines:
    """Takes over from Python, once for the process."""

    def __init__(self, make: Callable[[], Speaker], *, debug: bool) -> None:
        """`make` returns what lines are printed through while no command has a terminal yet."""
        self._make = make
        self._debug = debug
        self._terminal: Speaker | None = None
        sys.excepthook = self._uncaught
        sys.unraisablehook = self._unraisable
        threading.excepthook = self._in_thread
        warnings.showwarning = self._warned

    def speak_through(self, terminal: Speaker) -> None:
        """Use the command's terminal from now on, and listen to loggers: libraries that log are imported with it."""
        if self._terminal is None:
            self._listen()
        self._terminal = terminal

    def say(self, text: str, error: BaseException | None = None) -> None:
        """Say it in one line."""
        if self._terminal is None:
            self._terminal = self._make()
        self._terminal.foreign(" ".join(text.split()), trace(error) if self._debug else "")

    def _listen(self) -> None:
        import logging

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord, lines: ForeignLines = self) -> None:
                lines.log(record)

        logging.getLogger().addHandler(Handler(logging.WARNING if not self._debug else logging.DEBUG))
        logging.getLogger(OURS).setLevel(logging.DEBUG if self._debug else logging.WARNING)

    def log(self, record: logging.LogRecord) -> None:
        """Say what was logged."""
        if record.name.partition(".")[0] in _WHICH_RAISE and not self._debug:
            return
        error = record.exc_info[1] if record.exc_info else None
        # Further lines say where it was, or which objects were involved.
        text = f"{record.name}: {record.getMessage().partition(chr(10))[0]}"
        self.say(without_secrets(f"{text}: {named(error)}" if error is not None else text), error)

    def _warned(
        self, message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any
    ) -> None:
        self.say(f"{filename}:{lineno}: {category.__name__}: {message}")

    def _uncaught(self, kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
        self.say("interrupted" if issubclass(kind, KeyboardInterrupt) else f"uncaught: {named(error)}", error)

    def _unraisable(self, found: sys.UnraisableHookArgs) -> None:
        what = found.err_msg or "Exception ignored in"
        said = named(found.exc_value) if found.exc_value is not None else found.exc_type.__name__
        self.say(f"{what} {found.object!r}: {said}", found.exc_value)

    def _in_thread(self, found: threading.ExceptHookArgs) -> None:
        name = found.thread.name if found.thread is not None else "a thread"
        said = named(found.exc_value) if found.exc_value is not None else found.exc_type.__name__
        self.say(f"uncaught in {name}: {said}", found.exc_value)


def trace(error: BaseException | None) -> str:
    """Return the traceback of an exception, for `--debug`; empty for none."""
    if error is None:
        return ""
    import traceback

    return "".join(traceback.format_exception(error)).rstrip()


_lines: list[ForeignLines] = []


def take_over(make: Callable[[], Speaker], *, debug: bool) -> None:
    """Take over from Python: for a process that is bulkprof's own."""
    _lines.append(ForeignLines(make, debug=debug))


def speak_through(terminal: Speaker) -> None:
    """Use the command's terminal, in a process that is bulkprof's own."""
    for lines in _lines:
        lines.speak_through(terminal)
