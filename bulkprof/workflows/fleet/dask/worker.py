"""What runs on a worker: one share, from the bytes of its file to the bytes of its file with outcomes.

It is a plain function for dask, with an event loop of its own in the worker's thread. Other threads of the worker may
be at other shares, and the process is someone else's: signals, working directory and environment stay as they are.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import threading
import uuid
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from bulkprof.errors import BulkprofError, ExitCode, RunInterruptedError, UnforeseenError, unwrapped
from bulkprof.stop import Stop
from bulkprof.store.shares.carried import Phase
from bulkprof.system.temporary import temporary_folder
from bulkprof.workflows.fleet.dask.lease import STOPPED, Lease
from bulkprof.workflows.fleet.dask.messages import Answer, Call, Report, differing, own_versions
from bulkprof.workflows.fleet.dask.reporter import Reporter

if TYPE_CHECKING:
    from distributed import Worker

    from bulkprof.workflows.steps.connection import Kept

LOG = logging.getLogger(__name__)
_MEMORY = threading.local()
"""What each of the worker's threads keeps from share to share."""


def run_share(call: Call, data: bytes) -> Answer:
    """Carry a share out, as far as lease and stop allow. What goes wrong with it is in the answer, beside its file."""
    from distributed import get_worker

    worker = get_worker()
    answer = Answer(worker=worker.address, attempt=uuid.uuid4().hex, data=b"", refused="", fault="")
    answer["refused"] = differing(worker.address, own_versions(), call["versions"])
    if answer["refused"]:
        return answer
    try:
        with temporary_folder() as folder:
            path = folder / "share.db"
            path.write_bytes(data)
            side = _Side(call, answer["attempt"], worker, path)
            try:
                with unwrapped():
                    anyio.run(side.work, backend_options={"use_uvloop": _has_uvloop()})
            finally:
                if side.begun:
                    answer["data"] = path.read_bytes()
            answer["fault"] = side.fault and f"worker {worker.address}: {side.fault}"
    except Exception as error:
        LOG.debug("what ends the share comes from here", exc_info=error)
        fault = error if isinstance(error, BulkprofError) else UnforeseenError(error)
        answer["fault"] = f"worker {worker.address}: {fault}"
    return answer


def _has_uvloop() -> bool:
    return importlib.util.find_spec("uvloop") is not None


def _kept(call: Call) -> Kept:
    """Return what this thread keeps for a run; what it kept for another one is given up."""
    from bulkprof.workflows.steps.connection import Kept

    whose = (call["run"], call["environment"])
    if getattr(_MEMORY, "whose", None) != whose:
        _MEMORY.whose, _MEMORY.kept = whose, Kept()
    kept: Kept = _MEMORY.kept
    return kept


class _Side:
    """One share on its worker."""

    def __init__(self, call: Call, attempt: str, worker: Worker, path: Path) -> None:
        self._call = call
        self._attempt = attempt
        self._worker = worker
        self._path = path
        self._stop = Stop()
        self._lease = Lease(call["lease_s"])
        self.begun = False
        """Whether the share's file may have changed."""

    @property
    def fault(self) -> str:
        """What the share was stopped for, where it wasn't the coordinator's wish."""
        return self._stop.reason if self._stop.requested and self._stop.reason != STOPPED else ""

    async def work(self) -> None:
        """Do it, unless the run was stopped before."""
        if self._lease.end(await self._look()):
            return
        again = self._call["again"] or await self._was_begun()
        self.begun = True
        reporter = Reporter(self._call["share"], self._attempt, self._tell)
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch)
            group.start_soon(reporter.report_regularly)
            try:
                await self._carry_out(reporter, again=again)
            except RunInterruptedError:
                # Nothing was changed yet; why it was stopped is known.
                if not self._stop.requested:
                    raise
            finally:
                reporter.report()
            group.cancel_scope.cancel()

    async def _carry_out(self, reporter: Reporter, *, again: bool) -> None:
        # What it imports takes a second, which workers take once.
        from bulkprof.workflows.fleet.share import Site, apply_share, plan_share

        site = Site(
            kept=_kept(self._call),
            environment=self._call["environment"],
            threads=max(1, self._worker.state.nthreads),
            lease_s=self._call["lease_s"],
        )
        if self._call["phase"] == Phase.PLAN:
            await plan_share(self._path, None, reporter, self._stop, site)
        else:
            await apply_share(self._path, None, reporter, self._stop, site, resumed=again)

    async def _watch(self) -> None:
        """Ask for the stop when the coordinator wants it, or is silent."""
        while not (reason := self._lease.end(await self._look())):  # noqa: ASYNC110 - nothing tells of a change
            await anyio.sleep(self._lease.look_every_s)
        self._stop.request(ExitCode.COULD_NOT_RUN, reason)

    async def _look(self) -> Mapping[str, Any] | None:
        """Return what the coordinator has written last; None where the scheduler doesn't answer."""
        with anyio.move_on_after(self._call["lease_s"]):
            try:
                found: Mapping[str, Any] | None = await self._there(
                    self._worker.scheduler.get_metadata(keys=[self._call["channel"]], default=None)
                )
            except OSError:
                return None
            return found
        return None

    async def _was_begun(self) -> bool:
        """Return whether another worker has begun this share, and was lost. From now on, this one has begun it."""
        keys = [f"{self._call['channel']}-tries", str(self._call["share"])]
        tries = await self._there(self._worker.scheduler.get_metadata(keys=keys, default=0))
        await self._there(self._worker.scheduler.set_metadata(keys=keys, value=tries + 1))
        return bool(tries)

    async def _there(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Await what has to run on the worker's own event loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._worker.loop.asyncio_loop))

    def _tell(self, report: Report) -> None:
        self._worker.log_event(self._call["channel"], report)
