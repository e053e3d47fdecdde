"""The use case `plan`: what would change, kept in a file for `apply` or only shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bulkprof.errors import SafetyError
from bulkprof.model import ActionKind
from bulkprof.planning.caps import Capped, check_caps
from bulkprof.planning.safety import check_complete, check_refused
from bulkprof.plugins import PlanOverview
from bulkprof.plugins.registry import Registry
from bulkprof.reports.plan import plan_of
from bulkprof.statuses import RunStatus
from bulkprof.stop import Stop
from bulkprof.store.history.compare import refresh_lost
from bulkprof.store.run import RunFile
from bulkprof.system.files import check_on_disk
from bulkprof.system.temporary import temporary_folder
from bulkprof.text.printable import printable_lines
from bulkprof.totals import Plan
from bulkprof.ui import Ui
from bulkprof.workflows.arguments import Manifests, as_list, for_programs
from bulkprof.workflows.options import Options, StrPath, path_of
from bulkprof.workflows.steps.connect import connect, recent_runs
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.execute import choose_canary, tell_estimate
from bulkprof.workflows.steps.load import read_offline, require_manifests, require_rows
from bulkprof.workflows.steps.planner import Planner
from bulkprof.workflows.steps.resolve import resolve


@for_programs
async def plan(
    manifests: Manifests,
    options: Options | None = None,
    ui: Ui | None = None,
    stop: Stop | None = None,
    *,
    out: StrPath | None = None,
) -> Plan:
    """Find out what would change, and change nothing. The new file `out` keeps the plan, for `apply`.

    The plan is shown through `Ui.confirm`, whose answer doesn't matter here. Raises `SafetyError` when the plan goes
    over a cap or a plugin vetoes it.
    """
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    if out is not None:
        path = path_of(out, "out")
        check_on_disk("--out", path)
        return await _plan_into(work, path, as_list(manifests))
    with temporary_folder() as folder:
        return (await _plan_into(work, folder / "plan.db", as_list(manifests))).unkept()


async def _plan_into(work: Workspace, out: Path, manifests: Sequence[str]) -> Plan:
    require_manifests(manifests)
    run = work.new_run("apply", manifests, out)
    with _whole_or_gone(out), run:
        async with work.watched(run):
            await read_offline(work, run, manifests)
            async with connect(work) as connection:
                await make_plan(work, run, connection, manifests)
                await tell_estimate(work, run, connection)
            found = await run.off_loop(partial(plan_of, run))
            await work.ui.confirm(found)
            run.note(status=RunStatus.PLANNED)
            return found


@contextmanager
def _whole_or_gone(out: Path) -> Iterator[None]:
    """Remove a half-written plan, so that it isn't taken for a whole one. Awaits nothing, so nothing can cancel it."""
    try:
        yield
    except BaseException:
        out.unlink(missing_ok=True)
        raise


async def make_plan(work: Workspace, run: RunFile, connection: Connection, manifests: Sequence[str]) -> Planner:
    """Resolve the targets, observe, diff, and ask safety and plugins."""
    caller, targets = await resolve(work, run, connection, manifests)
    run.note(status=RunStatus.PLANNING, account=caller.account)
    await run.off_loop(partial(refresh_lost, work.state, run))
    planner = Planner(run, connection, work.ui, await recent_runs(work), fleet=work.fleet)
    await planner.plan(targets, width=work.settings.run.max_targets_in_flight)
    require_rows(run, skip_invalid=work.options.skip_invalid)
    try:
        if work.options.prune:
            check_complete(run.invalid_count())
        await check_plan(work, run, planner)
    except SafetyError as error:
        await work.ui.refused(await run.off_loop(partial(plan_of, run)), str(error))
        raise
    return planner


async def check_plan(work: Workspace, run: RunFile, planner: Planner) -> None:
    """Ask safety and plugins whether a new plan may be carried out, and choose its canary. Raises `SafetyError`."""
    check_refused(planner.seen.unreachable, run.action_counts()[0], work.tolerance)
    options = work.options
    allowed = {
        Capped.DELETIONS: options.allow_deletions,
        Capped.UPDATES: options.allow_updates,
        Capped.REPLACEMENTS: options.allow_replacements,
    }
    check_caps(work.settings, planner.seen.capped, planner.seen.owned, allowed)
    await run.off_loop(partial(_ask_plugins, run, work.registry, work.ui))
    await choose_canary(work, run)


def _ask_plugins(run: RunFile, registry: Registry, ui: Ui) -> None:
    """Ask plugins whether the plan may run; call it off the loop.

    Raises `SafetyError` with what they object to.
    """
    counts = run.plan_counts()
    totals: dict[ActionKind, int] = {}
    for of_target in counts.values():
        for kind, count in of_target.items():
            totals[kind] = totals.get(kind, 0) + count
    details = run.details()
    overview = PlanOverview(
        run_id=details.id,
        command=details.command,
        estate=details.estate,
        counts=totals,
        targets=counts,
        actions=run.actions,
    )
    objections = []
    for plugin, answer in registry.gather("bulkprof_check_plan", overview):
        for problem in answer:
            if problem.is_error:
                objections.append(f"  {problem} (plugin {plugin!r})")
            else:
                ui.warn(f"{problem} (plugin {plugin!r})")
    if objections:
        raise SafetyError(printable_lines(["the plan was vetoed and nothing was changed:", *objections]))
