"""What a worker tells its coordinator while it is at a share, in the place of a user interface."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import anyio

from bulkprof.model import Outcome, Target
from bulkprof.ui import Progress, Ui
from bulkprof.workflows.fleet.dask.messages import Report

REPORT_S = 0.5
"""Seconds between two reports: outcomes travel in batches."""
WARNING, NOTE = "warning", "note"


class Reporter(Ui):
    """Gathers what a share's progress is, and reports it now and then."""

    def __init__(self, share: int, attempt: str, send: Callable[[Report], None]) -> None:
        """`send` must not block."""
        self._share = share
        self._attempt = attempt
        self._send = send
        self._steps = 0
        self._outcomes: dict[Target, Counter[str]] = {}
        self._told: list[tuple[str, str]] = []

    async def report_regularly(self) -> None:
        """Report until it is cancelled."""
        while True:
            await anyio.sleep(REPORT_S)
            self.report()

    def report(self) -> None:
        """Report what is new."""
        if not (self._steps or self._outcomes or self._told):
            return
        outcomes = [(target.account, target.region, dict(counts)) for target, counts in self._outcomes.items()]
        self._send(
            Report(share=self._share, attempt=self._attempt, steps=self._steps, outcomes=outcomes, told=[*self._told])
        )
        self._steps = 0
        self._outcomes.clear()
        self._told.clear()

    def warn(self, message: str) -> None:
        """Report it."""
        self._told.append((WARNING, message))

    def note(self, message: str) -> None:
        """Report it."""
        self._told.append((NOTE, message))

    def progress(
        self,
        what: str,  # noqa: ARG002 - the coordinator knows
        total: int,  # noqa: ARG002
        left: Callable[[], float | None] | None = None,  # noqa: ARG002
    ) -> AbstractContextManager[Progress]:
        """Count for the coordinator, which shows it."""
        return self._counting()

    @contextmanager
    def _counting(self) -> Iterator[Progress]:
        yield self

    def step(self, count: int = 1) -> None:
        """Count targets that were observed."""
        self._steps += count

    def outcome(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self._outcomes.setdefault(outcome.target, Counter())[str(outcome.kind)] += 1
