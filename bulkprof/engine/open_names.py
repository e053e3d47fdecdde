"""The names of one target that are without a profile while they are replaced: few at any moment."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from bulkprof.engine.lane import LaneClosedError
from bulkprof.model import REPLACEMENT_OPEN

MOST_OPEN = 2
"""Names of one target that may be without a profile at the same time."""
MOST_BEGUN = 2 * MOST_OPEN
"""Replacements of one target that are under way at once where names are unique: some look while others are open."""


class OpenNames:
    """Lets few names of a target be without a profile at once. One for each target and execution."""

    def __init__(self) -> None:
        self.unique: bool | None = None
        """Whether AWS takes one profile of a name only; None until a replacement has found out."""
        self.lost: dict[str, str] = {}
        """Names that are left without a profile, and why."""
        self._begun = 0
        self._open = 0
        self._changed = anyio.Event()

    @asynccontextmanager
    async def replacing(self) -> AsyncIterator[None]:
        """For a whole replacement. The first finds out whether names are unique; if so, few are under way at once.

        Else creations that only try out a name would stand in line before those that an open name waits for. Raises
        `LaneClosedError` as `opening` does.
        """
        await self._wait(lambda: self._begun < self._width or self._full)
        self._require_room()
        self._begun += 1
        try:
            yield
        finally:
            self._begun -= 1
            self._wake()

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[None]:
        """For the time between the deletion and the creation of a name.

        Raises `LaneClosedError` where too many names of the target are without a profile already.
        """
        await self._wait(lambda: self._open + len(self.lost) < MOST_OPEN or self._full)
        self._require_room()
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            self._wake()

    def found(self, *, unique: bool) -> None:
        """Note whether AWS takes one profile of a name only."""
        self.unique = unique
        self._wake()

    def lose(self, name: str, why: str) -> None:
        """Note that a name is left without a profile."""
        self.lost[name] = why
        self._wake()

    @property
    def reason(self) -> str:
        """What to say of actions that aren't tried because of what is lost."""
        names = ", ".join(repr(name) for name in sorted(self.lost))
        why = next(iter(self.lost.values()), "")
        return (
            f"not tried: {names} in this target has no profile until its replacement is whole ({why}); "
            "mend that row and apply it again, which tries it first (where it isn't wanted any more: sync --prune)"
        )

    @property
    def _full(self) -> bool:
        """Whether no deletion may come before its creation any more. Where names aren't unique, none does."""
        return len(self.lost) >= MOST_OPEN and self.unique is not False

    def _require_room(self) -> None:
        if self._full:
            raise LaneClosedError(REPLACEMENT_OPEN, self.reason)

    @property
    def _width(self) -> float:
        if self.unique is None:
            return 1
        return MOST_BEGUN if self.unique else math.inf

    async def _wait(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
