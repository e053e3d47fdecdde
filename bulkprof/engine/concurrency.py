"""Targets side by side: a bounded number at work, and those that have stopped answering don't hold up the next ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from bulkprof.engine.lane import Traffic
from bulkprof.model import Target


async def side_by_side(
    targets: Sequence[Target], width: int, traffic: Traffic, work: Callable[[Target], Awaitable[None]]
) -> bool:
    """Do `work` on each of `targets`, `width` at once. Returns whether all were done, or begun: False after a stop."""
    slots = _Slots(width)
    traffic.fell_silent = slots.fell_silent

    async def one(target: Target) -> None:
        try:
            await work(target)
        finally:
            slots.release(target)

    async with anyio.create_task_group() as group:
        for target in targets:
            # Taken here and given back by the task: targets that wait hold none.
            await slots.acquire(target)
            if traffic.stop.requested:
                return False
            group.start_soon(one, target)
    return True


class _Slots:
    """The targets at work: `width` of them, and as many more that have fallen silent."""

    def __init__(self, width: int) -> None:
        self._free = anyio.Semaphore(width)
        self._spare = width
        self._aside: set[Target] = set()
        self._held: set[Target] = set()

    async def acquire(self, target: Target) -> None:
        await self._free.acquire()
        self._held.add(target)

    def fell_silent(self, target: Target) -> None:
        """Let another one in. This one goes on beside it, also when it answers again."""
        if target in self._held and len(self._aside) < self._spare:
            self._held.remove(target)
            self._aside.add(target)
            self._free.release()

    def release(self, target: Target) -> None:
        if target in self._held:
            self._held.remove(target)
            self._free.release()
        else:
            self._aside.remove(target)
