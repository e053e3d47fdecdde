"""A fleet whose workers are tasks of this process: shares are cut, worked on and brought home as by an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from bulkprof.engine.engine import Watcher
from bulkprof.model import Target
from bulkprof.pacing.rates import RateStore
from bulkprof.store.history.recent import RecentRuns
from bulkprof.store.run import RunFile
from bulkprof.store.shares.carried import Phase
from bulkprof.workflows.fleet.arrivals import Arrivals
from bulkprof.workflows.fleet.cutter import Cutter
from bulkprof.workflows.fleet.even import cut_evenly
from bulkprof.workflows.fleet.share import apply_share, plan_share
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps import context
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.replan import Replanning
from bulkprof.workflows.steps.seen import Seen

SHARES = 3


class LocalFleet:
    """Plans and executes in `SHARES` shares at once."""

    def __init__(self, work: Workspace, folder: Path) -> None:
        self.work = work
        self.folder = folder
        self.recent: RecentRuns | None = None
        self.cuts = 0

    async def plan(
        self, run: RunFile, targets: Sequence[Target], *, recent: RecentRuns, again: Replanning | None, whole: bool
    ) -> Seen:
        self.recent = recent
        arrivals = Arrivals(self.work, run)
        for path in await self._cut(run, targets, Phase.PLAN, again=again.resumed if again else None, whole=whole):
            await plan_share(path, Options(state_dir=self.folder / "worker"))
            assert (await arrivals.take(path)).ended
        return arrivals.seen

    async def execute(self, run: RunFile, targets: Sequence[Target], watch: Watcher) -> None:
        paths = await self._cut(run, targets, Phase.APPLY)
        arrivals = Arrivals(self.work, run)

        async def one(path: Path) -> None:
            await apply_share(path, Options(state_dir=self.folder / "worker"))

        await run.off_loop(partial(run.hand_out, targets))
        async with anyio.create_task_group() as group:
            for path in paths:
                group.start_soon(one, path)
        for path in paths:
            home = await arrivals.take(path)
            for _, outcome in await run.off_loop(partial(run.outcomes_after, home.seq, 1_000_000)):
                watch(outcome)

    async def _cut(
        self, run: RunFile, targets: Sequence[Target], phase: Phase, *, again: bool | None = None, whole: bool = True
    ) -> list[Path]:
        assert self.recent is not None
        groups = cut_evenly(dict.fromkeys(targets, 1.0), SHARES)
        rates = RateStore(self.work.state.path)
        rates.load()
        cutter = Cutter(
            work=self.work,
            run=run,
            phase=phase,
            of=len(groups),
            recent=self.recent,
            rates=rates,
            again=again,
            whole=whole,
        )
        self.cuts += 1
        paths = [self.folder / f"{self.cuts}-{phase}-{number}.db" for number in range(1, len(groups) + 1)]
        for number, (group, path) in enumerate(zip(groups, paths, strict=True), 1):
            await run.off_loop(partial(cutter.cut, number, group, path))
        return paths


@contextmanager
def fleet(folder: Path) -> Iterator[list[LocalFleet]]:
    """Let all commands work so."""
    fleets: list[LocalFleet] = []
    made: Callable[..., None] = Workspace.__init__

    def with_fleet(work: Workspace, *given: object) -> None:
        made(work, *given)
        # A share's own worker has none.
        if work.options.state_dir.name == ".bulkprof":
            place = folder / f"fleet-{len(fleets)}"
            place.mkdir()
            work.fleet = LocalFleet(work, place)
            fleets.append(work.fleet)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context.Workspace, "__init__", with_fleet)
        yield fleets
