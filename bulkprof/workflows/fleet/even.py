"""Which targets go into which share: so that all shares take about as long. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from heapq import heapify, heapreplace

from bulkprof.model import ActionKind, Target
from bulkprof.planning.estimate import Pending, RateOf, calls_of

USUAL_RATE = 5.0
"""Calls a second that an operation is taken to be served at, where no run has learned its rate."""
LOOK_S = 1.0
"""Seconds that it is taken to need to enter a target and to look at what exists there."""


def seconds_of(target: Target, kinds: Mapping[ActionKind, int], rate_of: RateOf) -> float:
    """Return about how long a target takes: the slowest of its operations decides, as they go on side by side."""
    times = [count / (rate_of(target, operation) or USUAL_RATE) for operation, count in calls_of(kinds).items()]
    return LOOK_S + max(times, default=0.0)


def share_s(seconds: Sequence[float], width: int) -> float:
    """Return about how long targets, of which there is one at least, take that are worked in `width` at once."""
    return max(*seconds, sum(seconds) / width)


def count_for(pending: Pending, profiles: int) -> int:
    """Return how many shares it takes for about so many profiles each."""
    total = sum(sum(kinds.values()) for kinds in pending.values())
    return max(1, math.ceil(total / profiles))


def cut_evenly(seconds: Mapping[Target, float], count: int) -> list[list[Target]]:
    """Part targets into at most `count` groups that take about as long. None is empty, and each is in order.

    The targets that take longest are placed first, each into the group that has least to do so far.
    """
    groups: list[list[Target]] = [[] for _ in range(min(count, len(seconds)))]
    least = [(0.0, number) for number in range(len(groups))]
    heapify(least)
    for target in sorted(seconds, key=lambda target: (-seconds[target], target)):
        so_far, number = least[0]
        groups[number].append(target)
        heapreplace(least, (so_far + seconds[target], number))
    return [sorted(group) for group in groups]
