"""Problems as lines for people: the same problem in many rows is one line, with its rows.

Only some are held at once, whatever a manifest holds: a line comes at the end, or when too many others came since its
last row.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from bulkprof.model import Problem

HELD = 1_000
"""Different problems that are held at once."""
SHOWN = 5
"""Ranges of rows that a line names."""


@dataclass(slots=True)
class SameProblem:
    """A problem, and the rows of one file that have it."""

    first: Problem
    number: int
    """Where it stands among the problems, by its first row."""
    rows: int = 1
    _ranges: list[tuple[str, str]] = field(default_factory=list)
    """The first ones."""
    _last: Problem = field(init=False)
    _cut: bool = False
    """Whether there are more ranges than are held."""

    def __post_init__(self) -> None:
        """Begin with the first row."""
        self._last = self.first
        self._ranges.append((self.first.spot[1],) * 2)

    def add(self, problem: Problem) -> None:
        """Take the same problem of another row, or of the same one again."""
        # Those that have numbers of their own on a line share the line.
        number, last = (each.row or each.line for each in (problem, self._last))
        if number == last:
            return
        position = problem.spot[1]
        follows = number == last + 1
        if not follows and len(self._ranges) == SHOWN:
            self._cut = True
        if not follows and not self._cut:
            self._ranges.append((position, position))
        elif not self._cut:
            self._ranges[-1] = (self._ranges[-1][0], position)
        self._last = problem
        self.rows += 1

    def __str__(self) -> str:
        if self.rows == 1:
            return str(self.first)
        shown = [one if one == other else f"{one}\N{EN DASH}{other}" for one, other in self._ranges]
        if self._cut:
            shown.append(f"… {self._last.spot[1]}")
        begin = self.first.spot[0]
        if self.first.row:
            begin = f"{begin.removesuffix(' ')}s "
        return self.first.told_at(f"{begin}{', '.join(shown)} ({self.rows} rows)")


class ProblemLines:
    """Puts problems together, and says each once."""

    def __init__(self, say: Callable[[SameProblem], None]) -> None:
        """`say` takes what a line is made of."""
        self._say = say
        self._held: OrderedDict[tuple[str, ...], SameProblem] = OrderedDict()
        self._count = 0

    def add(self, problem: Problem) -> None:
        """Take a problem. Those of one file come in the order of their rows."""
        kept = self._key(problem)
        if kept in self._held:
            self._held[kept].add(problem)
            self._held.move_to_end(kept)
            return
        if len(self._held) >= HELD:
            self._say(self._held.popitem(last=False)[1])
        self._count += 1
        self._held[kept] = SameProblem(problem, self._count)

    def end(self) -> None:
        """Say all that is held."""
        held = sorted(self._held.values(), key=lambda same: same.number)
        self._held.clear()
        for same in held:
            self._say(same)

    @staticmethod
    def _key(problem: Problem) -> tuple[str, ...]:
        shared = problem.spot[0]
        said = problem.kind or problem.message
        return shared, problem.column, problem.value, said, problem.remedy, problem.severity
