"""What a run tells its caller: the command line shows it, a program may ignore it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from bulkprof.model import Outcome, OutcomeKind, Problem, Target
from bulkprof.problem import Place
from bulkprof.totals import Plan


@dataclass(frozen=True, slots=True)
class TargetAtWork:
    """What a target that is worked in does now."""

    target: Target
    since_s: float
    """Seconds since its turn came."""
    throttled: int
    """How often it throttled a call since."""
    done: int | None = None
    """Profiles that have their outcome; None while targets are only observed."""
    total: int | None = None
    rate: float | None = None
    """Calls a second that it is known to take of what it does now."""
    left_s: float | None = None
    """Seconds that the rest of it takes at that rate."""


AtWork = Callable[[int], Sequence[TargetAtWork]]
"""Returns the busiest targets, so many at most, the one with most to do first."""


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
        """Take the id of the run that everything from now on is about."""

    def traced(self, trace_id: str) -> None:
        """Take the id of the run's trace, where OpenTelemetry is switched on."""

    def problem(self, problem: Problem) -> None:
        """Take something that is wrong with a manifest or plan."""

    def problems_end(self) -> None:
        """Take that all problems of what was read are told, until something is read again."""

    def warn(self, message: str) -> None:
        """Take a warning: the run goes on."""

    def warn_of(self, target: Target, message: str) -> None:
        """Take a warning about one target, which the message names, too: the run goes on."""
        self.warn(message)

    def note(self, message: str) -> None:
        """Take a remark."""

    def target_done(self, target: Target, counts: Mapping[OutcomeKind, int], seconds: float) -> None:
        """Take a target that is done: how its profiles ended, and how long it took."""

    def at_work(self, busiest: AtWork) -> None:
        """Take what tells how the busiest targets of the next step are doing, to be asked during it now and then."""

    def progress(
        self, what: str, total: int, left: Callable[[], float | None] | None = None
    ) -> AbstractContextManager[Progress]:
        """Show a step of `total` things; `left` returns how many seconds the rest takes, None while that is unknown."""
        return nullcontext(_NoProgress())

    async def confirm(self, plan: Plan) -> bool:
        """Look at the plan, and return whether to go on. Awaited only where something would change."""
        return True

    async def refused(self, plan: Plan, why: str) -> None:
        """Look at a plan that isn't carried out, since it goes over a limit or a plugin vetoes it."""

    async def ask(self, question: str) -> str | None:
        """Return the answer to a question, such as for the code of an MFA device; None where no user can be asked."""
        return None


class _NoProgress:
    def step(self, count: int = 1) -> None:
        """Count nothing."""

    def outcome(self, outcome: Outcome) -> None:
        """Count nothing."""


class PassedOn(Ui):
    """Passes everything on. Override what is to be changed."""

    def __init__(self, ui: Ui) -> None:
        self._ui = ui

    def problem(self, problem: Problem) -> None:
        """Pass it on."""
        self._ui.problem(problem)

    def problems_end(self) -> None:
        """Pass it on."""
        self._ui.problems_end()

    def started(self, run_id: str) -> None:
        """Pass it on."""
        self._ui.started(run_id)

    def traced(self, trace_id: str) -> None:
        """Pass it on."""
        self._ui.traced(trace_id)

    def warn(self, message: str) -> None:
        """Pass it on."""
        self._ui.warn(message)

    def warn_of(self, target: Target, message: str) -> None:
        """Pass it on."""
        self._ui.warn_of(target, message)

    def note(self, message: str) -> None:
        """Pass it on."""
        self._ui.note(message)

    def target_done(self, target: Target, counts: Mapping[OutcomeKind, int], seconds: float) -> None:
        """Pass it on."""
        self._ui.target_done(target, counts, seconds)

    def at_work(self, busiest: AtWork) -> None:
        """Pass it on."""
        self._ui.at_work(busiest)

    def progress(
        self, what: str, total: int, left: Callable[[], float | None] | None = None
    ) -> AbstractContextManager[Progress]:
        """Pass it on."""
        return self._ui.progress(what, total, left)

    async def confirm(self, plan: Plan) -> bool:
        """Pass it on."""
        return await self._ui.confirm(plan)

    async def refused(self, plan: Plan, why: str) -> None:
        """Pass it on."""
        await self._ui.refused(plan, why)

    async def ask(self, question: str) -> str | None:
        """Pass it on."""
        return await self._ui.ask(question)


class OnlyNew(PassedOn):
    """Passes everything on but the problems that were shown already, for rows that are read a second time."""

    def __init__(self, ui: Ui, shown: Collection[Place]) -> None:
        """`shown` are the places of those problems."""
        super().__init__(ui)
        self._shown = shown

    def problem(self, problem: Problem) -> None:
        """Pass it on, if it is new."""
        if problem.place not in self._shown:
            super().problem(problem)
