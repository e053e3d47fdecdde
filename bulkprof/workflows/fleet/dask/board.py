"""What workers report, put together for the coordinator: progress, failures and warnings of shares under way.

A share's file, once it is home, is what counts. Until then reports stand for it: each outcome is told once, also where
a worker is lost and another one reports it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from bulkprof.engine.engine import Watcher
from bulkprof.model import Outcome, OutcomeKind, Target
from bulkprof.ui import Progress, Ui
from bulkprof.workflows.fleet.dask.messages import Report
from bulkprof.workflows.fleet.dask.reporter import WARNING

Done = Counter[tuple[Target, str]]
"""Outcomes by target and kind."""


class Board:
    """Shows what is going on in shares."""

    def __init__(self, ui: Ui, *, progress: Progress | None = None, watch: Watcher | None = None) -> None:
        """`progress` counts targets that are observed, `watch` is told of outcomes.

        With `watch`, the user is told what workers warn of: warnings of observing come home with the shares.
        """
        self._ui = ui
        self._progress = progress
        self._watch = watch
        self._told: set[tuple[str, str]] = set()
        self._steps: Counter[int] = Counter()
        """What was shown of each share that is under way."""
        self._done: dict[int, Done] = {}
        self._tries: dict[str, tuple[int, Done]] = {}
        """What each worker's try at a share has done since it began."""
        self._home: set[str] = set()
        """The tries that came home."""

    def hear(self, report: Report) -> None:
        """Take a report."""
        attempt = report["attempt"]
        if self._watch is not None:
            for kind, message in report["told"]:
                self._tell(kind, message)
        if attempt in self._home:
            return
        steps, done = self._tries.get(attempt, (0, Done()))
        new = {
            (Target(account, region), kind): count
            for account, region, counts in report["outcomes"]
            for kind, count in counts.items()
        }
        done.update(new)
        steps += report["steps"]
        self._tries[attempt] = (steps, done)
        self._show(report["share"], steps, {key: done[key] for key in new})

    def home(self, share: int, attempt: str, steps: int, outcomes: Mapping[tuple[Target, str], int]) -> None:
        """Take what the file of a share says that came home from a worker's try: all of its outcomes are in it."""
        self._show(share, steps, outcomes)
        self._home.add(attempt)
        self._tries.pop(attempt, None)
        self._done.pop(share, None)
        del self._steps[share]

    def _show(self, share: int, steps: int, outcomes: Mapping[tuple[Target, str], int]) -> None:
        if self._progress is not None and (more := steps - self._steps[share]) > 0:
            self._progress.step(more)
            self._steps[share] = steps
        if self._watch is None:
            return
        shown = self._done.setdefault(share, Done())
        for (target, kind), count in outcomes.items():
            for _ in range(count - shown[target, kind]):
                self._watch(Outcome(0, target, "", OutcomeKind(kind)))
            shown[target, kind] = max(count, shown[target, kind])

    def _tell(self, kind: str, message: str) -> None:
        """Tell it, once: many workers may have the same to say."""
        if (kind, message) not in self._told:
            self._told.add((kind, message))
            say: Callable[[str], None] = self._ui.warn if kind == WARNING else self._ui.note
            say(message)
