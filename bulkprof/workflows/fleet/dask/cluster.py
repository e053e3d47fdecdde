"""The dask cluster that a run works on: someone's scheduler, or workers that are started on this machine.

This is the one file on the coordinator's side that imports dask. Everything of it is lazy: it takes a second to import.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio

from bulkprof.errors import ConfigError, FleetError, named
from bulkprof.workflows.fleet.dask.local import local_cluster
from bulkprof.workflows.fleet.dask.messages import Answer, Call, differing, own_versions
from bulkprof.workflows.fleet.dask.worker import run_share

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10.0
"""Seconds within which a scheduler has to answer."""
CLOSE_S = 10.0
"""Seconds that workers of this machine may take to end."""
_OF_DASK = ("distributed", "tornado", "bokeh", "dask")
"""The loggers of dask and of what it is made of."""


class WorkerLostError(FleetError):
    """The workers that had a share died, one after the other."""


class Cluster:
    """A connection to a scheduler; an async context manager."""

    def __init__(self, scheduler: str | None) -> None:
        """`scheduler` is its address; None starts a cluster on this machine, which ends with the block."""
        self._address = scheduler
        self._stack = AsyncExitStack()
        self._client: Client | None = None
        self._known: set[str] = set()

    async def __aenter__(self) -> Self:
        """Connect. Raises `ConfigError` where dask is missing, and `FleetError` where there is no scheduler."""
        _import_quietly()
        try:
            async with AsyncExitStack() as stack:
                place = self._address or await stack.enter_async_context(local_cluster())
                self._client = await stack.enter_async_context(_client(place))
                self._stack = stack.pop_all()
        except (OSError, ImportError, ValueError, RuntimeError) as error:
            start = "; start one: dask scheduler" if self._address else ""
            fault = f"there is no dask scheduler to work with at {self._place}: {named(error)}{start}"
            raise FleetError(fault) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect, and end the workers that were started here, also when cancelled."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(CLOSE_S, shield=True):
            await self._stack.aclose()

    @property
    def address(self) -> str:
        """The scheduler's address."""
        return self._address or str(self._connected.scheduler_info()["address"])

    @property
    def _place(self) -> str:
        return self._address or "this machine"

    @property
    def _connected(self) -> Client:
        if self._client is None:
            raise RuntimeError("Cluster is used outside its `async with` block")
        return self._client

    @property
    def lost(self) -> bool:
        """Whether the scheduler is gone for good."""
        return self._connected.status not in {"running", "connecting"}

    async def threads(self) -> int:
        """Return how many shares the workers there are now can work on at once.

        Raises `FleetError` for a worker that has another version of what has to be the same.
        """
        try:
            found: Mapping[str, int] = await self._connected.nthreads()
        except OSError as error:
            raise self._gone(error) from None
        if new := found.keys() - self._known:
            await self.check_versions()
            self._known |= new
        return sum(found.values())

    async def check_versions(self) -> None:
        """Raise `FleetError` for the first worker that can't work for this process."""
        ours = own_versions()
        try:
            found = await self._connected.get_versions(packages=["bulkprof"])
        except OSError as error:
            raise self._gone(error) from None
        for worker, theirs in sorted(found["workers"].items()):
            if theirs is None:
                continue  # it ended meanwhile
            packages = theirs["packages"]
            python = ".".join(str(packages.get("python", "")).split(".")[:2])
            if fault := differing(worker, {**packages, "Python": python}, ours):
                raise FleetError(fault)

    async def tell(self, channel: str, value: object) -> None:
        """Write what workers look at. Raises `FleetError` when the scheduler is gone."""
        try:
            await self._connected.set_metadata([channel], value)
        except OSError as error:
            raise self._gone(error) from None

    def listen(self, channel: str, hear: Callable[[Any], None]) -> None:
        """Call `hear` with what workers report."""

        async def take(event: tuple[float, Any]) -> None:
            hear(event[1])

        self._connected.subscribe_topic(channel, take)

    def listen_no_more(self, channel: str) -> None:
        """End what `listen` began."""
        with suppress(ValueError, OSError):
            self._connected.unsubscribe_topic(channel)

    async def carry_out(self, call: Call, data: bytes) -> Answer:
        """Have a share carried out by some worker, and by another one where that one dies.

        Raises `WorkerLostError` when several died, `FleetError` when the scheduler is gone.
        """
        from distributed import KilledWorker

        client = self._connected
        # Every try is its own: an equal share that was carried out before has no result that could be used.
        future = client.submit(run_share, call, data, pure=False, retries=0)
        try:
            answer: Answer = await future
        except KilledWorker as error:
            raise WorkerLostError(
                f"the workers that had it died, the last one at {error.last_worker.address}"
            ) from None
        except (ModuleNotFoundError, AttributeError) as error:
            await self.check_versions()
            raise FleetError(f"a worker of {self._place} can't load bulkprof: {named(error)}") from None
        except concurrent.futures.CancelledError:
            # So dask ends what is under way when its scheduler is gone. It says no more than that, in many words.
            raise FleetError(f"the connection to the dask scheduler at {self._place} is lost") from None
        except (OSError, asyncio.CancelledError) as error:
            if future.status not in {"cancelled", "lost", "error"}:
                raise
            raise self._gone(error) from None
        finally:
            future.release()
        return answer

    def _gone(self, error: BaseException) -> FleetError:
        return FleetError(f"the connection to the dask scheduler at {self._place} is lost: {named(error)}")


def _import_quietly() -> None:
    """Import dask without the lines that it would write to standard error. Raises `ConfigError` where it is missing."""
    fresh = "distributed" not in sys.modules
    try:
        import distributed  # noqa: F401 - what it does to loggers is undone below
    except ImportError:
        raise ConfigError("--engine dask needs dask.distributed: pip install 'bulkprof[dask]'") from None
    if not fresh:
        return
    for name in [*logging.root.manager.loggerDict, *_OF_DASK]:
        if name.partition(".")[0] in _OF_DASK:
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True
    for name in _OF_DASK:
        # What matters of it is raised. Without this, a program that sets up no logging would print warnings.
        logging.getLogger(name).addHandler(logging.NullHandler())


def _client(place: Any) -> Any:
    from distributed import Client

    return Client(place, asynchronous=True, timeout=CONNECT_S, set_as_default=False)
