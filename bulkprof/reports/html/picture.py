"""Calls over time as paths of an SVG: for each operation, what was accepted above a line, what was refused below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bulkprof.totals import CallCount, Slices

WIDTH = 1000
HEIGHT = 72
LEAST_STEPS = 20
"""Slices that fit into the width, at least: a run of a second is no block from edge to edge."""
PAUSE_S = 120
"""Seconds without any call from which on time is cut out of the picture."""
_PAUSE_STEPS = 4
"""How wide what is cut out is shown, in slices."""


@dataclass(frozen=True, slots=True)
class Plot:
    """The calls of one operation."""

    operation: str
    count: CallCount
    """Those of the whole run."""
    peak: str
    """The most that were accepted in a second, on average over a slice."""
    base: float
    """Where the line is between accepted and refused."""
    accepted: str
    throttled: str
    failed: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The plots of a run, with one axis of time. Empty where no times are on record."""

    plots: tuple[Plot, ...] = ()
    first: int = 0
    """When the first slice begins, in epoch seconds."""
    last: int = 0
    """When the last one ends that there is room for."""
    slice_s: int = 1
    pauses: tuple[float, ...] = ()
    """Where time is cut out."""
    paused: int = 0
    """How many seconds are cut out in all."""
    WIDTH: int = WIDTH
    HEIGHT: int = HEIGHT


def picture_of(times: Slices, slice_s: int, counts: Mapping[str, CallCount]) -> Picture:
    """Return the plots of these calls, in the order of their operations; `counts` are those of the whole run."""
    slices = sorted({at for of_operation in times.values() for at in of_operation})
    if not slices:
        return Picture()
    places: dict[int, int] = {}
    pauses: list[int] = []
    place, paused = 0, 0
    for before, at in zip([slices[0], *slices], slices, strict=False):
        gap = at - before - slice_s
        if gap >= max(PAUSE_S, slice_s):
            pauses.append(place + 1)
            paused += gap
            place += _PAUSE_STEPS
        else:
            place += (at - before) // slice_s
        places[at] = place
    steps = max(place + 1, LEAST_STEPS)
    step = WIDTH / steps
    return Picture(
        plots=tuple(
            _plot(operation, counts.get(operation, CallCount()), times[operation], places, step, slice_s)
            for operation in sorted(times)
        ),
        first=slices[0],
        last=slices[-1] + (steps - place) * slice_s,
        slice_s=slice_s,
        pauses=tuple(round((each + _PAUSE_STEPS / 2) * step, 2) for each in pauses),
        paused=paused,
    )


def _plot(
    operation: str,
    count: CallCount,
    slices: Mapping[int, CallCount],
    places: Mapping[int, int],
    step: float,
    slice_s: int,
) -> Plot:
    up = max(each.accepted for each in slices.values())
    down = max(each.throttled + each.failed for each in slices.values())
    unit = HEIGHT / max(up + down, 1)
    base = up * unit
    bars: dict[str, list[str]] = {"accepted": [], "throttled": [], "failed": []}
    for at, each in sorted(slices.items()):
        left, right = places[at] * step, (places[at] + 1) * step
        middle = base + each.throttled * unit
        bars["accepted"] += _bar(left, right, base - each.accepted * unit, base)
        bars["throttled"] += _bar(left, right, base, middle)
        bars["failed"] += _bar(left, right, middle, middle + each.failed * unit)
    paths = {name: "".join(each) for name, each in bars.items()}
    return Plot(operation, count, f"{up / slice_s:.3g}", round(base, 2), **paths)


def _bar(left: float, right: float, top: float, bottom: float) -> Iterable[str]:
    if bottom > top:
        yield f"M{left:.2f} {bottom:.2f}V{top:.2f}H{right:.2f}V{bottom:.2f}Z"
