"""How far a step of the run is: a live picture on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bulkprof.model import Outcome
from bulkprof.planning.estimate import spoken
from bulkprof.ui import AtWork

if TYPE_CHECKING:
    from rich.console import Console

    from bulkprof.reports.progress.live import LivePicture, Picture

LINE_EVERY_S = 10.0
"""Seconds between two plain lines."""
LOOK_EVERY_S = 1.0
"""Seconds between two looks at how long the rest will take, at least."""
LOOK_SHARE = 50
"""A look takes at most this part of the time: it goes over all targets that are left, which may be many thousands."""
TICK_S = 0.25
"""Seconds between two looks at the busiest targets, at least."""


class ProgressView:
    """Shows how far a step of the run is; a context manager."""

    def __init__(
        self,
        console: Console | None,
        what: str,
        total: int,
        *,
        say: Callable[[str], None],
        left: Callable[[], float | None] | None = None,
        busiest: AtWork | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`what` names the things that are counted. Without a console for a picture, `say` gets a line now and then.

        `left` returns how many seconds the rest takes. Where it returns None, the pace so far is taken for the rest's.
        """
        self._console = console
        self._what = what
        self._total = total
        self._say = say
        self._left = left
        self._busiest = busiest
        self._done = 0
        self._bad = 0
        self._clock = clock
        self._began = clock()
        self._next_line = self._began + LINE_EVERY_S
        self._next_look = self._next_tick = self._began
        self._time_left_then = ""
        self._live: LivePicture | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        if self._console is not None and self._total:
            from bulkprof.reports.progress.live import LivePicture

            self._live = LivePicture(self._console, self._picture())
            self.resume()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.pause()
        self._live = None

    def pause(self) -> None:
        """Take the picture off the terminal, such as for a question."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._live is not None:
            self._live.picture = self._picture()
            self._live.stop()

    def resume(self) -> None:
        """Draw the picture again."""
        if self._live is not None:
            self._live.start()
            self._tick()

    def step(self, count: int = 1) -> None:
        """Count `count` more as done."""
        self._done += count
        now = self._clock()
        if self._live is not None:
            self._draw(now)
        elif self._console is None and now >= self._next_line:
            of_total = f" of {self._total}" if self._total else ""
            parts = [f"{self._what}: {self._done}{of_total}", f"{self._bad} failed" if self._bad else ""]
            time_left = self._time_left(now)
            self._say(", ".join(filter(None, [*parts, f"{time_left} left" if time_left else ""])))
            self._next_line = now + max(LINE_EVERY_S, LOOK_SHARE * (self._clock() - now))

    def outcome(self, outcome: Outcome) -> None:
        """Count an outcome as done."""
        self._bad += outcome.kind.is_failure
        self.step()

    def _tick(self) -> None:
        """Look at the busiest targets by the clock: where all are throttled, no step says that time goes by.

        In the event loop's own thread, which changes what is looked at; another one draws.
        """
        self._draw(self._clock())
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Nothing but steps then.
            return
        self._timer = loop.call_later(TICK_S, self._tick)

    def _draw(self, now: float) -> None:
        if self._live is None or now < self._next_tick:
            return
        if now >= self._next_look:
            self._time_left_then = self._time_left(now)
            self._next_look = now + max(LOOK_EVERY_S, LOOK_SHARE * (self._clock() - now))
        self._live.picture = self._picture()
        self._next_tick = now + max(TICK_S, LOOK_SHARE * (self._clock() - now))

    def _picture(self) -> Picture:
        from bulkprof.reports.progress.live import MOST_TARGETS, Picture

        busy = self._busiest(MOST_TARGETS) if self._busiest else ()
        left = self._time_left_then if self._done < self._total else ""
        return Picture(self._what, self._done, self._total, self._bad, left, busy)

    def _time_left(self, now: float) -> str:
        if self._left is None and self._live is None:
            return ""
        seconds = self._left() if self._left else None
        if seconds is None and self._done and now - self._began >= LOOK_EVERY_S:
            seconds = (now - self._began) / self._done * (self._total - self._done)
        return "" if seconds is None else spoken(seconds)
