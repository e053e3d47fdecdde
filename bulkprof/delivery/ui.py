"""What a run tells whoever started it: the command line shows it, a program may ignore it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from bulkprof.execution.runfile import RunFile
from bulkprof.model import Outcome, Problem


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

    def problem(self, problem: Problem) -> None:
        """Hear of something wrong with a manifest or plan."""

    def warn(self, message: str) -> None:
        """Hear of something that doesn't stop the run."""

    def note(self, message: str) -> None:
        """Hear of a step."""

    def progress(self, what: str, total: int) -> AbstractContextManager[Progress]:
        """Show a step of `total` things."""
        return nullcontext(_NoProgress())

    async def confirm(self, run: RunFile) -> bool:
        """Show the plan, and answer whether to go on."""
        return True


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
