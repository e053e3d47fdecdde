"""The use case `disown`: profiles lose the tags that say whose they are, and stay. No manifest is read for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from bulkprof.errors import UsageError
from bulkprof.limits import name_fault
from bulkprof.locks.local import StateLock
from bulkprof.model import DesiredProfile, Request, Target
from bulkprof.statuses import RunStatus
from bulkprof.stop import Stop
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary
from bulkprof.ui import Ui
from bulkprof.workflows.apply import approve_and_execute
from bulkprof.workflows.arguments import for_programs
from bulkprof.workflows.options import Options, several
from bulkprof.workflows.plan import check_plan
from bulkprof.workflows.steps.connect import connect, estate_lock, recent_runs
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.planner import Planner
from bulkprof.workflows.steps.resolve import chosen_targets

DISOWN = "disown"
"""The command of such a run."""


@for_programs
async def disown(
    names: str | Iterable[str], options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Take the ownership tags off profiles of the estate by name, in the accounts and Regions of the options.

    Profiles and their other tags stay; no later run changes, adopts or deletes them, as long as no manifest wants them.
    Accounts and Regions are chosen as by `export`. A name that no profile has in any of them is a `UsageError`.
    """
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    if work.options.prune or work.options.replace:
        raise UsageError("disown deletes and replaces nothing")
    wanted = tuple(dict.fromkeys(several(names, "names")))
    if not wanted:
        raise UsageError("name the profiles to disown")
    for name in wanted:
        if fault := name_fault(name):
            raise UsageError(f"{name!r}: {fault.reason}; {fault.remedy}")
    with work.new_run(DISOWN, ()) as run:
        async with work.watched(run):
            with estate_lock(work, run) as lock:
                run.note(disown=wanted)
                return await disown_from_the_start(work, run, lock)


async def disown_from_the_start(work: Workspace, run: RunFile, lock: StateLock) -> RunSummary:
    """Carry such a run out from its beginning on; what an earlier process wrote down is taken back."""
    names = run.details().disown
    await run.off_loop(run.clear_intake)
    async with connect(work, lock.holder) as connection:
        caller, targets = await chosen_targets(work, connection, "disown profiles in")
        await run.off_loop(partial(_take_in, run, names, targets))
        run.note(status=RunStatus.PLANNING, account=caller.account)
        planner = Planner(run, connection, work.ui, await recent_runs(work), whole=False, fleet=work.fleet)
        await planner.plan(targets, width=work.settings.run.max_targets_in_flight)
        await run.off_loop(partial(_check_names, run, names, planner))
        await check_plan(work, run, planner)
        return await approve_and_execute(work, run, connection, planner)


def _take_in(run: RunFile, names: Sequence[str], targets: Sequence[Target]) -> None:
    """Write a row for each name in each target: one without tags, so that its profile is to have no owner."""
    for target in targets:
        run.add_desired(
            [run.form(DesiredProfile(Request("", 0), target, model="", source="", name=name)) for name in names]
        )
    run.end_intake()


def _check_names(run: RunFile, names: Sequence[str], planner: Planner) -> None:
    """Raise `UsageError` for names that no profile has: a slip would pass for done."""
    there: set[str] = set()
    for target in planner.targets:
        # What can't be looked at may have any.
        there.update(each.name for each in run.wanted(target) if each.arn or each.refusal)
    if missing := [name for name in names if name not in there]:
        places = "1 target" if len(planner.targets) == 1 else f"{len(planner.targets)} targets"
        raise UsageError(
            f"no profile in {places} is called {', '.join(map(repr, missing))}; nothing was changed. Choose others by "
            "--accounts and --regions"
        )
