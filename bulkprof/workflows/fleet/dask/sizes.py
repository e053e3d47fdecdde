"""How large the shares for workers are: large ones first, small ones at the end, so that all workers end together.

Each is cut when there is room for it. So workers that come later get their part, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from bulkprof.model import Target
from bulkprof.planning.estimate import Pending, RateOf
from bulkprof.workflows.fleet.even import seconds_of

FOR_EACH = 2
"""What is left is cut as if each thread of the workers got so many equal shares of it."""
LEAST, MOST = 1500.0, 2500.0
"""Calls of a share, about: a smaller one isn't worth its way, and a larger one is too much to lose with a worker."""
OF_LOOKING = 2.0
"""Calls that it takes to look at a target."""


class Pieces:
    """A run's targets, and piece by piece what is next of them."""

    def __init__(self, targets: Sequence[Target], changes: Mapping[Target, int]) -> None:
        """Targets come in their order; `changes` is how many there are in each, where any are made."""
        self._waiting = deque(targets)
        self._weights = {target: OF_LOOKING + changes.get(target, 0) for target in targets}
        self._left = sum(self._weights.values())

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def next(self, threads: int) -> list[Target]:
        """Return the targets of the next share, for workers with so many threads."""
        size = min(MOST, max(LEAST, self._left / (FOR_EACH * threads)))
        found: list[Target] = []
        while self._waiting and size > 0:
            target = self._waiting.popleft()
            weight = self._weights.pop(target)
            found.append(target)
            size -= weight
            self._left -= weight
        return found

    def clear(self) -> None:
        """Give up what is left."""
        self._waiting.clear()


def slowest_first(targets: Sequence[Target], pending: Pending, rate_of: RateOf, regions: Sequence[str]) -> list[Target]:
    """Return targets in the order in which they are sent: by the order of Regions, and there the slowest first.

    At the end there would be nothing left to do beside them.
    """
    slowest = sorted(targets, key=lambda each: (-seconds_of(each, pending.get(each, {}), rate_of), each))
    return sorted(slowest, key=lambda each: regions.index(each.region) if each.region in regions else len(regions))
