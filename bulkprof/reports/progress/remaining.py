"""What a run has still to do, target by target."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bulkprof.model import ActionKind, Outcome, OutcomeKind, Target
from bulkprof.planning.estimate import Pending, RateOf, seconds_left

_ACTIONS: Mapping[OutcomeKind, ActionKind] = {
    OutcomeKind.CREATED: ActionKind.CREATE,
    OutcomeKind.UPDATED: ActionKind.UPDATE,
    OutcomeKind.ADOPTED: ActionKind.ADOPT,
    OutcomeKind.REPLACED: ActionKind.REPLACE,
    OutcomeKind.DELETED: ActionKind.DELETE,
    OutcomeKind.UNCHANGED: ActionKind.NONE,
}


@dataclass(frozen=True, slots=True)
class TargetDone:
    """A target whose last action has its outcome."""

    target: Target
    counts: Mapping[OutcomeKind, int]
    seconds: float
    """Since the target's turn came."""


class Remaining:
    """What a run has still to do, target by target: counts down as outcomes come in."""

    def __init__(
        self, pending: Pending, rate_of: RateOf, width: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`pending` is what has no outcome yet; `width` is how many targets are worked in at once."""
        self._pending = {target: Counter(kinds) for target, kinds in pending.items()}
        self._outcomes: dict[Target, Counter[OutcomeKind]] = {}
        self._begun: dict[Target, float] = {}
        self._rate_of = rate_of
        self._width = width
        self._clock = clock

    def seconds(self) -> float | None:
        """Return how long the rest takes at the rates that are known by now; None while none is."""
        return seconds_left(self._pending, self._rate_of, self._width)

    def of(self, target: Target) -> tuple[int, Mapping[ActionKind, int]]:
        """Return how much of a target is done, and what is pending there."""
        return sum(self._outcomes.get(target, {}).values()), self._pending.get(target, {})

    def begins(self, target: Target) -> None:
        """Note that a target's turn has come."""
        self._begun[target] = self._clock()

    def take(self, outcome: Outcome) -> TargetDone | None:
        """Count an outcome. Return its target if it was the last one there."""
        target = outcome.target
        pending = self._pending.get(target)
        if pending is None:
            return None
        # Where it is worked in elsewhere, the first outcome is the first that is heard of it.
        began = self._begun.setdefault(target, self._clock())
        counts = self._outcomes.setdefault(target, Counter())
        counts[outcome.kind] += 1
        kind = _ACTIONS.get(outcome.kind)
        # A failure doesn't say what was to be done: it is taken for the kind that most of the rest is.
        pending[kind if kind is not None and pending[kind] else pending.most_common(1)[0][0]] -= 1
        if pending.total():
            return None
        del self._pending[target], self._outcomes[target], self._begun[target]
        return TargetDone(target, counts, self._clock() - began)
