"""The use case `resume`: an interrupted run goes on with the rows that have no outcome."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio.to_thread

from bulkprof.errors import UsageError
from bulkprof.statuses import NOTHING_SENT, UNFINISHED, RunStatus
from bulkprof.stop import Stop
from bulkprof.store.history.directory import is_share
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary
from bulkprof.ui import Ui
from bulkprof.workflows.apply import from_the_start, go_on
from bulkprof.workflows.arguments import for_programs
from bulkprof.workflows.disown import DISOWN, disown_from_the_start
from bulkprof.workflows.fleet.share import resume_share
from bulkprof.workflows.options import Options, StrPath, text_of
from bulkprof.workflows.steps.connect import estate_lock
from bulkprof.workflows.steps.context import Workspace


@for_programs
async def resume(
    run_id: StrPath | None = None, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Go on with an interrupted run, by default the newest, or with a share.

    `run_id` may be its beginning, or the run's file. Raises `UsageError` when there is none.
    """
    if run_id is not None and is_share(named := text_of(run_id, "run_id")):
        return await resume_share(Path(named), options, ui, stop)
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    look = work.state.latest_unfinished if run_id is None else partial(work.state.find, text_of(run_id, "run_id"))
    path = await anyio.to_thread.run_sync(look)
    with RunFile.open(path) as run:
        details = run.details()
        if path.resolve() != work.state.run_path(details.id).resolve():
            if details.status is RunStatus.PLANNED:
                raise UsageError(f"{path} is a plan that was not begun; `bulkprof apply` carries it out")
            raise UsageError(f"{path} is not in {work.state.runs}, whose lock counts; say where it is: --state-dir DIR")
        work = work.as_started(run)
        # The lock comes first: a run that is still at work moves on, and no other process may write its file.
        with estate_lock(work, run) as lock:
            status = run.details().status
            if status not in UNFINISHED:
                raise UsageError(f"run {details.id} is {status}: there is nothing to resume")
            if status not in NOTHING_SENT:
                await run.off_loop(run.check)
                return await go_on(work, run, lock, resumed=True)
            if details.command == DISOWN:
                async with work.watched(run):
                    return await disown_from_the_start(work, run, lock)
            if "-" in details.manifests:
                work.ui.note("nothing was sent yet: the manifest is read from standard input again")
            async with work.watched(run):
                return await from_the_start(work, run, lock, details.manifests)
