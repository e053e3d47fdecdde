"""The picture of a step on a terminal: a bar, and below it the busiest targets. It fits any width without broken words.

rich takes long to import, so this is imported only where a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bulkprof.planning.estimate import spoken
from bulkprof.ui import TargetAtWork

REFRESHES = 4.0
"""How often a second it is drawn."""
MOST_TARGETS = 8
"""Targets that are shown below the bar."""
_SECONDS = 90
"""Up to how many seconds are shown as such."""
_BAR_LEAST, _BAR_MOST = 10, 40
_HEADERS = ("target", "done", "since", "rate", "throttled", "left")
_DISPENSABLE = (2, 3, 4, 1)
"""The columns that go where there is no room for all, in this order."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A step as it is now. Made anew instead of changed: it is drawn by another thread."""

    what: str
    done: int
    total: int
    bad: int = 0
    left: str = ""
    """How long the rest takes, such as `about 3 min`."""
    targets: Sequence[TargetAtWork] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        # Some terminals begin a new line once the last column is filled.
        width = options.max_width - 1
        yield self._bar(width)
        if self.targets:
            busiest = self.targets[: max(1, options.size.height - 4)]
            # By their names: in the order of what they have to do, they would change places all the time.
            yield _table(sorted(busiest, key=lambda each: each.target), width)

    def _bar(self, width: int) -> Table:
        count, bad = f"{self.done}/{self.total}", f"{self.bad} failed" if self.bad else ""
        for left in (f"{self.left} left", f"{short(self.left)} left", ""):
            texts = [text for text in (self.what, count, bad, left if self.left else "") if text]
            room = width - sum(map(len, texts)) - len(texts)
            if room >= _BAR_LEAST or not self.left:
                break
        line = Table.grid(padding=(0, 1), pad_edge=False)
        parts: list[Text | ProgressBar] = [Text(text, style="red" if text == bad else "") for text in texts]
        if room >= _BAR_LEAST:
            parts.insert(1, ProgressBar(self.total, self.done, width=min(room, _BAR_MOST)))
        for _ in parts:
            line.add_column(no_wrap=True)
        line.add_row(*parts)
        return line


class LivePicture:
    """Draws a `Picture` on a terminal, again and again, by a clock of its own, until it is stopped."""

    def __init__(self, console: Console, picture: Picture) -> None:
        self.picture = picture
        """What is drawn next time."""
        self._live = Live(
            console=console,
            get_renderable=lambda: self.picture,
            refresh_per_second=REFRESHES,
            transient=True,
        )

    def start(self) -> None:
        """Begin to draw."""
        self._live.start()
        # A process that is killed couldn't bring it back.
        self._live.console.show_cursor(show=True)

    def stop(self) -> None:
        """Take the picture off the terminal."""
        self._live.stop()


def short(left: str) -> str:
    """Return how long something takes in as few letters as can be: `3 min` for `about 3 min`."""
    return left.removeprefix("about ").replace("less than a minute", "<1 min")


def _table(targets: Sequence[TargetAtWork], width: int) -> Table:
    rows = [_cells(each) for each in targets]
    columns = list(zip(_HEADERS, *rows, strict=True))
    shown = [at for at, (_, *cells) in enumerate(columns) if any(cells)]
    gap = 2
    for at in (None, *_DISPENSABLE):
        if at in shown:
            shown.remove(at)
        widths = [max(map(len, columns[each])) for each in shown]
        if (gap := min(2, (width - sum(widths)) // max(1, len(widths) - 1))) >= 1:
            break
    table = Table(box=None, padding=(0, max(1, gap), 0, 0), pad_edge=False, header_style="dim")
    for at in shown:
        table.add_column(_HEADERS[at], no_wrap=True, justify="left" if at == 0 else "right")
    for row in rows:
        table.add_row(*(row[at] for at in shown))
    return table


def _cells(each: TargetAtWork) -> tuple[str, ...]:
    """Return what is shown of a target, in the order of `_HEADERS`."""
    done = "" if each.done is None else f"{each.done}/{each.total}"
    return (
        str(each.target),
        done,
        "" if done else f"{each.since_s:.0f} s",
        "" if each.rate is None else f"{each.rate:.1f}/s",
        str(each.throttled),
        "" if each.left_s is None else f"{each.left_s:.0f} s" if each.left_s < _SECONDS else short(spoken(each.left_s)),
    )
