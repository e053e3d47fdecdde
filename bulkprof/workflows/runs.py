"""The use cases that look into AWS: plan, apply, sync, resume. Each reads like the picture in the README.

They are also the Python API: `await bulkprof.apply("teams.csv")`. None of them prints or asks by itself; what
happens is told to the `Ui`. All raise `BulkprofError`; a run that a signal stops midway returns its summary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bulkprof.engine.targets import Fleet
from bulkprof.errors import DeclinedError, UsageError, unwrapped
from bulkprof.locks.local import StateLock
from bulkprof.model import Outcome
from bulkprof.planning.safety import check_alike, check_complete, check_prune, check_refused
from bulkprof.reports.plan import plan_of
from bulkprof.rules.accounts import Filters
from bulkprof.stop import Stop
from bulkprof.store.compare import refresh_lost
from bulkprof.store.directory import NOTHING_SENT, UNFINISHED, StateDirectory, is_run_file
from bulkprof.store.run import RunFile
from bulkprof.store.standing import nothing_to_deliver, told_its_end
from bulkprof.system.temporary import temporary_folder
from bulkprof.totals import Plan, RunSummary
from bulkprof.ui import Ui
from bulkprof.workflows import execute as carryout
from bulkprof.workflows.connect import connect, estate_lock, recent_runs
from bulkprof.workflows.context import Options, Workspace, several
from bulkprof.workflows.execute import Redelivery, execute, tell_estimate
from bulkprof.workflows.load import Manifests, as_list, require_manifests, require_rows, take_in
from bulkprof.workflows.planner import Planner, Replanning, veto
from bulkprof.workflows.resolve import settle


async def plan(
    manifests: Manifests,
    options: Options | None = None,
    ui: Ui | None = None,
    stop: Stop | None = None,
    *,
    out: Path | str | None = None,
) -> Plan:
    """Find out what would change, and change nothing. The new file `out` keeps the plan, for `apply`.

    The plan is shown through `Ui.confirm`, whose answer doesn't matter here. Raises `SafetyError` when the plan goes
    over a cap or a plugin vetoes it.
    """
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    if out is not None:
        return await _plan_into(work, Path(out), as_list(manifests))
    with temporary_folder() as folder:
        return (await _plan_into(work, folder / "plan.db", as_list(manifests))).unkept()


async def _plan_into(work: Workspace, out: Path, manifests: Sequence[str]) -> Plan:
    require_manifests(manifests)
    run = work.new_run("apply", manifests, out)
    with _whole_or_gone(out), run, work.recorded(run):
        await _take_in_offline(work, run, manifests)
        async with connect(work) as fleet:
            await _plan(work, run, fleet, manifests)
            await tell_estimate(work, run, fleet)
        found = await run.off_loop(partial(plan_of, run))
        await work.ui.confirm(found)
        run.set_meta(status="planned")
        return found


@contextmanager
def _whole_or_gone(out: Path) -> Iterator[None]:
    """Half a plan must not be mistaken for one, also where the caller cancels: so this doesn't await anything."""
    try:
        yield
    except BaseException:
        out.unlink(missing_ok=True)
        raise


async def apply(
    manifests: Manifests, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Create what is missing and repair tags; deletes nothing. `manifests` may be one plan file of `plan`."""
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    if work.options.prune:
        raise UsageError("apply deletes nothing; sync prunes, and so does apply of a plan that was made with prune")
    files = as_list(manifests)
    if len(files) == 1 and is_run_file(Path(files[0])):
        with RunFile.look_at(Path(files[0])) as kept:
            await kept.off_loop(kept.check)
            work = _as_started(work, kept)
            # The lock comes first: a second `apply` of the same plan must not touch the first one's copy.
            with estate_lock(work, kept) as lock, RunFile.open(work.state.adopt_plan(kept.path)) as run:
                return await _go_on(work, run, lock, resumed=False)
    return await _change(work, "apply", files)


async def sync(
    manifests: Manifests, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Make the estate equal to `manifests`: `apply`, and with `options.prune` deletions under the caps."""
    return await _change(Workspace(options or Options(), ui or Ui(), stop or Stop()), "sync", as_list(manifests))


async def resume(
    run_id: str | None = None, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Go on with an interrupted run, by default the newest. Raises `UsageError` when there is none."""
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    path = work.state.find(run_id) if run_id else work.state.latest_unfinished()
    with RunFile.open(path) as run:
        if path.resolve() != work.state.run_path(str(run.meta("id"))).resolve():
            if run.meta("status") == "planned":
                raise UsageError(f"{path} is a plan that was not begun; `bulkprof apply` carries it out")
            raise UsageError(f"{path} is not in {work.state.runs}, whose lock counts; say where it is: --state-dir DIR")
        work = _as_started(work, run)
        # The lock comes first: a run that is still at work moves on, and its file is nobody else's to write.
        with estate_lock(work, run) as lock:
            status = run.meta("status")
            if status not in UNFINISHED:
                raise UsageError(f"run {run.meta('id')} is {status}: there is nothing to resume")
            if status not in NOTHING_SENT:
                await run.off_loop(run.check)
                return await _go_on(work, run, lock, resumed=True)
            if "-" in run.meta("manifests"):
                work.ui.note("nothing was sent yet: the manifest is read from standard input again")
            with work.recorded(run):
                return await _from_the_start(work, run, lock, run.meta("manifests"))


async def redeliver(
    run_id: str,
    options: Options | None = None,
    ui: Ui | None = None,
    stop: Stop | None = None,
    *,
    only: Collection[str] | None = None,
) -> Redelivery:
    """Send what sinks miss of a finished run; `only` names the sinks to try, or is the name of one."""
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    with RunFile.open(work.state.find(run_id)) as run, unwrapped():
        if not told_its_end(run):
            raise UsageError(await run.off_loop(partial(nothing_to_deliver, run, work.state)))
        await run.off_loop(run.check)
        work = _as_started(work, run)
        async with connect(work) as fleet:
            return await carryout.redeliver(work, run, fleet, only=several(only or ()))


def outcomes(run_id: str, options: Options | None = None) -> Iterator[Outcome]:
    """What became of each profile of a run, in manifest order, read from its file as you go. Blocks.

    `run_id` may be its beginning, as everywhere. Raises `UsageError` when the state directory has no such run.
    """
    state = StateDirectory((options or Options()).state_dir)
    with RunFile.look_at(state.find(run_id)) as run:
        yield from run.results()


async def _change(work: Workspace, command: str, manifests: Sequence[str]) -> RunSummary:
    work.check_files(manifests)
    require_manifests(manifests)
    with work.new_run(command, manifests) as run, work.recorded(run), estate_lock(work, run) as lock:
        return await _from_the_start(work, run, lock, manifests)


async def _from_the_start(work: Workspace, run: RunFile, lock: StateLock, manifests: Sequence[str]) -> RunSummary:
    await run.off_loop(run.clear_intake)
    await _take_in_offline(work, run, manifests)
    async with connect(work, lock.holder) as fleet:
        planner = await _plan(work, run, fleet, manifests)
        return await _approve_and_execute(work, run, fleet, planner)


async def _go_on(work: Workspace, run: RunFile, lock: StateLock, *, resumed: bool) -> RunSummary:
    """Carry out what is left of a run that was planned before, by an earlier process or by `plan --out`."""
    with work.recorded(run):
        recent = await recent_runs(work)
        await run.off_loop(partial(refresh_lost, work.state, run))
        async with connect(work, lock.holder) as fleet:
            targets = await run.off_loop(run.pending_targets)
            # Also a run that has nothing left but its end to be told.
            everywhere = await run.off_loop(run.targets)
            await fleet.caller(near=next((target.region for target in everywhere), ""))
            planner = Planner(run, fleet, work.ui, recent, Replanning(resumed))
            await planner.plan(targets, width=work.settings.run.max_targets_in_flight)
            if resumed:
                await tell_estimate(work, run, fleet)
                return await execute(work, run, fleet, resumed=True)
            return await _approve_and_execute(work, run, fleet, planner)


def _as_started(work: Workspace, run: RunFile) -> Workspace:
    """The workspace with the flags that the run was started with."""
    if run.meta("estate") != work.settings.estate:
        raise UsageError(
            f"{run.path} belongs to estate {run.meta('estate')!r}, and the config says {work.settings.estate!r}; "
            "use the config that it was made with: --config FILE"
        )
    flags: dict[str, Any] = {name: bool(run.meta(name)) for name in ("skip_invalid", "replace", "prune", "sandbox")}
    flags["sandbox"] = flags["sandbox"] or work.options.sandbox
    filters = {name: tuple(run.meta(name, default=())) for name in ("accounts", "not_accounts", "regions")}
    if work.filters and work.filters != Filters(**filters):
        raise UsageError(f"{run.path} was planned without {work.filters}; make another plan with it")
    flags.update(filters)
    work.check_files(run.meta("manifests"))
    return Workspace(replace(work.options, **flags), work.ui, work.stop)


async def _take_in_offline(work: Workspace, run: RunFile, manifests: Sequence[str]) -> None:
    """Read all rows before anything is sent, so that invalid ones cost no call."""
    await take_in(work, run, manifests, work.rules(), work.ui)
    require_rows(run, skip_invalid=work.options.skip_invalid)


async def _plan(work: Workspace, run: RunFile, fleet: Fleet, manifests: Sequence[str]) -> Planner:
    """Settle the targets, observe, diff, and ask safety and plugins."""
    caller, targets = await settle(work, run, fleet, manifests)
    run.set_meta(status="planning", account=caller.account)
    await run.off_loop(partial(refresh_lost, work.state, run))
    planner = Planner(run, fleet, work.ui, await recent_runs(work))
    await planner.plan(targets, width=work.settings.run.max_targets_in_flight)
    require_rows(run, skip_invalid=work.options.skip_invalid)
    check_refused(planner.unreachable, run.action_counts()[0], work.tolerance)
    if work.options.prune:
        check_complete(run.invalid_count())
        check_prune(work.settings.estate, planner.unwanted, planner.owned, work.settings.prune)
    await run.off_loop(partial(veto, run, work.registry, work.ui))
    return planner


async def _approve_and_execute(work: Workspace, run: RunFile, fleet: Fleet, planner: Planner) -> RunSummary:
    if not work.options.failure_tolerance:
        check_alike(planner.errors, planner.targets)
    found = await run.off_loop(partial(plan_of, run))
    await tell_estimate(work, run, fleet)
    if found.has_changes and not await work.confirm(found):
        run.set_meta(status="declined")
        raise DeclinedError("not approved; nothing was changed")
    return await execute(work, run, fleet, resumed=False)
