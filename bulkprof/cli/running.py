"""Starts a command and ends it: options, signals, and one clear line with an exit code for whatever went wrong."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from bulkprof.cli.foreign_lines import OURS
from bulkprof.cli.logs import LogFormat
from bulkprof.errors import BulkprofError, ManifestError, RunInterruptedError, unwrapped

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.workflows.options import Options

T = TypeVar("T")
LOG = logging.getLogger(OURS)

STATE_DIR = Path(".bulkprof")
PROCESSES = 3
"""Processes that read large manifests, at most: each takes some 25 MB, and this one, which writes what they find, has
little time for more of them."""


def make_terminal(
    as_json: bool, no_color: bool, log_format: LogFormat = LogFormat.TEXT, *, yes: bool = False
) -> Terminal:
    """The command's way to its user."""
    from bulkprof.cli.terminal import Terminal

    terminal = Terminal(as_json=as_json, no_color=no_color, yes=yes, log_format=log_format)
    # From now on others may print, such as plugins: standard output holds what the command answers, and nothing else.
    sys.stdout = sys.stderr
    return terminal


def make_options(terminal: Terminal, config: Path | None, state_dir: Path, **flags: Any) -> Options:
    """Read the config and put the flags together. Ends the command when the config can't be used."""
    from bulkprof.config import load
    from bulkprof.workflows.options import Options

    given = {name: value for name, value in flags.items() if value is not None}
    with ending(terminal):
        return Options(config=load(config), state_dir=state_dir, processes=PROCESSES, **given)


@contextmanager
def ending(terminal: Terminal, again: list[str] | None = None) -> Iterator[None]:
    """Turn an error of ours into its line and exit code. `again`: the flags that a resume command needs."""
    try:
        with unwrapped():
            yield
    except BulkprofError as error:
        raise typer.Exit(explain(terminal, error, again)) from None


def run_async(terminal: Terminal, work: Callable[[], Awaitable[T]], *, again: list[str] | None) -> T:
    """Run `work` on an event loop with signals handled. Ends the command where it ends in an error.

    `again` are the flags that a resume command needs to find the same state and config; None where nothing can be
    resumed.
    """
    from bulkprof.cli.loop import run_watched

    with ending(terminal, again):
        return run_watched(terminal, work, again)


def explain(terminal: Terminal, error: BulkprofError, again: list[str] | None) -> int:
    """Print why a command ends, with `--json` as an object on stdout, too; answers the exit code."""
    code = int(error.exit_code)
    told: dict[str, Any] = {}
    LOG.debug("what is told next comes from here", exc_info=error)
    terminal.error(str(error))
    if isinstance(error, RunInterruptedError):
        code = error.code
    if error.run_id or isinstance(error, RunInterruptedError):
        say_how_to_resume(terminal, error.run_id, again)
        told["run_id"] = error.run_id
    if terminal.as_json:
        if isinstance(error, ManifestError):
            from bulkprof.reports.json import problem_json

            told["problems"] = [problem_json(problem) for problem in terminal.problems]
        terminal.json({"error": str(error), **told, "exit_code": code})
    return code


def say_how_to_resume(terminal: Terminal, run_id: str, again: list[str] | None) -> None:
    """Print the command that goes on with a run."""
    if again is None:
        return
    terminal.note(f"to go on: {command('resume', run_id, *again)}")


def command(*parts: str) -> str:
    """A command of ours as a shell takes it, whatever is in the names of its files; empty parts are left out."""
    return shlex.join(["bulkprof", *filter(None, parts)])


def flags_again(config: Path | None, state_dir: Path) -> list[str]:
    """The flags that a later command needs to find the same config and state."""
    flags = ["--config", str(config)] if config is not None else []
    return flags + (["--state-dir", str(state_dir)] if state_dir != STATE_DIR else [])
