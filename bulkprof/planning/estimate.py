"""How long what is planned will take, at the rates that earlier runs and this one have learned. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from statistics import median

from bulkprof.model import ActionKind, Target
from bulkprof.profiles.operations import Operation

CALLS: Mapping[ActionKind, tuple[str, ...]] = {
    ActionKind.CREATE: (Operation.CREATE,),
    ActionKind.UPDATE: (Operation.TAG,),
    ActionKind.ADOPT: (Operation.TAG,),
    ActionKind.REPLACE: (Operation.CREATE, Operation.DELETE),
    ActionKind.DELETE: (Operation.DELETE,),
}
"""The operations whose rates decide how long an action takes."""
WORTH_SAYING_S = 10.0
"""Seconds below which people needn't be told."""

Pending = Mapping[Target, Mapping[ActionKind, int]]
RateOf = Callable[[Target, str], float | None]
"""Calls a second of an operation in a target, None where nothing is known."""


def seconds_left(pending: Pending, rate_of: RateOf, width: int) -> float | None:
    """Seconds that the pending actions take, `width` targets at once; None while no rate is known.

    The slowest target decides, unless there are so many that they have to queue. Where a target's own rate isn't
    known, it is taken for the middle one of the others.
    """
    calls = {target: calls_of(kinds) for target, kinds in pending.items()}
    rates: dict[tuple[Target, str], float] = {}
    for target, operations in calls.items():
        for operation in operations:
            if rate := rate_of(target, operation):
                rates[target, operation] = rate
    if not rates:
        return None
    middle = {
        operation: median(rate for (_, other), rate in rates.items() if other == operation)
        for operation in {operation for _, operation in rates}
    }
    # Operations have limits of their own, so those of one target go on side by side.
    times = [_slowest(target, operations, rates, middle) for target, operations in calls.items()]
    return max(*times, sum(times) / width)


def decisive_rate(target: Target, kinds: Mapping[ActionKind, int], rate_of: RateOf) -> tuple[float, float] | None:
    """Return the rate that decides how long the pending actions of one target take, and the seconds that they take.

    None while no rate of what they need is known there.
    """
    found = [(count / rate, rate) for each, count in calls_of(kinds).items() if (rate := rate_of(target, each))]
    if not found:
        return None
    seconds, rate = max(found)
    return rate, seconds


def _slowest(
    target: Target,
    operations: Mapping[str, int],
    rates: Mapping[tuple[Target, str], float],
    middle: Mapping[str, float],
) -> float:
    known = {each: rates.get((target, each), middle.get(each)) for each in operations}
    return max((operations[each] / rate for each, rate in known.items() if rate), default=0.0)


def calls_of(kinds: Mapping[ActionKind, int]) -> dict[str, int]:
    """Return how many calls of each operation that decides it so many actions of each kind take."""
    calls: dict[str, int] = {}
    for kind, count in kinds.items():
        for operation in CALLS.get(kind, ()) if count > 0 else ():
            calls[operation] = calls.get(operation, 0) + count
    return calls


def estimate_line(seconds: float | None, now: datetime, deadline: datetime | None) -> str | None:
    """What to tell before a run: how long it takes and until when; None where there is nothing worth saying."""
    late = deadline is not None and seconds is not None and now + timedelta(seconds=seconds) > deadline
    if seconds is None or (seconds < WORTH_SAYING_S and not late):
        return None
    end = now + timedelta(seconds=seconds)
    line = f"at the learned rates this takes {spoken(seconds)}, until about {end:%H:%M}"
    return f"{line}: past the deadline, so that a part will stay open" if late else line


def spoken(seconds: float) -> str:
    """`75` as `about 1 min`, `30` as `less than a minute`."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return "less than a minute"
    hours, rest = divmod(minutes, 60)
    return f"about {hours} h {rest} min" if hours else f"about {minutes} min"
