"""What a run tells whoever started it: the command line shows it, a program may ignore it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from bulkprof.model import Outcome, OutcomeKind, Problem, Target
from bulkprof.totals import Plan


class Progress(Protocol):
    """How far a step is."""

    def step(self, count: int = 1) -> None:
        """Count `count` more as done."""
        ...

    def outcome(self, outcome: Outcome) -> None:
        """Count an outcome as done."""
        ...


class Ui:
    """Silent, and agrees to every plan: the default for programs. Override what you want to know."""

    def started(self, run_id: str) -> None:
        """Hear which run it is that everything from now on is about."""

    def problem(self, problem: Problem) -> None:
        """Hear of something wrong with a manifest or plan."""

    def warn(self, message: str) -> None:
        """Hear of something that doesn't stop the run."""

    def warn_of(self, target: Target, message: str) -> None:
        """Hear of something about one target that doesn't stop the run; the message names it, too."""
        self.warn(message)

    def note(self, message: str) -> None:
        """Hear of a step."""

    def target_done(self, target: Target, counts: Mapping[OutcomeKind, int], seconds: float) -> None:
        """Hear of a target that is done: how its profiles ended, and how long it took."""

    def progress(
        self, what: str, total: int, left: Callable[[], float | None] | None = None
    ) -> AbstractContextManager[Progress]:
        """Show a step of `total` things; `left` answers the seconds that the rest takes, None while nobody knows."""
        return nullcontext(_NoProgress())

    async def confirm(self, plan: Plan) -> bool:
        """Look at the plan, and answer whether to go on. Awaited only where something would change."""
        return True

    async def ask(self, question: str) -> str | None:
        """Answer a question, such as for the code of an MFA device; None where nobody can be asked."""
        return None


class _NoProgress:
    def step(self, count: int = 1) -> None:
        """Count nothing."""

    def outcome(self, outcome: Outcome) -> None:
        """Count nothing."""


class OnlyNew(Ui):
    """Passes on all but the problems that were told already, for rows that are read a second time."""

    def __init__(self, ui: Ui, told: Collection[tuple[str, int, str, str]]) -> None:
        """`told` are the places of those problems."""
        self._ui = ui
        self._told = told

    def problem(self, problem: Problem) -> None:
        """Pass it on, if it is new."""
        if problem.place not in self._told:
            self._ui.problem(problem)

    def warn(self, message: str) -> None:
        """Pass it on."""
        self._ui.warn(message)

    def progress(
        self, what: str, total: int, left: Callable[[], float | None] | None = None
    ) -> AbstractContextManager[Progress]:
        """Pass it on."""
        return self._ui.progress(what, total, left)
