"""The commands that a user may type next, as they are printed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from bulkprof.cli.flags import STATE_DIR, Execution

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal

NONE_FOUND = "no profile of this estate was found there; --accounts and --regions, or [defaults], say where to look"
"""For commands that look into AWS at the places of `[defaults]`, or at the caller's own."""


def command(*parts: str) -> str:
    """Return a command of bulkprof, quoted for a shell since names of files may hold anything; empty parts go."""
    return shlex.join(["bulkprof", *filter(None, parts)])


def flags_again(run: Execution) -> list[str]:
    """Return the flags that a later command needs to find the same config and state."""
    flags = ["--config", str(run.config)] if run.config is not None else []
    return flags + (["--state-dir", str(run.state_dir)] if run.state_dir != STATE_DIR else [])


def say_how_to_resume(terminal: Terminal, run_id: str, again: list[str] | None) -> None:
    """Print the command that goes on with a run; nothing where `again` is None, for there is nothing to resume."""
    if again is not None:
        terminal.note(f"to go on: {command('resume', run_id, *again)}")
