"""A sandbox for a trial, as people ask for it on the command line: slow, throttled, full, or with faults."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bulkprof.sandbox.faults import Fault
from bulkprof.sandbox.settings import Rate, SandboxSettings
from bulkprof.sandbox.usage import read_usage

MOST_LATENCY_MS = 60_000
DEMO = "demo"
"""The `usage` that is made up for whatever profiles there are."""


def trial_settings(
    *,
    latency: float | None = None,
    rate: float | None = None,
    burst: float | None = None,
    quota: int | None = None,
    faults: Iterable[str] = (),
    usage: str | None = None,
    **more: Any,
) -> SandboxSettings:
    """Return the settings of such a sandbox; what isn't given is as usual.

    `latency` is in milliseconds, `rate` in calls a second; without a `burst`, one second's calls may come at once.
    `usage` is `demo`, or a file with rows of use.
    `faults` are as `Fault.parse` reads them, and `more` is other fields of the settings. Raises ValueError that begins
    with the name of what can't be used, such as `rate -1: …`.
    """
    if latency is not None:
        if not 0 <= latency <= MOST_LATENCY_MS:
            raise ValueError(f"latency {latency:g}: must be milliseconds from 0 to {MOST_LATENCY_MS}")
        more["latency_s"] = latency / 1000
    for name, calls in (("rate", rate), ("burst", burst)):
        if calls is not None and not 0 <= calls < math.inf:
            raise ValueError(f"{name} {calls:g}: must be a number of calls, 0 or more")
    if rate is not None:
        # A bucket that holds less than one call never lets one through.
        more["rate"] = Rate(rate, max(1.0, rate) if burst is None else burst)
    if quota is not None:
        if quota < 0:
            raise ValueError(f"quota {quota}: must be a number of profiles, 0 or more")
        more["quota"] = quota
    if usage is not None:
        try:
            more["usage"] = DEMO if usage == DEMO else read_usage(Path(usage))
        except ValueError as error:
            raise ValueError(f"usage {error}") from None
    return SandboxSettings(faults=tuple(map(_fault, faults)), **more)


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except ValueError as error:
        raise ValueError(f"fault {text}: {error}") from None
