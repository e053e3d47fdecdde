"""In which order targets are changed, and which of them first, as a canary for the others. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from bulkprof.model import Outcome, Target
from bulkprof.planning.diff import REFUSED_BY_PLAN
from bulkprof.planning.safety import Tolerance


def in_order(targets: Iterable[Target], regions: Sequence[str]) -> list[Target]:
    """Return `targets` as they are to be started: those in `regions` first, in that order, then the others."""
    place = {region: number for number, region in enumerate(regions)}
    return sorted(targets, key=lambda target: (place.get(target.region, len(place)), target))


def canary_of(changing: Collection[Target], size: int, regions: Sequence[str]) -> tuple[Target, ...]:
    """Return the first `size` of the targets in which something changes; none where that leaves no others."""
    return tuple(in_order(changing, regions)[:size]) if size < len(changing) else ()


def failed_in(canary: Collection[Target], failures: Iterable[Outcome]) -> int:
    """Return how many of a run's `failures` speak against going on.

    What the plan refused doesn't: it was known before, and no change is behind it.
    """
    return sum(1 for each in failures if each.target in canary and each.error_code not in REFUSED_BY_PLAN)


def canary_fault(failed: int, total: int, targets: int, tolerance: Tolerance) -> str:
    """Return why a canary in which `failed` of `total` profiles failed stops its run; empty where it doesn't.

    Without a tolerance, no failure is tolerated.
    """
    allowed = tolerance.allowed(total) or 0
    if failed <= allowed:
        return ""
    places = "1 target" if targets == 1 else f"{targets} targets"
    return (
        f"the canary failed: {failed} of its {total} profiles in {places}, and {allowed} are tolerated "
        "(--failure-tolerance)"
    )
