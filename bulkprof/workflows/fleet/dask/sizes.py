"""How a run's targets are cut into shares for workers: a few for each of them, and none too large."""

from __future__ import annotations

import math
from collections.abc import Mapping
from heapq import heapify, heapreplace

from bulkprof.model import Target

FOR_EACH = 4
"""Shares for each thread of the workers, at least: so that they end together."""
MOST_TARGETS = 400
MOST_PROFILES = 2000
"""What a share has of each, at most: so much work is lost with a worker, and so much travels at once."""


def share_count(targets: int, profiles: int, threads: int) -> int:
    """Return into how many shares `targets` with so many `profiles` are cut."""
    wanted = max(FOR_EACH * threads, math.ceil(targets / MOST_TARGETS), math.ceil(profiles / MOST_PROFILES), 1)
    return max(1, min(targets, wanted))


def evenly(weights: Mapping[Target, float], count: int) -> list[list[Target]]:
    """Return `count` groups of targets of about the same weight, each in order."""
    groups: list[list[Target]] = [[] for _ in range(count)]
    lightest = [(0.0, number) for number in range(count)]
    heapify(lightest)
    for target in sorted(weights, key=lambda each: (-weights[each], each)):
        weight, number = lightest[0]
        groups[number].append(target)
        heapreplace(lightest, (weight + weights[target], number))
    return [sorted(group) for group in groups]
