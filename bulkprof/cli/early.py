"""Ctrl-C while no event loop listens to it: one line and exit code 130 instead of a traceback.

That is before a command's work, while the command line is still being imported, and after it, while its end is shown.
An import can't be broken off cleanly, and there is nothing yet that needs to be tidied up: so the process just ends.
"""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, NoReturn

TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
"""Values of variables that stand for a flag, as typer takes them."""

BEFORE_WORK = "interrupted before anything was started"
AFTER_WORK = "interrupted after the work, before all was told: what was done is done; `bulkprof runs` lists the runs"


class State:
    """How far this process's command line has come."""

    taken_over: ClassVar[bool] = False
    """Whether Ctrl-C raises here where no event loop listens."""
    message: ClassVar[str] = BEFORE_WORK
    """What is said at Ctrl-C."""
    json_printed: ClassVar[bool] = False
    """Whether the one JSON object of `--json` is printed: there is never a second one."""


def watch() -> None:
    """End this process at Ctrl-C from now on, unless its parent had it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: _leave())


class EarlyInterrupt(BaseException):
    """Ctrl-C, from when a command runs until it has an event loop that listens. typer takes `KeyboardInterrupt`."""


def hand_over() -> None:
    """Let Ctrl-C raise from now on, for code that tidies up; where Python can't raise it, the process ends at once."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, _raise)
        State.taken_over = True
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type in {KeyboardInterrupt, EarlyInterrupt}:
            _leave()
        before(unraisable)

    sys.unraisablehook = hook


def work_ended() -> None:
    """Take Ctrl-C back from the event loop, which has left it to Python: from now on, something has been done."""
    State.message = AFTER_WORK
    if State.taken_over:
        signal.signal(signal.SIGINT, _raise)


def ends() -> None:
    """Let Ctrl-C end the process without a message: all output is written."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _raise(*_: object) -> NoReturn:
    raise EarlyInterrupt


def _leave() -> NoReturn:
    # Written by hand: the modules that would write this may be just being imported.
    arguments = sys.argv[1:]
    asked = "--json" in arguments or os.environ.get("BULKPROF_JSON", "").strip().lower() in TRUE
    if asked and not State.json_printed:
        _write(1, f'{{"error": "{State.message}", "exit_code": 130}}')
    after = arguments[arguments.index("--log-format") + 1 :] if "--log-format" in arguments else []
    given = after[0] if after else os.environ.get("BULKPROF_LOG_FORMAT", "")
    if given == "json" or "--log-format=json" in arguments:
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        _write(2, f'{{"time": "{now}", "level": "info", "message": "{State.message}", "run_id": ""}}')
    else:
        _write(2, State.message)
    os._exit(130)


def _write(stream: int, line: str) -> None:
    try:
        os.write(stream, line.encode() + b"\n")
    except OSError:
        # The stream is closed, and there is no other way to say it.
        return
