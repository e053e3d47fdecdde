"""How a run's targets are cut into shares for workers: a few for each of them, and none too large."""

from __future__ import annotations

import math

FOR_EACH = 4
"""Shares for each thread of the workers, at least: so that they end together."""
MOST_TARGETS = 400
MOST_PROFILES = 2000
"""What a share has of each, at most: so much work is lost with a worker, and so much travels at once."""


def share_count(targets: int, profiles: int, threads: int) -> int:
    """Return into how many shares `targets` with so many `profiles` are cut."""
    wanted = max(FOR_EACH * threads, math.ceil(targets / MOST_TARGETS), math.ceil(profiles / MOST_PROFILES), 1)
    return max(1, min(targets, wanted))
