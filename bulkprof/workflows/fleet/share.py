"""The work of one share, wherever its file lies: its targets are planned, or what was approved is carried out.

All happens in the share's own file. There is no estate's lock, no sink and no plugin; the config is what the share
carries, and nothing of the worker's but credentials, and where OpenTelemetry's variables send what it tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from pydantic import ValidationError

from bulkprof.config import Config, Settings
from bulkprof.errors import UsageError
from bulkprof.locks.beside import FileLock
from bulkprof.model import Target
from bulkprof.pacing.rates import RateStore
from bulkprof.statuses import RunStatus
from bulkprof.stop import Stop
from bulkprof.store.database import speaking_of
from bulkprof.store.errors import damaged
from bulkprof.store.history.recent import RecentRuns
from bulkprof.store.run import RunFile
from bulkprof.store.shares.carried import Carried, Phase, carried
from bulkprof.system.clocks import HEARTBEAT_S
from bulkprof.system.temporary import temporary_folder
from bulkprof.totals import RunSummary
from bulkprof.ui import PassedOn, Ui
from bulkprof.workflows.fleet.carrying import recent_of
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.connect import connect
from bulkprof.workflows.steps.connection import Connection, Kept
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.execute import execute, write_files
from bulkprof.workflows.steps.planner import Planner
from bulkprof.workflows.steps.replan import Replanning
from bulkprof.workflows.steps.seen import Seen
from bulkprof.workflows.steps.summary import summary_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where an engine has a share carried out: right after its plan, so that nothing has to be observed anew."""

    environment: Mapping[str, str] | None = None
    """The AWS settings of the run's sandbox; None for the process's own."""
    threads: int = 1
    """Shares that the process may work on at once: each has its part of what `[run]` says a process may do."""
    kept: Kept | None = None
    """What the thread has kept of earlier shares of the run, for this one and the next."""
    lease_s: float = 0.0
    """Seconds that another one may still be at work on the share after it was lost."""


async def plan_share(
    path: Path, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None, site: Site | None = None
) -> Seen:
    """Observe a share's targets, and write what would change there into its file, with what was counted.

    Raises `AwsError` where nothing can be sent, `RunInterruptedError` when it is stopped.
    """
    told = _Kept(ui or Ui())
    with _at_work(path, Phase.PLAN, options, told, stop, site) as (work, share, carries):
        async with work.watched(share):
            async with connect(work) as connection:
                again = None if carries.again is None else Replanning(carries.again)
                targets = await share.off_loop(share.targets)
                planner = await _planner(work, share, carries, connection, again)
                await planner.observe(targets, width=work.settings.run.max_targets_in_flight)
                traffic = connection.traffic
                await share.off_loop(partial(share.record, (), traffic.counts, traffic.times.take()))
            seen = {**planner.seen.as_json(), "warnings": told.warnings}
            share.note(status=RunStatus.PLANNED, seen=seen, learned=await _learned(work, targets))
            return planner.seen


async def apply_share(
    path: Path,
    options: Options | None = None,
    ui: Ui | None = None,
    stop: Stop | None = None,
    site: Site | None = None,
    *,
    resumed: bool = False,
) -> RunSummary:
    """Carry out what is open in a share, whether or not it was begun before. Its outcomes are in its file.

    `resumed` says that a copy of it may have been carried out elsewhere, which this file doesn't know of: what lists
    may not show yet is waited for then. Raises `AwsError` where nothing can be sent, `RunInterruptedError` when it is
    stopped before its first change.
    """
    with _at_work(path, Phase.APPLY, options, ui, stop, site) as (work, share, carries):
        if share.details().status is RunStatus.FINISHED:
            work.ui.note(f"{path}: everything in it is done")
            await share.off_loop(partial(write_files, work, share))
            return await share.off_loop(partial(summary_of, share))
        targets = await share.off_loop(share.pending_targets)
        begun = await share.off_loop(partial(_begun, share, targets))
        async with work.watched(share):
            if resumed:
                await share.off_loop(partial(share.hand_out, targets))
                wait_s = work.settings.run.settle_s + HEARTBEAT_S + (site.lease_s if site is not None else 0.0)
                if site is None:
                    work.ui.note(f"waiting {wait_s:.0f} s until AWS's lists show what a copy of it may have sent")
                await work.stop.pause(wait_s)
            try:
                async with connect(work) as connection:
                    if resumed or site is None:
                        again = Replanning(resumed or begun)
                        planner = await _planner(work, share, carries, connection, again)
                        await planner.settle()
                        await planner.observe(targets, width=work.settings.run.max_targets_in_flight)
                        planner.tell_unreachable(targets)
                    return await execute(work, share, connection, resumed=resumed or begun)
            finally:
                share.note(learned=await _learned(work, targets))


async def resume_share(
    path: Path, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Go on with a share. A file that knows of no beginning may be a copy of one that was begun, and lost."""
    with RunFile.look_at(path) as share:
        unknown = share.details().status is RunStatus.PLANNED
    return await apply_share(path, options, ui, stop, resumed=unknown)


def share_of(run: RunFile) -> Carried | None:
    """Return what a file says of itself as a share; None where it is none: blocks. Raises `DamagedError`."""
    with speaking_of(run.path):
        return carried(run.details())


@contextmanager
def _at_work(
    path: Path, phase: Phase, options: Options | None, ui: Ui | None, stop: Stop | None, site: Site | None
) -> Iterator[tuple[Workspace, RunFile, Carried]]:
    """Hold a share's file, and make a workspace of what it carries, which is gone afterwards."""
    with RunFile.open(path) as share:
        carries = share_of(share)
        if carries is None:
            raise UsageError(f"{path}: is no share; `bulkprof shard` cuts a plan into shares")
        if carries.phase is not phase:
            raise UsageError(f"{path}: is a share of an engine's own, which isn't carried out by hand")
        details = share.details()
        with FileLock(path, details.estate, run_id=details.id, command=details.command):
            share.check()
            with temporary_folder() as folder:
                work = _workspace(share, carries, folder, options or Options(), ui or Ui(), stop or Stop())
                if site is not None:
                    work.environment, work.kept = site.environment, site.kept
                    work.settings = _one_of(work.settings, site.threads)
                yield work, share, carries


def _one_of(settings: Settings, threads: int) -> Settings:
    """Return the settings for one of some shares that a process works on at once."""
    run = settings.run
    limits = {
        "max_targets_in_flight": max(1, run.max_targets_in_flight // threads),
        "max_calls_in_flight": max(1, run.max_calls_in_flight // threads),
    }
    return settings.model_copy(update={"run": run.model_copy(update=limits)})


def _workspace(share: RunFile, carries: Carried, folder: Path, options: Options, ui: Ui, stop: Stop) -> Workspace:
    """Return a workspace with the share's settings and flags; `folder` stands for a state directory."""
    if options.accounts or options.not_accounts or options.regions:
        raise UsageError(
            f"{share.path}: a share is carried out whole; leave --accounts, --not-accounts and --regions out"
        )
    if options.results_columns:
        raise UsageError(
            f"--results-columns: {share.path} doesn't have the manifests' columns; results with them come from "
            "`bulkprof merge`"
        )
    if options.config.file is not None:
        ui.note(f"{options.config.file} isn't used: a share carries its settings")
    try:
        settings = Settings.model_validate(carries.settings)
    except ValidationError:
        raise damaged(share.path, "its settings aren't what was written") from None
    details = share.details()
    work = Workspace(
        replace(
            options,
            config=Config(settings=settings),
            state_dir=folder,
            replace=details.replace,
            prune=details.prune,
            sandbox=details.sandbox or options.sandbox,
        ),
        ui,
        stop,
    )
    work.sandbox_dir = options.state_dir
    work.learned = carries.rates
    return work


async def _planner(
    work: Workspace, share: RunFile, carries: Carried, connection: Connection, again: Replanning | None
) -> Planner:
    """Return what observes and plans the share's targets, once it is known that calls can be sent."""
    everywhere = await share.off_loop(share.targets)
    await connection.caller(near=next((target.region for target in everywhere), ""))
    look = partial(
        RecentRuns,
        work.state,
        work.settings.estate,
        work.settings.run.settle_s,
        also=[share.path],
        carried=recent_of(carries.recent),
    )
    recent = await anyio.to_thread.run_sync(look)
    return Planner(share, connection, work.ui, recent, again, whole=carries.whole)


def _begun(share: RunFile, targets: Sequence[Target]) -> bool:
    """Whether anything of a share may have been sent already."""
    return bool(share.outcome_counts()) or any(share.begun(target) for target in targets)


async def _learned(work: Workspace, targets: Sequence[Target]) -> dict[str, Any]:
    """Return the rates that are known at the end."""

    def look() -> dict[str, Any]:
        rates = RateStore(work.state.path)
        rates.load()
        return rates.of(targets, siblings=False)

    return await anyio.to_thread.run_sync(look)


class _Kept(PassedOn):
    """Keeps the warnings, for the run that the share is of."""

    def __init__(self, ui: Ui) -> None:
        super().__init__(ui)
        self.warnings: list[tuple[str, str, str]] = []

    def warn(self, message: str) -> None:
        """Keep it, and pass it on."""
        self.warnings.append(("", "", message))
        super().warn(message)

    def warn_of(self, target: Target, message: str) -> None:
        """Keep it, and pass it on."""
        self.warnings.append((target.account, target.region, message))
        super().warn_of(target, message)
