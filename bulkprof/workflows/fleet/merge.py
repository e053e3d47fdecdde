"""The use case `merge`: the shares of a plan come home, and become one run with one summary, told to its sinks once."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio.to_thread

from bulkprof.config import is_s3
from bulkprof.errors import ExitCode, StateError, UsageError
from bulkprof.locks.local import Holder
from bulkprof.reports.text import counted
from bulkprof.statuses import UNAPPROVED, RunStatus
from bulkprof.stop import Stop
from bulkprof.store.history.compare import refresh_lost
from bulkprof.store.history.directory import is_run_file
from bulkprof.store.history.status import told_its_end
from bulkprof.store.run import RunFile
from bulkprof.store.shares.home import Homecoming
from bulkprof.totals import RunSummary
from bulkprof.ui import Ui
from bulkprof.workflows.arguments import as_list, for_programs
from bulkprof.workflows.fleet.arrivals import Arrivals
from bulkprof.workflows.fleet.places import at_hand
from bulkprof.workflows.fleet.share import share_of
from bulkprof.workflows.options import Options, StrPath, file_of
from bulkprof.workflows.steps.connect import connect, estate_lock
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.execute import execute, write_files
from bulkprof.workflows.steps.summary import summarize, summary_of

SHOWN = 20
"""Missing shares that are listed before they are only counted."""


@for_programs
async def merge(
    plan: StrPath,
    shares: StrPath | Iterable[StrPath],
    options: Options | None = None,
    ui: Ui | None = None,
    stop: Stop | None = None,
) -> RunSummary:
    """Bring the shares of a plan home: one run, whose outcomes add up. `plan` is its file, or the run's id later on.

    What can't be brought home is told by `Ui.warn`: shares that are missing, doubled, unfinished or of another plan.
    As long as profiles have no outcome, the summary counts them as skipped and says exit code 3; a later merge, or a
    `resume`, goes on. Sinks are told once all have one. Merging shares again changes nothing.
    """
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    plan, given = file_of(plan, "plan"), as_list(shares, "shares")
    if not given:
        raise UsageError("name the shares to merge, or the folder that they are in")
    with work.interruptible():
        return await _merge(work, plan, given)


async def _merge(work: Workspace, plan: str, given: Sequence[str]) -> RunSummary:
    async with at_hand(work, plan, given) as (near, files):
        kept = Path(near) if is_run_file(Path(near)) else await anyio.to_thread.run_sync(work.state.find, near)
        with RunFile.look_at(kept) as planned:
            await planned.off_loop(planned.check)
            if share_of(planned):
                raise UsageError(f"{plan}: is a share, and not the plan: bulkprof merge PLAN SHARE...")
            work = work.as_started(planned)
            # The lock comes first: a second merge must not touch what this one makes.
            with estate_lock(work, planned) as lock:
                path = await anyio.to_thread.run_sync(_adopted, work, planned, files)
                with RunFile.open(path) as run:
                    async with work.watched(run):
                        found = await _bring_home(work, run, files)
                        if await run.off_loop(run.open_count):
                            return await _leave_open(work, run, found)
                        return await _end(work, run, lock.holder, found)


def _adopted(work: Workspace, planned: RunFile, files: Mapping[str, Path]) -> Path:
    """Return the run's file in the state directory, which is made of the plan at first. Blocks.

    Raises `UsageError`.
    """
    details = planned.details()
    path = work.state.present(details.id)
    if path.exists():
        with RunFile.open(path) as run:
            status, known = run.details().status, run.details().shares
        if status not in UNAPPROVED:
            if not known:
                raise UsageError(
                    f"{planned.path}: was applied already as run {details.id}, by itself and not by shares"
                )
            return path
    return work.state.adopt_plan(planned.path, token_seed=_seed_of(files, details.id))


def _seed_of(files: Mapping[str, Path], plan: str) -> str:
    """Return what the tokens of the shares follow from: those that are still open go on with it."""
    faults = []
    for name, path in files.items():
        try:
            with RunFile.look_at(path) as share:
                carries, details = share_of(share), share.details()
        except StateError as error:
            faults.append(str(error).replace(str(path), name))
            continue
        if carries is not None and carries.plan == plan:
            return details.token_seed
        faults.append(f"{name}: {f'is a share of plan {carries.plan}' if carries else 'is no share'}")
    raise UsageError(f"none of these is a share of plan {plan}: {'; '.join(faults[:SHOWN])}")


@dataclass(slots=True)
class _Found:
    """What came home, and what is wrong with the rest."""

    homes: dict[str, Homecoming] = field(default_factory=dict)
    """By the names of their files."""
    unfinished: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What can't be used."""


async def _bring_home(work: Workspace, run: RunFile, files: Mapping[str, Path]) -> _Found:
    found, arrivals = _Found(), Arrivals(work, run)
    if run.details().status in UNAPPROVED:
        await run.off_loop(partial(refresh_lost, work.state, run))
        # Whatever is open may have been sent by a share that never comes home. Shares keep no canary's order.
        await run.off_loop(lambda: run.hand_out(run.targets()))
        run.note(status=RunStatus.INTERRUPTED, canary=())
    with work.ui.progress("shares", len(files)) as progress:
        for name, path in files.items():
            try:
                home = await arrivals.take(path)
            except StateError as error:
                # One of S3 lies in a temporary folder.
                found.faults.append(str(error).replace(str(path), name))
            else:
                found.homes[name] = home
                if not home.ended:
                    how = "fetch it, and resume it" if is_s3(name) else f"bulkprof resume {shlex.quote(name)}"
                    found.unfinished.append(f"{name} ({home.share.name}) is not finished: {how}")
            progress.step()
            # A stop ends between two shares: a later merge takes the others in.
            await work.stop.pause(0)
    await run.off_loop(arrivals.keep_rates)
    times = Counter(home.share.key for home in found.homes.values())
    for name, home in found.homes.items():
        if times[home.share.key] > 1:
            work.ui.warn(f"{name}: {home.share.name} is given {times[home.share.key]} times")
    longest = max((home.details.elapsed_s for home in found.homes.values()), default=0.0)
    # Shares go on side by side.
    run.note(elapsed_s=max(run.details().elapsed_s, longest))
    for line in (*found.faults, *found.unfinished):
        work.ui.warn(line)
    return found


async def _leave_open(work: Workspace, run: RunFile, found: _Found) -> RunSummary:
    """End a merge that leaves profiles without an outcome: nothing is told to sinks yet."""
    missing = _missing(run, found.homes.values())
    count = await run.off_loop(run.open_count)
    why = f"{counted(count, 'profile')} {'has' if count == 1 else 'have'} no outcome yet"
    if missing:
        named = ", ".join(map(str, missing[:SHOWN]))
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        why += f"; missing: share {named}{more} of {next(iter(found.homes.values())).share.of}"
    work.ui.warn(f"{why}; merge again when all shares are there, or let a resume carry out here what is open")
    elapsed = run.details().elapsed_s + work.elapsed_s
    run.note(
        elapsed_s=elapsed,
        status=RunStatus.INTERRUPTED,
        stopped=why,
        exit_code=int(ExitCode.ROWS_FAILED),
        ended_at=datetime.now(UTC).isoformat(timespec="seconds"),
        knows_lost=run.later(),
    )
    summary = summarize(run, elapsed, exit_code=ExitCode.ROWS_FAILED)
    await run.off_loop(partial(write_files, work, run))
    return summary


def _missing(run: RunFile, homes: Collection[Homecoming]) -> Sequence[int]:
    """Return the numbers of the shares that were neither given nor came home finished."""
    there = {key for key, home in run.details().shares.items() if home["ended"]}
    there.update(home.share.key for home in homes)
    share = next((home.share for home in homes), None)
    return [n for n in range(1, share.of + 1) if f"{share.cut}/{n}" not in there] if share else []


async def _end(work: Workspace, run: RunFile, holder: Holder, found: _Found) -> RunSummary:
    """End a run whose profiles all have their outcome."""
    if run.details().status is RunStatus.FINISHED:
        work.ui.note(f"run {run.details().id}: everything was brought home already")
        await run.off_loop(partial(write_files, work, run))
        summary = await run.off_loop(partial(summary_of, run))
    else:
        run.note(exit_code=None)
        async with connect(work, holder) as connection:
            summary = await execute(work, run, connection, resumed=told_its_end(run))
    if found.faults:
        # Everything is accounted for, and yet something was given that doesn't belong here.
        summary = replace(summary, exit_code=summary.exit_code or int(ExitCode.ROWS_FAILED))
    return summary
