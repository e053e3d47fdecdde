"""The use cases `apply` and `sync`: plan, approve, execute. A plan file is taken up where it was left."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio.to_thread

from bulkprof.errors import DeclinedError, UsageError
from bulkprof.locks.local import StateLock
from bulkprof.planning.safety import check_alike
from bulkprof.reports.plan import plan_of
from bulkprof.statuses import RunStatus
from bulkprof.stop import Stop
from bulkprof.store.history.compare import refresh_lost
from bulkprof.store.history.directory import is_run_file, is_share
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary
from bulkprof.ui import Ui
from bulkprof.workflows.arguments import Manifests, as_list, for_programs
from bulkprof.workflows.fleet.share import apply_share
from bulkprof.workflows.options import Options
from bulkprof.workflows.plan import make_plan
from bulkprof.workflows.steps.connect import connect, estate_lock, recent_runs
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.execute import check_canary, choose_canary, execute, tell_estimate
from bulkprof.workflows.steps.load import read_offline, require_manifests
from bulkprof.workflows.steps.planner import Planner
from bulkprof.workflows.steps.replan import Replanning


@for_programs
async def apply(
    manifests: Manifests, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Create what is missing and repair tags; deletes nothing.

    `manifests` may be one plan file of `plan`, which is carried out, or one share of it.
    """
    files = as_list(manifests)
    if len(files) == 1 and is_share(files[0]):
        return await apply_share(Path(files[0]), options, ui, stop)
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    if work.options.prune:
        raise UsageError("apply deletes nothing; sync prunes, and so does apply of a plan that was made with prune")
    if len(files) == 1 and is_run_file(Path(files[0])):
        with RunFile.look_at(Path(files[0])) as kept:
            await kept.off_loop(kept.check)
            work = work.as_started(kept)
            # The lock comes first: a second `apply` of the same plan must not touch the first one's copy.
            with estate_lock(work, kept) as lock:
                path = await anyio.to_thread.run_sync(work.state.adopt_plan, kept.path)
                with RunFile.open(path) as run:
                    return await go_on(work, run, lock, resumed=False)
    return await _change(work, "apply", files)


@for_programs
async def sync(
    manifests: Manifests, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Make the estate equal to `manifests`: `apply`, and with `options.prune` deletions under the caps."""
    return await _change(Workspace(options or Options(), ui or Ui(), stop or Stop()), "sync", as_list(manifests))


async def _change(work: Workspace, command: str, manifests: Sequence[str]) -> RunSummary:
    work.check_files(manifests)
    require_manifests(manifests)
    with work.new_run(command, manifests) as run:
        async with work.watched(run):
            with estate_lock(work, run) as lock:
                return await from_the_start(work, run, lock, manifests)


async def from_the_start(work: Workspace, run: RunFile, lock: StateLock, manifests: Sequence[str]) -> RunSummary:
    """Carry a run out from its manifests on; what an earlier process took in is taken in again."""
    await run.off_loop(run.clear_intake)
    await read_offline(work, run, manifests)
    async with connect(work, lock.holder) as connection:
        planner = await make_plan(work, run, connection, manifests)
        return await approve_and_execute(work, run, connection, planner)


async def go_on(work: Workspace, run: RunFile, lock: StateLock, *, resumed: bool) -> RunSummary:
    """Carry out what is left of a run that was planned before, by an earlier process or by `plan --out`."""
    if resumed:
        # Where it says no, the run's file stays as it was left.
        await check_canary(work, run)
    async with work.watched(run), connect(work, lock.holder) as connection:
        recent = await recent_runs(work)
        await run.off_loop(partial(refresh_lost, work.state, run))
        targets = await run.off_loop(run.pending_targets)
        # Also a run that has nothing left but its end to be told.
        everywhere = await run.off_loop(run.targets)
        await connection.caller(near=next((target.region for target in everywhere), ""))
        planner = Planner(run, connection, work.ui, recent, Replanning(resumed), fleet=work.fleet)
        await planner.plan(targets, width=work.settings.run.max_targets_in_flight)
        if resumed:
            await tell_estimate(work, run, connection)
            return await execute(work, run, connection, resumed=True)
        await choose_canary(work, run)
        return await approve_and_execute(work, run, connection, planner)


async def approve_and_execute(work: Workspace, run: RunFile, connection: Connection, planner: Planner) -> RunSummary:
    """Show a plan, and carry it out where the user agrees. Raises `DeclinedError`, `SafetyError`."""
    if not work.options.failure_tolerance:
        check_alike(planner.seen.errors, planner.targets)
    found = await run.off_loop(partial(plan_of, run))
    await tell_estimate(work, run, connection)
    if found.unwanted and not found.has_changes:
        # A plan would say so, and one without changes isn't shown.
        work.ui.note(
            f"profiles of this estate that no manifest wants: {found.unwanted}; they stay, `bulkprof sync --prune` "
            "would delete them"
        )
    if found.has_changes and not await work.confirm(found):
        run.note(status=RunStatus.DECLINED)
        raise DeclinedError("not approved; nothing was changed")
    return await execute(work, run, connection, resumed=False)
