"""A cluster on this machine, for one run: a worker for each core, as processes that end with it.

Its workers load this module as dask's preload.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio.to_thread

from bulkprof.system.temporary import temporary_folder

HERE = "127.0.0.1"
_CONFIG: Mapping[str, Any] = {
    # What measures workers for dask's dashboard costs a part of their time, and there is no dashboard.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


@asynccontextmanager
async def local_cluster() -> AsyncIterator[Any]:
    """A cluster that ends with the block.

    Workers carry out what they are sent, so connections are encrypted with keys that only this process and they have:
    other users of the machine can't send them anything.
    """
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    security = await anyio.to_thread.run_sync(Security.temporary)
    with temporary_folder() as folder, dask.config.set({**_CONFIG, "temporary-directory": str(folder)}):
        cluster = LocalCluster(
            asynchronous=True,
            threads_per_worker=1,
            host=HERE,
            security=security,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": f"{HERE}:0"},
            memory_limit=0,
            silence_logs=logging.CRITICAL,
            preload=[__name__],
            local_directory=str(folder),
        )
        try:
            with unreached_by_ctrl_c():
                await cluster
            yield cluster
        finally:
            await cluster.close()


@contextmanager
def unreached_by_ctrl_c() -> Iterator[None]:
    """Let processes that start in the block get no Ctrl-C of the terminal, from their first moment on.

    They inherit which signals this thread blocks. Without it, one that is still importing dies with a traceback. What
    this process gets meanwhile is taken by another of its threads, or when the block ends.
    """
    if sys.platform == "win32":
        yield
    else:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def dask_setup(worker: Any) -> None:  # noqa: ARG001 - as dask calls it
    """Let a worker go on at Ctrl-C, which a terminal sends to it, too: the coordinator tells it to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
