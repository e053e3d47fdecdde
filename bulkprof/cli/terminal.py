"""What a person sees: plans and summaries on stdout, everything on the way on stderr."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager
from io import TextIOWrapper
from typing import Any

import anyio
import anyio.to_thread
from rich.console import Console

from bulkprof.cli.app import nobody_reads
from bulkprof.delivery.progress import ProgressView
from bulkprof.delivery.report import show_plan
from bulkprof.delivery.ui import Progress, Ui
from bulkprof.errors import UsageError
from bulkprof.execution.lane import Stop
from bulkprof.execution.runfile import RunFile
from bulkprof.model import Problem


class Out(Console):
    """A console that harms nobody when its reader goes away (`| head`) or takes only ASCII."""

    def __init__(self, *, stderr: bool, no_color: bool) -> None:
        # None lets rich look at NO_COLOR and at the terminal itself.
        super().__init__(stderr=stderr, no_color=no_color or None, highlight=False)
        if isinstance(self.file, TextIOWrapper):
            self.file.reconfigure(errors="backslashreplace")

    def on_broken_pipe(self) -> None:
        """Go on without a reader: the run matters more than who watches it."""
        self.quiet = True
        nobody_reads(self.file)


class Terminal(Ui):
    """The command line's `Ui`."""

    def __init__(self, *, as_json: bool, no_color: bool, yes: bool = False) -> None:
        self.errors = Out(stderr=True, no_color=no_color)
        self.output = self.errors if as_json else Out(stderr=False, no_color=no_color)
        self.as_json = as_json
        self.yes = yes
        self.stop = Stop()
        self.problems: list[Problem] = []

    def problem(self, problem: Problem) -> None:
        """Print a problem, and keep it for `--json`."""
        if self.as_json:
            self.problems.append(problem)
        self._line(str(problem), "yellow" if not problem.is_error else "")

    def warn(self, message: str) -> None:
        """Print a warning."""
        self._line(f"warning: {message}", "yellow")

    def note(self, message: str) -> None:
        """Print a remark."""
        self._line(message, "")

    def error(self, message: str) -> None:
        """Print why a command ends."""
        self._line(f"error: {message}", "bold red")

    def _line(self, text: str, style: str) -> None:
        # soft_wrap: a line stays a line, so that file:line can be clicked and grepped.
        self.errors.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def progress(self, what: str, total: int) -> AbstractContextManager[Progress]:
        """Show a bar on a terminal, lines elsewhere."""
        return ProgressView(self.errors, what, total)

    async def confirm(self, run: RunFile) -> bool:
        """Show the plan; ask on a terminal, unless `--yes` answered already."""
        await run.off_loop(lambda: show_plan(self.output, run))
        if self.yes:
            return True
        if not sys.stdin.isatty():
            raise UsageError("nobody can be asked without a terminal; add --yes, or look first: bulkprof plan")
        return await self._ask("Do it? Only 'yes' is taken: ")

    async def _ask(self, question: str) -> bool:
        """Ask, but let Ctrl-C end the waiting: the thread that reads can't be interrupted itself."""
        answers: list[str] = []

        async def read() -> None:
            line = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
            answers.append(line.strip().lower())
            group.cancel_scope.cancel()

        async def stopped() -> None:
            await self.stop.wait()
            group.cancel_scope.cancel()

        self.errors.print(question, end="", markup=False)
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            group.start_soon(stopped)
        await self.stop.pause(0)
        return answers == ["yes"]

    def json(self, value: Any) -> None:
        """Print the one JSON object of `--json`."""
        plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
        try:
            sys.stdout.write(json.dumps(value, ensure_ascii=plain) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            nobody_reads(sys.stdout)
