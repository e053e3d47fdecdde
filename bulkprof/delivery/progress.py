"""How a run's progress is shown: a bar on a terminal, plain lines elsewhere, nothing with `--quiet`."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from bulkprof.model import Outcome, OutcomeKind

LINE_EVERY_S = 10.0
"""Seconds between two plain lines."""
BAD = (OutcomeKind.FAILED, OutcomeKind.UNKNOWN)


class ProgressView:
    """Shows how far a step of the run is; a context manager."""

    def __init__(self, console: Console, what: str, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`what` names the things that are counted; `console` writes to standard error."""
        self._console = console
        self._what = what
        self._total = total
        self._done = 0
        self._bad = 0
        self._clock = clock
        self._next_line = clock() + LINE_EVERY_S
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        if self._console.is_terminal and self._total:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("[red]{task.fields[bad]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total, bad="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, count: int = 1) -> None:
        """Count `count` more as done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(self._task, advance=count, bad=f"{self._bad} failed" if self._bad else "")
        elif self._clock() >= self._next_line:
            self._next_line = self._clock() + LINE_EVERY_S
            failed = f", {self._bad} failed" if self._bad else ""
            self._console.print(f"{self._what}: {self._done} of {self._total}{failed}", highlight=False)

    def outcome(self, outcome: Outcome) -> None:
        """Count an outcome as done."""
        self._bad += outcome.kind in BAD
        self.step()
