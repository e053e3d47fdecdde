"""The coordinator's side of the lease: it beats while shares are under way, and tells of the stop at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from bulkprof.errors import FleetError
from bulkprof.stop import Stop
from bulkprof.system.clocks import HEARTBEAT_S
from bulkprof.workflows.fleet.dask.cluster import Cluster
from bulkprof.workflows.fleet.dask.lease import BEATS, beat


@asynccontextmanager
async def beating(
    cluster: Cluster, channel: str, lease_s: float, stop: Stop, sign_of_life: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """Beat while the block runs; `sign_of_life` says to later runs that this one was alive.

    Raises `FleetError` when the scheduler is gone.
    """
    await cluster.tell(channel, beat(0, stop=stop.requested))
    async with anyio.create_task_group() as group:
        group.start_soon(_beat, cluster, channel, lease_s, stop)
        group.start_soon(_live, sign_of_life)
        try:
            yield
        finally:
            group.cancel_scope.cancel()
            # A worker that was taken for lost may still be at a share.
            with anyio.CancelScope(shield=True), anyio.move_on_after(lease_s / BEATS):
                await _last_word(cluster, channel)


async def _beat(cluster: Cluster, channel: str, lease_s: float, stop: Stop) -> None:
    number = 0
    while True:
        if stop.requested:
            await anyio.sleep(lease_s / BEATS)
        else:
            with anyio.move_on_after(lease_s / BEATS):
                await stop.wait()
        number += 1
        with anyio.move_on_after(lease_s):
            await cluster.tell(channel, beat(number, stop=stop.requested))


async def _live(sign_of_life: Callable[[], Awaitable[None]]) -> None:
    while True:
        await sign_of_life()
        await anyio.sleep(HEARTBEAT_S)


async def _last_word(cluster: Cluster, channel: str) -> None:
    try:
        await cluster.tell(channel, beat(-1, stop=True))
    except FleetError:
        # Without a scheduler, workers find out by themselves, when their lease runs out.
        return
