"""How a run's progress is shown: a bar on a terminal, plain lines elsewhere, nothing with `--quiet`."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bulkprof.model import Outcome
from bulkprof.planning.estimate import spoken

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

LINE_EVERY_S = 10.0
"""Seconds between two plain lines."""
LOOK_EVERY_S = 1.0
"""Seconds between two looks at how long the rest will take, at least."""
LOOK_SHARE = 50
"""A look takes at most this part of the time: it goes over all targets that are left, which may be many thousands."""


class ProgressView:
    """Shows how far a step of the run is; a context manager."""

    def __init__(
        self,
        bar: Console | None,
        what: str,
        total: int,
        *,
        say: Callable[[str], None],
        left: Callable[[], float | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`what` names the things that are counted. Without a console for a bar, `say` gets a line now and then.

        `left` answers how many seconds the rest takes; where it doesn't know, the past is taken for the future.
        """
        self._console = bar
        self._what = what
        self._total = total
        self._say = say
        self._left = left
        self._done = 0
        self._bad = 0
        self._clock = clock
        self._began = clock()
        self._next_line = self._began + LINE_EVERY_S
        self._next_look = self._began
        self._bar: Progress | None = None
        self._task: TaskID

    def __enter__(self) -> Self:
        if self._console is not None and self._total:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("[red]{task.fields[bad]}"),
                TextColumn("{task.fields[left]}") if self._left else TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total, bad="", left="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, count: int = 1) -> None:
        """Count `count` more as done."""
        self._done += count
        now = self._clock()
        if self._bar is not None:
            self._bar.update(self._task, advance=count, bad=f"{self._bad} failed" if self._bad else "")
            if now >= self._next_look:
                self._bar.update(self._task, left=self._time_left(now))
                self._next_look = now + max(LOOK_EVERY_S, LOOK_SHARE * (self._clock() - now))
        elif self._console is None and now >= self._next_line:
            of_total = f" of {self._total}" if self._total else ""
            parts = [f"{self._what}: {self._done}{of_total}", f"{self._bad} failed" if self._bad else ""]
            self._say(", ".join(filter(None, [*parts, self._time_left(now)])))
            self._next_line = now + max(LINE_EVERY_S, LOOK_SHARE * (self._clock() - now))

    def outcome(self, outcome: Outcome) -> None:
        """Count an outcome as done."""
        self._bad += outcome.kind.is_failure
        self.step()

    def _time_left(self, now: float) -> str:
        if self._left is None:
            return ""
        seconds = self._left()
        if seconds is None and now - self._began >= LOOK_EVERY_S:
            seconds = (now - self._began) / self._done * (self._total - self._done)
        return "" if seconds is None else f"{spoken(seconds)} left"
