"""The use case `plan`: what would change, kept in a file for `apply` or only shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bulkprof.engine.targets import Fleet
from bulkprof.model import RunStatus
from bulkprof.planning.safety import check_complete, check_prune, check_refused
from bulkprof.reports.plan import plan_of
from bulkprof.stop import Stop
from bulkprof.store.compare import refresh_lost
from bulkprof.store.run import RunFile
from bulkprof.system.temporary import temporary_folder
from bulkprof.totals import Plan
from bulkprof.ui import Ui
from bulkprof.workflows.connect import connect, recent_runs
from bulkprof.workflows.context import Workspace
from bulkprof.workflows.execute import tell_estimate
from bulkprof.workflows.load import Manifests, as_list, read_offline, require_manifests, require_rows
from bulkprof.workflows.options import Options
from bulkprof.workflows.planner import Planner, veto
from bulkprof.workflows.resolve import resolve


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
        await read_offline(work, run, manifests)
        async with connect(work) as fleet:
            await make_plan(work, run, fleet, manifests)
            await tell_estimate(work, run, fleet)
        found = await run.off_loop(partial(plan_of, run))
        await work.ui.confirm(found)
        run.note(status=RunStatus.PLANNED)
        return found


@contextmanager
def _whole_or_gone(out: Path) -> Iterator[None]:
    """Half a plan must not be mistaken for one, also where the caller cancels: so this doesn't await anything."""
    try:
        yield
    except BaseException:
        out.unlink(missing_ok=True)
        raise


async def make_plan(work: Workspace, run: RunFile, fleet: Fleet, manifests: Sequence[str]) -> Planner:
    """Settle the targets, observe, diff, and ask safety and plugins."""
    caller, targets = await resolve(work, run, fleet, manifests)
    run.note(status=RunStatus.PLANNING, account=caller.account)
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
