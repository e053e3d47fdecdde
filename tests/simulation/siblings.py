"""Many targets that need the same operation, each with a pacer of its own, in virtual time: what siblings teach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.pacer import Pacer
from bulkprof.pacing.siblings import Lesson, Siblings
from tests.simulation.clients import Lane
from tests.simulation.world import Limit, Loop, Network

OPERATION = "Create"


@dataclass(frozen=True, slots=True)
class Member:
    """A target: its own limit or one that it shares, its calls, and when it begins."""

    limit: Limit
    calls: int = 150
    region: str = "us-east-1"
    start: float = 0.0
    learned: LearnedRate | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """What came of a run."""

    lanes: Sequence[Lane]
    seconds: float
    """Until the last target was done."""

    @property
    def throttles(self) -> float:
        """Per 1,000 accepted calls of all targets."""
        throttled = sum(lane.tally.throttled for lane in self.lanes)
        return 1000.0 * throttled / sum(lane.tally.accepted for lane in self.lanes)


def run(members: Sequence[Member], seed: int, *, siblings: Siblings | None, width: int | None = None) -> Fleet:
    """Run all to their end, `width` at once, the next one when one is done. Without `siblings` each is on its own."""
    loop = Loop()
    lanes: list[Lane] = []
    waiting = list(enumerate(members))

    def begin() -> None:
        number, member = waiting.pop(0)
        own = (member.learned.per_second, member.learned.burst) if member.learned else None
        lesson = Lesson(siblings, member.region, OPERATION, own) if siblings is not None else None
        pacer = Pacer(learned=member.learned, lesson=lesson)
        network = Network(loop, member.limit, 1000 * seed + number)
        lanes.append(Lane(network, pacer, member.calls, start=max(loop.now, member.start)))

    for _ in range(width or len(members)):
        begin()

    def look() -> None:
        while waiting and sum(not lane.done for lane in lanes) < (width or len(members)):
            begin()
        if waiting:
            loop.at(loop.now + 0.1, look)

    loop.at(0.0, look)
    loop.run()
    return Fleet(lanes, max(lane.tally.last for lane in lanes))
