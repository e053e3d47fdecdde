"""The use case `redeliver`: sinks get what they miss of a run that has ended."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import anyio.to_thread

from bulkprof.delivery.sinks import Delivery, make_sinks
from bulkprof.errors import UsageError, unwrapped
from bulkprof.plugins.catalog import catalog_formats
from bulkprof.stop import Stop
from bulkprof.store.history.status import nothing_to_deliver, told_its_end
from bulkprof.store.run import RunFile
from bulkprof.ui import Ui
from bulkprof.workflows.arguments import for_programs
from bulkprof.workflows.options import Options, StrPath, several, text_of
from bulkprof.workflows.steps.connect import connect
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.execute import run_context
from bulkprof.workflows.steps.remote.keeping import Keeper
from bulkprof.workflows.steps.summary import summary_of, with_last_run


@dataclass(frozen=True, slots=True)
class Redelivery:
    """The sinks that have everything now, and those that don't."""

    delivered: list[str]
    missing: list[str]
    """The sinks that still miss something: of those that were to be tried, or of all."""


@for_programs
async def redeliver(
    run_id: StrPath,
    options: Options | None = None,
    ui: Ui | None = None,
    stop: Stop | None = None,
    *,
    only: str | Collection[str] | None = None,
) -> Redelivery:
    """Send what sinks miss of a finished run; `only` names the sinks to try, or is the name of one."""
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    path = await anyio.to_thread.run_sync(work.state.find, text_of(run_id, "run_id"))
    with RunFile.open(path) as run, unwrapped():
        if not told_its_end(run):
            raise UsageError(await run.off_loop(partial(nothing_to_deliver, run, work.state)))
        await run.off_loop(run.check)
        work = work.as_started(run)
        async with connect(work) as connection:
            ended = await _send_missing(work, run, connection, only=several(only or (), "only"))
            await Keeper(work, connection.sessions).give_back(run)
            return ended


async def _send_missing(work: Workspace, run: RunFile, connection: Connection, *, only: Collection[str]) -> Redelivery:
    """Send what sinks miss of a finished run; `only` names the sinks to try, empty all.

    Raises `UsageError` for unknown ones.
    """
    formats = catalog_formats(work.registry)
    sinks, unmade = make_sinks(work.registry, run_context(run, connection, formats), work.ui.warn)
    known = {sink.name for _, sink in sinks}
    if unknown := set(only) - known - set(unmade):
        raise UsageError(
            f"no sink {', '.join(sorted(unknown))} is active; there are: {', '.join(sorted(known)) or 'none'}"
        )
    # A plugin that failed to make its sinks stood for them by its own name.
    await run.off_loop(partial(run.forget_sinks, {plugin for plugin, _ in sinks} - known))
    await run.off_loop(partial(run.expect_sinks, known))
    open_before = set(await run.off_loop(run.sinks_missing))
    chosen = [pair for pair in sinks if not only or pair[1].name in only]
    delivery = Delivery(run, work.state, chosen, work.ui.warn, work.stop, work.settings)
    try:
        await delivery.finish(await with_last_run(work, run, summary_of(run)))
    finally:
        await delivery.close()
    missing = set(await run.off_loop(run.sinks_missing)).union(unmade)
    if inactive := missing - known - set(unmade):
        work.ui.warn(
            f"{', '.join(sorted(inactive))}: no such sink is active any more; it gets what it misses once the config "
            "has its plugin again"
        )
    return Redelivery(sorted(open_before - missing), sorted(missing.intersection(only) if only else missing))
