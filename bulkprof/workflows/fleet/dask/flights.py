"""Shares under way: a few for each thread of the workers, so that few are held at once, however many there are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from bulkprof.errors import FleetError
from bulkprof.model import Target
from bulkprof.reports.text import counted
from bulkprof.stop import Stop
from bulkprof.ui import Ui
from bulkprof.workflows.fleet.dask.cluster import Cluster, WorkerLostError
from bulkprof.workflows.fleet.dask.messages import Answer, Call
from bulkprof.workflows.fleet.dask.sizes import Pieces

AHEAD = 2
"""Shares for each thread of the workers: one that it works on, and one that waits."""
TRIES = 3
"""How often a share is sent in all, where something other than the run's stop keeps it from its end."""
LOOK_S = 2.0
"""Seconds between two looks at how many workers there are."""


@dataclass(frozen=True, slots=True)
class Share:
    """Some targets of the run that travel together."""

    index: int
    targets: Sequence[Target]
    tries: int = 0
    """How often it was sent before: then a worker may have begun it."""


Pack = Callable[[Share], Awaitable[tuple[Call, bytes]]]
Unpack = Callable[[Share, Answer], Awaitable[Sequence[Target]]]
"""Takes an answer in. Returns the targets that aren't done."""


@dataclass(slots=True)
class Flights:
    """Sends shares out, and takes them in as they come back."""

    cluster: Cluster
    stop: Stop
    ui: Ui
    pack: Pack
    unpack: Unpack
    grace_s: float
    """Seconds after the stop within which shares have to be back."""
    flying: set[int] = field(default_factory=set)
    """The shares that workers have, or may have."""
    _again: deque[Share] = field(default_factory=deque)
    """What came back undone."""
    _changed: anyio.Event = field(default_factory=anyio.Event)
    _told: bool = False
    _last: int = 0
    """The number of the last share."""

    async def send(self, pieces: Pieces) -> None:
        """Bring all targets to their end, or as far as the stop allows.

        Raises `FleetError` where workers can't do it.
        """
        async with anyio.create_task_group() as group:
            group.start_soon(self._look_out_for_stop)
            give_up = float("inf")
            while pieces or self._again or self.flying:
                if self.stop.requested:
                    pieces.clear()
                    self._again.clear()
                    give_up = min(give_up, time.monotonic() + self.grace_s)
                    if not self.flying or time.monotonic() > give_up:
                        break
                else:
                    await self._fill(group, pieces)
                with anyio.move_on_after(LOOK_S):
                    await self._changed.wait()
                self._changed = anyio.Event()
            group.cancel_scope.cancel()

    async def _fill(self, group: TaskGroup, pieces: Pieces) -> None:
        """Send as many shares as there is room for."""
        threads = await self.cluster.threads()
        if not threads and not self._told:
            self._told = True
            self.ui.note(f"no worker is at {self.cluster.address}; waiting for one: dask worker {self.cluster.address}")
        while (pieces or self._again) and len(self.flying) < AHEAD * threads:
            share = self._again.popleft() if self._again else Share(self._next(), pieces.next(threads))
            self.flying.add(share.index)
            group.start_soon(self._fly, share)

    def _next(self) -> int:
        self._last += 1
        return self._last

    async def _look_out_for_stop(self) -> None:
        await self.stop.wait()
        self._changed.set()

    async def _fly(self, share: Share) -> None:
        call, data = await self.pack(share)
        index = share.index
        try:
            answer = await self.cluster.carry_out(call, data)
        except WorkerLostError as error:
            left, fault = share.targets, str(error)
        else:
            if answer["refused"]:
                raise FleetError(answer["refused"])
            left, fault = await self.unpack(share, answer), answer["fault"]
            if answer["data"]:
                # Calls of what came home are counted by its number: the rest gets one of its own.
                index = self._next()
        if left and not self.stop.requested:
            if share.tries + 1 >= TRIES:
                raise FleetError(
                    f"a share of {counted(len(share.targets), 'target')} was tried {TRIES} times in vain: {fault}"
                )
            self._again.append(Share(index, left, share.tries + 1))
        self.flying.discard(share.index)
        self._changed.set()
