"""What many targets have learned about one operation, together: limits are the same in most accounts.

Kept as counts for each operation in each Region, and for each operation in all Regions, so that neither teaching nor
asking costs more where there are more targets.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

ANY_REGION: Final = ""
"""Stands for all Regions together."""
_STEP: Final = math.log(1.1)
"""Rates are counted in steps of 10 %: those in three steps beside each other agree."""
AGREEING: Final = 0.4
"""The share that has to agree before anything is taught."""
SLOWEST: Final = 1.0 / 60.0
"""Calls a second that are tried however long nothing is accepted: waits that the server asked for say nothing more."""
ANY_NUMBER: Final = 1e18
"""Rates, bursts and epoch seconds are far less; infinity isn't, and NaN is less than nothing."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the siblings of a target agree on."""

    per_second: float
    burst: float
    """As in `LearnedRate`: the means of those that agree."""
    agree: int
    targets: int
    """How many targets agree, of how many that have learned a rate."""

    @property
    def share(self) -> float:
        """The part of the targets that agree; the one that asks counts as one that doesn't, since it may not."""
        return self.agree / (self.targets + 1)


@dataclass(slots=True)
class _Step:
    """The rates within one step of 10 %."""

    targets: int = 0
    per_second: float = 0.0
    burst: float = 0.0
    """Sums over the targets."""


class _Counts:
    """The rates of one operation, by steps: they are as many as there are different rates, not targets."""

    __slots__ = ("_found", "_steps", "_targets")

    def __init__(self) -> None:
        self._found: Consensus | None = None
        self._steps: dict[int, _Step] = {}
        self._targets = 0

    def add(self, per_second: float, burst: float, targets: int) -> None:
        """Count so many targets with this rate; a negative number takes them away."""
        if not targets:
            return
        self._found = None
        per_second = max(SLOWEST, per_second)
        number = round(math.log(per_second) / _STEP)
        step = self._steps.setdefault(number, _Step())
        self._targets += targets
        step.targets += targets
        step.per_second += targets * per_second
        step.burst += targets * burst
        if step.targets <= 0:
            del self._steps[number]

    def exported(self) -> list[dict[str, float]]:
        """The steps, slowest first."""
        return [
            {
                "targets": step.targets,
                "per_second": step.per_second / step.targets,
                "burst": step.burst / step.targets,
            }
            for _, step in sorted(self._steps.items())
        ]

    def consensus(self) -> Consensus | None:
        """The rate that most agree on; of several, the lowest. None where nothing is known, or most disagree."""
        if self._found is None:
            self._found = self._most_agree()
        return self._found

    def _most_agree(self) -> Consensus | None:
        best: list[_Step] = []
        most = 0
        for number in sorted(self._steps):
            near = [step for beside in (-1, 0, 1) if (step := self._steps.get(number + beside))]
            if (agree := sum(step.targets for step in near)) > most:
                best, most = near, agree
        if not most:
            return None
        per_second, burst = (sum(sums) / most for sums in zip(*((s.per_second, s.burst) for s in best), strict=True))
        found = Consensus(per_second, burst, most, self._targets)
        return found if found.share >= AGREEING else None


class Siblings:
    """What all targets have learned, by operation and Region."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], _Counts] = {}
        self._led_since: dict[str, float] = {}
        self._shown: dict[str, int] = {}

    def add(self, region: str, operation: str, per_second: float, burst: float, targets: int = 1) -> None:
        """Count so many targets of a Region with this rate; a negative number takes them away again."""
        for where in {region, ANY_REGION}:
            self._of(where, operation).add(per_second, burst, targets)

    def consensus(self, region: str, operation: str) -> Consensus | None:
        """What siblings in the Region agree on, or else all siblings; None where no target has learned anything."""
        for where in (region, ANY_REGION):
            if (counts := self._counts.get((where, operation))) and (found := counts.consensus()):
                return found
        return None

    def leads(self, operation: str, now: float, seconds: float) -> bool:
        """Whether a target that begins now is to find the limit out: no other one has begun to within `seconds`."""
        if now - self._led_since.get(operation, -math.inf) < seconds:
            return False
        self._led_since[operation] = now
        return True

    def shown(self, operation: str, calls: int) -> int:
        """The most calls that any target took at its start with no throttle; one has now taken `calls`."""
        most = self._shown[operation] = max(calls, self._shown.get(operation, 0))
        return most

    def exported(self, regions: Collection[str]) -> dict[str, list[dict[str, float]]]:
        """What is known about these Regions and about all together, as JSON has it: for `take`."""
        return {
            f"{where}/{operation}": counts.exported()
            for (where, operation), counts in sorted(self._counts.items())
            if where == ANY_REGION or where in regions
        }

    def take(self, data: Mapping[str, Any]) -> None:
        """Count what `exported` returned in another process. Raises `ValueError` or `TypeError` for anything else."""
        for key, steps in data.items():
            where, _, operation = key.partition("/")
            for step in steps:
                numbers = [step["per_second"], step["burst"], step["targets"]]
                if not all(isinstance(number, int | float) and 0 <= number < ANY_NUMBER for number in numbers):
                    raise ValueError(f"not a rate of siblings: {step!r}")
                self._of(where, operation).add(float(numbers[0]), float(numbers[1]), int(numbers[2]))

    def _of(self, where: str, operation: str) -> _Counts:
        return self._counts.setdefault((where, operation), _Counts())


class Lesson:
    """What one operation of one target learns from its siblings, and tells them."""

    __slots__ = ("_operation", "_region", "_siblings", "_told")

    def __init__(self, siblings: Siblings, region: str, operation: str, told: tuple[float, float] | None) -> None:
        """`told` is the target's own rate and burst that siblings know already."""
        self._siblings, self._region, self._operation, self._told = siblings, region, operation, told

    def consensus(self) -> Consensus | None:
        """What siblings agree on."""
        return self._siblings.consensus(self._region, self._operation)

    def leads(self, now: float, seconds: float) -> bool:
        """Whether this target is to find the limit out, of those that have begun within `seconds`."""
        return self._siblings.leads(self._operation, now, seconds)

    def shown(self, calls: int) -> int:
        """The most calls that a sibling took at its start with no throttle; this target has taken `calls`."""
        return self._siblings.shown(self._operation, calls)

    def tell(self, rate: tuple[float, float] | None) -> None:
        """This target's rate and burst, instead of what it has told before; None for nothing that siblings can use."""
        for known, targets in ((self._told, -1), (rate, 1)):
            if known is not None:
                self._siblings.add(self._region, self._operation, *known, targets)
        self._told = rate
