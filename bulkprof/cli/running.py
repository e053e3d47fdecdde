"""Starts a command and ends it: options, signals, and one clear line with an exit code for whatever went wrong."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from bulkprof.cli.flags import Display, Execution, Fleet, Scope
from bulkprof.cli.foreign_lines import OURS
from bulkprof.cli.next_steps import say_how_to_resume
from bulkprof.errors import BulkprofError, ManifestError, RunInterruptedError, unwrapped

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.workflows.options import Options

T = TypeVar("T")
LOG = logging.getLogger(OURS)

PROCESSES = 3
"""Processes that read large manifests, at most, this one among them: each other one takes some 25 MB."""


def start_readers(manifests: Sequence[str]) -> None:
    """Start what large manifests are read with, while this process imports the rest."""
    from bulkprof.manifests.parallel.interpreters import start_early

    start_early(manifests, PROCESSES, ("bulkprof.workflows.steps.intake.rows", "bulkprof.config"))


def make_terminal(shown: Display, *, yes: bool = False) -> Terminal:
    """Return what the command speaks to its user through."""
    from bulkprof.cli.terminal import Terminal

    terminal = Terminal(as_json=shown.as_json, no_color=shown.no_color, yes=yes, log_format=shown.log_format)
    # From now on others may print, such as plugins: standard output holds what the command returns, and nothing else.
    sys.stdout = sys.stderr
    return terminal


def make_options(terminal: Terminal, *groups: Scope | Execution | Fleet) -> Options:
    """Read the config and put the flags together. Ends the command when the config can't be used."""
    from bulkprof.workflows.config import load_config
    from bulkprof.workflows.options import Options

    given = {name: value for group in groups for name, value in vars(group).items() if value is not None}
    # That one is the terminal's.
    given.pop("yes", None)
    with ending(terminal):
        config = load_config(given.pop("config", None), sandbox=given.get("sandbox", False))
        return Options(config=config, processes=PROCESSES, flags=True, **given)


def past_options(terminal: Terminal, flags: Execution, *, needs_config: bool = False) -> Options:
    """Return the options of commands that only look at runs, of which some may be kept in S3.

    A config that can't be read is no reason not to show the runs that are here, unless the command `needs_config`:
    then it raises `ConfigError`.
    """
    from bulkprof.config import Config
    from bulkprof.workflows.config import load_config
    from bulkprof.workflows.options import Options

    given = {name: value for name, value in vars(flags).items() if value is not None and name not in ("config", "yes")}
    try:
        config = load_config(flags.config)
    except BulkprofError as error:
        if needs_config:
            raise
        terminal.warn(f"only runs on this disk are looked at: {error}")
        config = Config()
    return Options(config=config, flags=True, **given)


@contextmanager
def ending(terminal: Terminal, again: list[str] | None = None) -> Iterator[None]:
    """Turn an error of bulkprof into its line and exit code. `again`: the flags that a resume command needs."""
    try:
        with unwrapped():
            yield
    except BulkprofError as error:
        raise typer.Exit(_show_error(terminal, error, again)) from None


def run_async(terminal: Terminal, work: Callable[[], Awaitable[T]], *, again: list[str] | None) -> T:
    """Run `work` on an event loop with signals handled. Ends the command where it ends in an error.

    `again` are the flags that a resume command needs to find the same state and config; None where nothing can be
    resumed.
    """
    from bulkprof.cli.loop import run_watched

    with ending(terminal, again):
        return run_watched(terminal, work, again)


def _show_error(terminal: Terminal, error: BulkprofError, again: list[str] | None) -> int:
    """Print why a command ends, with `--json` as an object on stdout, too. Return the exit code."""
    code = int(error.exit_code)
    more: dict[str, Any] = {}
    LOG.debug("what is told next comes from here", exc_info=error)
    terminal.error(str(error))
    if isinstance(error, RunInterruptedError):
        code = error.code
    if error.run_id or isinstance(error, RunInterruptedError):
        say_how_to_resume(terminal, error.run_id, again)
        more["run_id"] = error.run_id
    if terminal.as_json:
        more |= terminal.refused_plan
        if isinstance(error, ManifestError):
            from bulkprof.reports.json import problem_json

            more["problems"] = [problem_json(problem) for problem in terminal.problems]
        terminal.json({"error": str(error), **more, "exit_code": code})
    return code
