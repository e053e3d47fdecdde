"""The pacers of a run, one for each operation of each target, and what they learned for the next run."""

from __future__ import annotations

import time
from collections.abc import Iterable

from bulkprof.model import Target
from bulkprof.pacing.pacer import Pacer
from bulkprof.pacing.rates import RateStore


class Pacers:
    """Makes pacers as they are asked for. Those that have learned something live as long as the run."""

    def __init__(self, rates: RateStore, headroom: float) -> None:
        """`rates` holds what earlier runs learned; `headroom` is the share of it that is left to other callers."""
        self._rates = rates
        self._headroom = headroom
        self._pacers: dict[tuple[Target, str], Pacer] = {}

    def pacer(self, target: Target, operation: str) -> Pacer:
        """The pacer of an operation in a target."""
        key = (target, operation)
        if key not in self._pacers:
            learned = self._rates.rate(target.account, target.region, operation)
            lesson = self._rates.lesson(target.account, target.region, operation)
            self._pacers[key] = Pacer(learned=learned, headroom=self._headroom, lesson=lesson)
        return self._pacers[key]

    def forget(self, target: Target, operations: Iterable[str]) -> None:
        """Let those pacers of a target go that have learned nothing: in most targets nothing is ever throttled."""
        for operation in operations:
            key = (target, operation)
            pacer = self._pacers.get(key)
            if pacer is not None and pacer.estimate is None and pacer.learned(0.0) is None:
                del self._pacers[key]

    def rate(self, target: Target, operation: str) -> float | None:
        """Calls a second that a target takes, less the headroom, by this run, an earlier one or its siblings.

        None while none of them knows.
        """
        pacer = self._pacers.get((target, operation))
        known = pacer.estimate if pacer else None
        if known is None:
            learned = self._rates.rate(target.account, target.region, operation)
            source = learned or self._rates.siblings(target.region, operation)
            known = source.per_second if source else None
        return None if known is None else known * (1.0 - self._headroom)

    def known(self) -> list[tuple[Target, str, float]]:
        """The rates that are known of targets that were called, before headroom. May be called in any thread."""
        # `list` takes its copy in one step of the interpreter, while the event loop may be adding pacers.
        return [
            (target, operation, rate)
            for (target, operation), pacer in list(self._pacers.items())
            if (rate := pacer.estimate) is not None
        ]

    def keep(self) -> str | None:
        """Keep what was learned for the next run: blocks. Returns what went wrong, in words, or None."""
        now = time.time()
        learned = {
            (target.account, target.region, operation): rate
            for (target, operation), pacer in self._pacers.items()
            if (rate := pacer.learned(now)) is not None
        }
        return self._rates.save(learned) if learned else None
