"""The busiest targets of a step, from counters that exist anyhow: looking costs something, calls cost nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nsmallest
from typing import TYPE_CHECKING

from bulkprof.model import Target
from bulkprof.planning.estimate import RateOf, decisive_rate
from bulkprof.reports.progress.remaining import Remaining
from bulkprof.ui import TargetAtWork

if TYPE_CHECKING:
    # Commands that call nothing would wait for what it imports.
    from bulkprof.engine.lane import Lane


class Busiest:
    """Returns the busiest of the open targets: those with most to do, or, while observing, those that take longest."""

    def __init__(self, lanes: Mapping[Target, Lane], rate_of: RateOf, remaining: Remaining | None = None) -> None:
        """`lanes` are those of the targets that are open now. Without `remaining` they are only observed."""
        self._lanes = lanes
        self._rate_of = rate_of
        self._remaining = remaining

    def __call__(self, most: int) -> list[TargetAtWork]:
        """Return up to `most` targets, the busiest first."""
        if self._remaining is None:
            first = nsmallest(most, self._lanes.items(), key=lambda each: (each[1].began, each[0]))
            return [self._observed(target, lane) for target, lane in first]
        left = {target: sum(self._remaining.of(target)[1].values()) for target in self._lanes}
        busy = nsmallest(
            most, (target for target, count in left.items() if count), key=lambda each: (-left[each], each)
        )
        return [self._changed(target, self._lanes[target], self._remaining) for target in busy]

    def _observed(self, target: Target, lane: Lane) -> TargetAtWork:
        rates = [rate for operation in lane.operations if (rate := self._rate_of(target, operation))]
        return TargetAtWork(target, _since(lane), lane.throttles, rate=min(rates, default=None))

    def _changed(self, target: Target, lane: Lane, remaining: Remaining) -> TargetAtWork:
        done, pending = remaining.of(target)
        total = done + sum(pending.values())
        rate, seconds = decisive_rate(target, pending, self._rate_of) or (None, None)
        return TargetAtWork(target, _since(lane), lane.throttles, done, total, rate, seconds)


def _since(lane: Lane) -> float:
    return lane.traffic.clock() - lane.began
