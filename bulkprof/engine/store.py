"""What the engine needs of the place that keeps a run: the actions that wait, and a record of their outcomes.

`store.run.RunFile` has all of it, in SQLite. Its methods may block, so the engine calls them through `off_loop`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from bulkprof.model import Action, Outcome, Target, Turn
from bulkprof.totals import CallCount, LostProfile, Slices

T = TypeVar("T")

PAGE = 200
"""Actions of one target that are read at once."""
Read = Callable[[Target, int, int], list[Action]]
"""Reads a target's actions without an outcome: those after an id, up to a number of them."""


class Store(Protocol):
    """A run's actions and their outcomes."""

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Run `work`, which uses this store, without blocking the event loop; one at a time."""
        ...

    def pending(self, target: Target, after: int, limit: int) -> list[Action]:
        """The first `limit` actions of `target` without an outcome whose id is greater than `after`, by id."""
        ...

    def take_up(self, target: Target, after: int, limit: int, turn: Turn | None = None) -> list[Action]:
        """Like `pending`, those of `turn`, with a note that they may be sent from now on, which outlives a kill."""
        ...

    def begun(self, target: Target) -> int:
        """The greatest id of `target`'s actions that were taken up so far: those after it were never sent."""
        ...

    def turns(self, target: Target) -> list[Turn]:
        """The turns in which the pending actions of `target` come, in order."""
        ...

    def lost(self, target: Target | None = None) -> list[LostProfile]:
        """The names that a replacement left without a profile, or may have, in all or in one target."""
        ...

    def lost_elsewhere(self, target: Target) -> list[LostProfile]:
        """Those names of `target` that this run does nothing more about."""
        ...

    def note_open(self, action: Action) -> None:
        """Note that the old profile of a replacement is about to be deleted."""
        ...

    def is_whole(self, target: Target, names: Collection[str]) -> None:
        """Note that these names have a profile again, or need none any more."""
        ...

    def record(
        self, outcomes: Iterable[Outcome], calls: Mapping[str, CallCount] | None = None, times: Slices | None = None
    ) -> None:
        """Keep outcomes, and the calls since the last ones, in all and second by second, all or nothing."""
        ...

    def close_unchanged(self, targets: Sequence[Target], most: int) -> list[Outcome]:
        """Keep that nothing was to be done in those of `targets` where that is so, and return the outcomes.

        Targets in which `most` actions or more have no outcome are left out.
        """
        ...

    def give_sign_of_life(self) -> None:
        """Note that calls may be sent at this moment. After a kill, it says how long ago that was."""
        ...


async def pages(store: Store, target: Target, read: Read) -> AsyncIterator[list[Action]]:
    """Yield the target's actions without an outcome, page by page, as `read` reads them from the store."""
    last = 0
    while page := await store.off_loop(partial(read, target, last, PAGE)):
        yield page
        if len(page) < PAGE:
            return
        last = page[-1].id
