"""A run's progress: what is left of it, and how that is shown, as a bar on a terminal and as plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bulkprof.model import ActionKind, Outcome, OutcomeKind, Target
from bulkprof.planning.estimate import Pending, RateOf, seconds_left, spoken

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

LINE_EVERY_S = 10.0
"""Seconds between two plain lines."""
LOOK_EVERY_S = 1.0
"""Seconds between two looks at how long the rest will take, at least."""
LOOK_SHARE = 50
"""A look takes at most this part of the time: it goes over all targets that are left, which may be many thousands."""

_ACTIONS: Mapping[OutcomeKind, ActionKind] = {
    OutcomeKind.CREATED: ActionKind.CREATE,
    OutcomeKind.UPDATED: ActionKind.UPDATE,
    OutcomeKind.ADOPTED: ActionKind.ADOPT,
    OutcomeKind.REPLACED: ActionKind.REPLACE,
    OutcomeKind.DELETED: ActionKind.DELETE,
    OutcomeKind.UNCHANGED: ActionKind.NONE,
}


@dataclass(frozen=True, slots=True)
class TargetDone:
    """A target whose last action has its outcome."""

    target: Target
    counts: Mapping[OutcomeKind, int]
    seconds: float
    """Since the target's turn came."""


class Remaining:
    """What a run has still to do, target by target: counts down as outcomes come in."""

    def __init__(
        self, pending: Pending, rate_of: RateOf, width: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`pending` is what has no outcome yet; `width` is how many targets are worked in at once."""
        self._pending = {target: Counter(kinds) for target, kinds in pending.items()}
        self._outcomes: dict[Target, Counter[OutcomeKind]] = {}
        self._begun: dict[Target, float] = {}
        self._rate_of = rate_of
        self._width = width
        self._clock = clock

    def seconds(self) -> float | None:
        """Return how long the rest takes at the rates that are known by now; None while none is."""
        return seconds_left(self._pending, self._rate_of, self._width)

    def begins(self, target: Target) -> None:
        """Note that a target's turn has come."""
        self._begun[target] = self._clock()

    def take(self, outcome: Outcome) -> TargetDone | None:
        """Count an outcome. Return its target if it was the last one there."""
        target = outcome.target
        pending = self._pending.get(target)
        if pending is None:
            return None
        counts = self._outcomes.setdefault(target, Counter())
        counts[outcome.kind] += 1
        kind = _ACTIONS.get(outcome.kind)
        # A failure doesn't say what was to be done: it is taken for the kind that most of the rest is.
        pending[kind if kind is not None and pending[kind] else pending.most_common(1)[0][0]] -= 1
        if pending.total():
            return None
        now = self._clock()
        del self._pending[target], self._outcomes[target]
        return TargetDone(target, counts, now - self._begun.pop(target, now))


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

        `left` returns how many seconds the rest takes. Where it returns None, the pace so far is taken for the rest's.
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
