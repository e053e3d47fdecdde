"""What a person sees: plans and summaries on stdout, everything on the way on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cached_property
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import anyio
import anyio.to_thread

from bulkprof.cli.early import State
from bulkprof.cli.foreign_lines import speak_through
from bulkprof.cli.logs import Level, LogFormat, log_line
from bulkprof.cli.streams import open_terminal
from bulkprof.errors import ExitCode, UsageError
from bulkprof.manifests.stdin import pieces
from bulkprof.model import OutcomeKind, Problem, Target
from bulkprof.reports.lines import print_line
from bulkprof.reports.plan.text import plan_counts_line, show_plan
from bulkprof.reports.problems import ProblemLines, SameProblem
from bulkprof.reports.progress import ProgressView
from bulkprof.reports.text import show_summary, summary_line
from bulkprof.stop import Stop
from bulkprof.store.run import RunFile
from bulkprof.text.printable import headed, json_text, printable
from bulkprof.totals import Plan, RunSummary
from bulkprof.ui import AtWork, Progress, Ui

if TYPE_CHECKING:
    from rich.console import Console


class Out:
    """Standard output or error. It may take only ASCII; `streams` sees to those that take nothing.

    rich takes long to import, so it is left to what it is needed for: drawing, and lines on a terminal.
    """

    def __init__(self, *, stderr: bool, no_color: bool, quiet: bool = False) -> None:
        self._is_stderr = stderr
        self._no_color = no_color
        self._quiet = quiet
        self._stream: IO[str] | None = sys.stderr if stderr else sys.stdout
        if isinstance(self._stream, TextIOWrapper):
            self._stream.reconfigure(errors="backslashreplace")

    @cached_property
    def console(self) -> Console:
        """For what is drawn."""
        from bulkprof.cli.console import SafeConsole

        # None lets rich look at NO_COLOR and at the terminal itself.
        return SafeConsole(
            file=self._stream,
            stderr=self._is_stderr,
            no_color=self._no_color or None,
            highlight=False,
            quiet=self._quiet,
        )

    @cached_property
    def is_terminal(self) -> bool:
        """Whether rich takes it for a terminal, which `FORCE_COLOR` and `TTY_COMPATIBLE` influence."""
        maybe = self._stream is not None and self._stream.isatty()
        return (maybe or not _TERMINAL_VARIABLES.isdisjoint(os.environ)) and self.console.is_terminal

    @cached_property
    def is_live(self) -> bool:
        """Whether a picture can be drawn there again and again: not on a dumb terminal, nor in coloured logs of CI."""
        return self.is_terminal and self._stream is not None and self._stream.isatty() and self.console.is_interactive

    def line(self, text: str, *, style: str = "", end: str = "\n") -> None:
        """Print a text, made printable. A line of it stays a line, so that file:line can be clicked and grepped."""
        text = printable(text)
        if self.is_terminal:
            print_line(self.console, text, style=style, end=end)
        elif self._stream is not None and not self._quiet:
            self._stream.write(text + end)
            self._stream.flush()


_TERMINAL_VARIABLES = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE"})
_STYLES: Mapping[Level, str] = {Level.INFO: "", Level.WARNING: "yellow", Level.ERROR: "bold red"}


class PlanAs(Enum):
    """How the command `plan` shows what it is about."""

    TEXT = auto()
    JSON = auto()
    MARKDOWN = auto()


class Terminal(Ui):
    """The command line's `Ui`; all that goes to standard error goes through its `_line`, but questions and bars."""

    def __init__(
        self, *, as_json: bool, no_color: bool, yes: bool = False, log_format: LogFormat = LogFormat.TEXT
    ) -> None:
        self.as_json = as_json
        self.stdout = sys.stdout
        """Standard output, which nothing else writes to: what plugins print goes to standard error."""
        self.json_logs = log_format is LogFormat.JSON
        self.errors = Out(stderr=True, no_color=no_color)
        # Tables have no place among JSON lines: what they say is in the JSON on stdout, and in a line of its own.
        self.output = Out(stderr=as_json, no_color=no_color, quiet=as_json and self.json_logs)
        self.yes = yes
        self.plan_as = PlanAs.TEXT
        self.whole_plan = False
        """Whether every change of a plan is shown, and not only the first of each kind."""
        self.refused_plan: dict[str, Any] = {}
        """What `--json` tells of a plan that a limit or a plugin stopped, besides the error."""
        self.stop = Stop()
        self.problems: list[Problem] = []
        self._lines = ProblemLines(self._same_problem)
        self.run_id = ""
        self._trace: dict[str, str] = {}
        self.asks = False
        """Whether a question waits for its answer: until then, nothing is changed and no call is under way."""
        self._busiest: AtWork | None = None
        self._view: ProgressView | None = None
        """What shows the step that is under way."""
        speak_through(self)

    def started(self, run_id: str) -> None:
        """Remember the run, for the lines that are about it."""
        self.run_id = run_id

    def traced(self, trace_id: str) -> None:
        """Remember the run's trace for the lines as JSON; people are told it once."""
        self._trace = {"trace_id": trace_id}
        self.note(f"trace: {trace_id}")

    def problem(self, problem: Problem) -> None:
        """Keep a problem until it is known which rows have it, and for `--json`."""
        if self.as_json:
            self.problems.append(problem)
        self._lines.add(problem)

    def problems_end(self) -> None:
        """Print the problems that aren't printed yet."""
        self._lines.end()

    def _same_problem(self, same: SameProblem) -> None:
        problem = same.first
        more: dict[str, Any] = {"file": problem.file, "line": problem.line} if problem.file else {}
        if same.rows > 1:
            more["rows"] = same.rows
        level = Level.ERROR if problem.is_error else Level.WARNING
        text = str(same) if not self.json_logs else str(same).removeprefix("warning: ")
        self._line(level, text, prefix=False, style="" if problem.is_error else None, **more)

    def warn(self, message: str) -> None:
        """Print a warning."""
        self._line(Level.WARNING, message)

    def warn_of(self, target: Target, message: str) -> None:
        """Print a warning about a target."""
        self._line(Level.WARNING, message, account=target.account, region=target.region)

    def note(self, message: str) -> None:
        """Print a remark."""
        self._line(Level.INFO, message)

    def error(self, message: str) -> None:
        """Print why a command ends, after the problems that are left to print."""
        self.problems_end()
        self._line(Level.ERROR, message)

    def foreign(self, message: str, traceback: str = "") -> None:
        """Print a line that isn't bulkprof's own, and where it comes from if that is wanted."""
        more: dict[str, Any] = {"traceback": traceback} if traceback else {}
        self._line(Level.WARNING, message, **more)
        if traceback and not self.json_logs:
            for line in traceback.splitlines():
                # Indented: no text of an exception passes for a line of bulkprof's own.
                self.errors.line(f"  {line}")

    def target_done(self, target: Target, counts: Mapping[OutcomeKind, int], seconds: float) -> None:
        """Print a line for a target; a terminal has a bar instead, and text logs leave out targets without changes."""
        if not self.json_logs and (self.errors.is_live or set(counts) <= {OutcomeKind.UNCHANGED}):
            return
        said = ", ".join(f"{counts[kind]} {kind}" for kind in OutcomeKind if counts.get(kind))
        self._line(
            Level.INFO,
            f"{target}: {said} in {seconds:.1f} s",
            account=target.account,
            region=target.region,
            outcomes={str(kind): count for kind, count in counts.items()},
            seconds=round(seconds, 3),
        )

    def finished(self, summary: RunSummary, failures: Iterable[str]) -> None:
        """Show a run's end: as tables, or among JSON lines as some more of them."""
        show_summary(self.output.console, summary, () if self.json_logs else failures)
        if self.json_logs:
            for line in failures:
                self._line(Level.ERROR, line)
            since: dict[str, Any] = {"since_last": str(summary.since_last)} if summary.since_last else {}
            outcomes = {str(kind): count for kind, count in summary.outcomes.items() if count}
            self._line(Level.INFO, summary_line(summary), exit_code=summary.exit_code, outcomes=outcomes, **since)

    def _line(self, level: Level, text: str, *, prefix: bool = True, style: str | None = None, **more: Any) -> None:
        if self.json_logs:
            self.errors.line(log_line(level, printable(text), self.run_id, datetime.now(UTC), **more, **self._trace))
            return
        if prefix and level is not Level.INFO:
            text = headed(f"{level}: ", text)
        self.errors.line(text, style=_STYLES[level] if style is None else style)

    def at_work(self, busiest: AtWork) -> None:
        """Keep it for the next step's picture."""
        self._busiest = busiest

    def progress(
        self, what: str, total: int, left: Callable[[], float | None] | None = None
    ) -> AbstractContextManager[Progress]:
        """Show a live picture on a terminal, lines elsewhere."""
        console = self.errors.console if self.errors.is_live and not self.json_logs else None
        busiest, self._busiest = self._busiest, None
        self._view = ProgressView(console, what, total, say=self.note, left=left, busiest=busiest)
        return self._view

    def leave(self) -> None:
        """Leave the terminal in order, for a process that ends at once."""
        if self._view is not None:
            self._view.pause()

    async def confirm(self, plan: Plan) -> bool:
        """Show the plan; ask on a terminal, unless `--yes` answered already."""
        await anyio.to_thread.run_sync(self._show, plan)
        if self.yes:
            return True
        if sys.stdin is None or not sys.stdin.isatty():
            raise UsageError("nobody can be asked without a terminal; add --yes, or look first: bulkprof plan")
        return (await self._ask("Do it? Only 'yes' is taken: ", sys.stdin.buffer)).lower() == "yes"

    async def ask(self, question: str) -> str | None:
        """Ask on the terminal, which standard input need not be. Return the answer, None where there is no terminal."""
        if sys.stdin is not None and sys.stdin.isatty():
            return await self._ask(question, sys.stdin.buffer)
        try:
            terminal = await anyio.to_thread.run_sync(open_terminal)
        except OSError:
            return None
        with terminal:
            return await self._ask(question, terminal)

    async def refused(self, plan: Plan, why: str) -> None:
        """Show what a limit or a plugin stops, as a plan is shown; why is told where the command ends."""
        await anyio.to_thread.run_sync(self._show, plan, why)

    def _show(self, plan: Plan, refused: str = "") -> None:
        if refused and self.plan_as is PlanAs.JSON:
            from bulkprof.reports.json import plan_json

            self.refused_plan = plan_json(plan, int(ExitCode.SAFETY_LIMIT))
        if self.as_json and self.json_logs:
            self.note(plan_counts_line(plan.actions, plan.refused, plan.targets, sandbox=plan.sandbox))
        elif plan.path is not None:
            with RunFile.open(plan.path) as run:
                if self.plan_as is PlanAs.MARKDOWN:
                    from bulkprof.reports.plan.markdown import plan_markdown

                    self.text(plan_markdown(run, everything=self.whole_plan, refused=refused))
                else:
                    show_plan(self.output.console, run, everything=self.whole_plan)

    async def _ask(self, question: str, source: BinaryIO) -> str:
        """Ask, but let Ctrl-C end the waiting: without a thread, which would keep the process until Enter."""
        answer = b""

        async def read() -> None:
            nonlocal answer
            async for piece in pieces(source):
                answer += piece
                if b"\n" in piece:
                    break
            group.cancel_scope.cancel()

        async def stopped() -> None:
            await self.stop.wait()
            group.cancel_scope.cancel()

        if self._view is not None:
            self._view.pause()
        if self.json_logs:
            self._line(Level.INFO, question)
        else:
            self.errors.line(question, end="")
        self.asks = True
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(read)
                group.start_soon(stopped)
        finally:
            self.asks = False
            if self._view is not None:
                self._view.resume()
        await self.stop.pause(0)
        return answer.partition(b"\n")[0].decode(errors="replace").strip()

    def json(self, value: Any) -> None:
        """Print the one JSON object of `--json`."""
        plain = (self.stdout.encoding or "").lower().replace("-", "") != "utf8"
        self.text([json_text(value, ascii_only=plain)])
        State.json_printed = True

    def text(self, lines: Iterable[str]) -> None:
        """Print lines on stdout, made printable, for other programs to read."""
        self.stdout.writelines(f"{printable(line)}\n" for line in lines)
        self.stdout.flush()
