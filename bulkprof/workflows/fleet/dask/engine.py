"""The dask engine: a run's targets are planned and carried out by the workers of a dask cluster, share by share."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from bulkprof.engine.engine import Watcher
from bulkprof.errors import ExitCode, FleetError, unwrapped
from bulkprof.model import Target
from bulkprof.pacing.rates import RateStore
from bulkprof.stop import StopRequestedError
from bulkprof.store.history.recent import RecentRuns
from bulkprof.store.run import RunFile
from bulkprof.store.shares.carried import Phase
from bulkprof.system.temporary import temporary_folder
from bulkprof.workflows.fleet.arrivals import Arrivals
from bulkprof.workflows.fleet.cutter import Cutter
from bulkprof.workflows.fleet.dask import lease
from bulkprof.workflows.fleet.dask.board import Board
from bulkprof.workflows.fleet.dask.cluster import Cluster
from bulkprof.workflows.fleet.dask.flights import Flights, Share
from bulkprof.workflows.fleet.dask.heart import beating
from bulkprof.workflows.fleet.dask.messages import Answer, Call, own_versions
from bulkprof.workflows.fleet.dask.sizes import Pieces, slowest_first
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.replan import Replanning
from bulkprof.workflows.steps.seen import Seen

GRACE_S = 30.0
"""Seconds after a stop within which shares come back, besides those that their calls may take."""


class DaskFleet:
    """Plans and carries out a run's targets on the workers of a cluster, which is entered when it is first needed."""

    def __init__(self, work: Workspace) -> None:
        self._work = work
        self._stack = AsyncExitStack()
        self._cluster: Cluster | None = None
        self._recent: RecentRuns | None = None

    async def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._cluster = None
        await self._stack.aclose()

    async def plan(
        self, run: RunFile, targets: Sequence[Target], *, recent: RecentRuns, again: Replanning | None, whole: bool
    ) -> Seen:
        """Observe `targets` and plan what would change there, into `run`. Returns what was counted.

        Raises `StopRequestedError` when the run stops meanwhile, `FleetError` when workers can't do it.
        """
        self._recent = recent
        arrivals = Arrivals(self._work, run)
        with self._work.ui.progress("observing targets", len(targets)) as progress:
            board = Board(self._work.ui, progress=progress)
            trip = await self._trip(run, Phase.PLAN, board, arrivals)
            trip.cutter.again, trip.cutter.whole = again.resumed if again else None, whole
            await self._share_out(trip, targets)
        await anyio.to_thread.run_sync(arrivals.keep_rates)
        if self._work.stop.requested:
            raise StopRequestedError
        return arrivals.seen

    async def execute(self, run: RunFile, targets: Sequence[Target], watch: Watcher) -> None:
        """Carry every open action of `targets` to its outcome, or as far as the stop allows; after `plan`.

        Where workers can't do it, the run is stopped: what is done is in order, and `resume` goes on.
        """
        arrivals = Arrivals(self._work, run)
        trip = await self._trip(run, Phase.APPLY, Board(self._work.ui, watch=watch), arrivals)
        # The next run of the estate has to wait for workers that may still be at this one.
        run.note(lease_s=self._lease_s)
        try:
            await self._share_out(trip, targets)
        except FleetError as error:
            self._work.ui.warn(f"stopping: {error}")
            self._work.stop.request(ExitCode.COULD_NOT_RUN, str(error))
        else:
            if not trip.lost:
                run.note(lease_s=0.0)
        await anyio.to_thread.run_sync(arrivals.keep_rates)

    async def _trip(self, run: RunFile, phase: Phase, board: Board, arrivals: Arrivals) -> Trip:
        if self._cluster is None:
            self._cluster = await self._stack.enter_async_context(Cluster(self._work.settings.engine.scheduler))
        rates = RateStore(self._work.state.path)
        # What is wrong with the file was told when the way into AWS was opened.
        await anyio.to_thread.run_sync(rates.load)
        if self._recent is None:
            raise RuntimeError("what is executed has to be planned first")
        cutter = Cutter(work=self._work, run=run, phase=phase, of=0, recent=self._recent, rates=rates)
        return Trip(self._work, run, self._cluster, cutter, board, arrivals, self._lease_s)

    async def _share_out(self, trip: Trip, targets: Sequence[Target]) -> None:
        if targets:
            with temporary_folder() as folder, unwrapped():
                await trip.make(folder, targets)

    @property
    def _lease_s(self) -> float:
        """The length of the lease: shorter than a lock that another machine may take over."""
        lock = self._work.settings.lock
        return min(lease.LEASE_S, lock.expiry_s / 2) if lock.s3 else lease.LEASE_S


@dataclass(slots=True)
class Trip:
    """All shares of one phase of a run, out and home."""

    work: Workspace
    run: RunFile
    cluster: Cluster
    cutter: Cutter
    board: Board
    arrivals: Arrivals
    lease_s: float
    lost: int = 0
    """Shares that workers may still be at."""
    channel: str = ""
    folder: Path = Path()

    async def make(self, folder: Path, targets: Sequence[Target]) -> None:
        """Send all shares, and take them in."""
        self.folder = folder
        self.channel = f"bulkprof-{self.cutter.run.details().id}-{secrets.token_hex(6)}"
        grace = GRACE_S + self.lease_s + self.work.settings.run.timeout_s
        flights = Flights(self.cluster, self.work.stop, self.work.ui, self._pack, self._unpack, grace)
        changes: dict[Target, int] = {}
        if self.cutter.phase is Phase.APPLY:
            counts = await self.run.off_loop(self.run.pending_counts)
            changes = {target: sum(kinds.values()) for target, kinds in counts.items()}
            targets = slowest_first(targets, counts, self._rate_of, self.work.settings.rollout.order)
        self.cluster.listen(self.channel, self.board.hear)
        try:
            async with beating(
                self.cluster,
                self.channel,
                self.lease_s,
                self.work.stop,
                partial(self.run.off_loop, self.run.give_sign_of_life),
            ):
                await flights.send(Pieces(targets, changes))
        finally:
            self.cluster.listen_no_more(self.channel)
            self.lost = len(flights.flying)

    def _rate_of(self, target: Target, operation: str) -> float | None:
        known = self.cutter.rates.rate(target.account, target.region, operation)
        return known.per_second if known else None

    async def _pack(self, share: Share) -> tuple[Call, bytes]:
        path = self.folder / f"out-{share.index}.db"

        def cut() -> bytes:
            self.cutter.cut(share.index, share.targets, path)
            data = path.read_bytes()
            path.unlink()
            if self.cutter.phase is Phase.APPLY:
                # From now on its calls may be sent, whatever becomes of this process.
                self.run.hand_out(share.targets)
            return data

        data = await self.run.off_loop(cut)
        environment = self.work.environment
        call = Call(
            run=self.run.details().id,
            channel=self.channel,
            share=share.index,
            phase=str(self.cutter.phase),
            lease_s=self.lease_s,
            versions=own_versions(),
            again=share.tries > 0,
            environment=None if environment is None else dict(environment),
        )
        return call, data

    async def _unpack(self, share: Share, answer: Answer) -> Sequence[Target]:
        planning = self.cutter.phase is Phase.PLAN
        if not answer["data"] or (planning and answer["fault"]):
            return share.targets
        path = self.folder / f"home-{share.index}.db"
        await anyio.to_thread.run_sync(path.write_bytes, answer["data"])
        home = await self.arrivals.take(path)
        path.unlink()
        if planning:
            self.board.home(share.index, answer["attempt"], len(share.targets), {})
            return [] if home.ended else share.targets
        mine = frozenset(share.targets)
        found = await self.run.off_loop(partial(self.run.outcomes_after, home.seq, -1))
        # Another share may have come home since.
        new = Counter((each.target, str(each.kind)) for _, each in found if each.target in mine)
        self.board.home(share.index, answer["attempt"], 0, new)
        return await self.run.off_loop(lambda: [each for each in share.targets if self.run.pending(each, 0, 1)])
