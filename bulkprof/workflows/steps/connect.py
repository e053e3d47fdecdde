"""What use cases need that call AWS: the way into it or the sandbox, the estate's lock, and the recent runs' work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio
import anyio.to_thread

from bulkprof.aws import AwsSessions
from bulkprof.config import Lock, Organization
from bulkprof.errors import ExitCode
from bulkprof.locks.local import Holder, StateLock
from bulkprof.locks.s3 import shared_lock
from bulkprof.pacing.rates import RateStore
from bulkprof.planning.diff import DiffRules
from bulkprof.planning.retirement import Retirement
from bulkprof.stop import Stop
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.recent import RecentRuns
from bulkprof.store.run import RunFile
from bulkprof.system.descriptors import fitting
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.deadline import DeadlineWatch
from bulkprof.workflows.steps.remote.keeping import Keeper
from bulkprof.workflows.steps.sandbox import check_sandbox, start_sandbox

SANDBOX_ROLE = "OrganizationAccountAccessRole"
"""The role that sandbox runs assume where the config names none: the one that AWS Organizations makes."""

KEYS_AFTER_STOP_S = 3.0
"""Seconds that the caller's own credentials may take once the run stops: what is half done is ended with them."""


@asynccontextmanager
async def connect(work: Workspace, holder: Holder | None = None) -> AsyncIterator[Connection]:
    """Open the way into AWS, or start the sandbox; `holder` is who takes the shared lock, where one is set.

    Raises `AwsError`, `ConfigError`, `LockHeldError`, and `UsageError` for flags of the sandbox that can't be used.
    """
    check_sandbox(work.options)
    sandbox = work.options.sandbox
    # The other ends of a sandbox's connections are in this process, too.
    _fit(work, sockets=2 if sandbox else 1)
    # The bucket of a shared lock is in AWS: the sandbox is shared with no other machine.
    lock = Lock() if sandbox else work.settings.lock
    async with way_in(work) as sessions, _connection(work, sessions, lock, holder) as connection:
        yield connection


@asynccontextmanager
async def way_in(work: Workspace) -> AsyncIterator[AwsSessions]:
    """The way into AWS, or into the sandbox, which runs as long as the block: to be entered within it."""
    kept = work.kept.clients if work.kept else None
    if not work.options.sandbox:
        stopping = partial(_stops, work.stop)
        yield AwsSessions(
            work.settings.organization,
            work.settings.run,
            kept=kept,
            ask=work.ui.ask,
            stopping=stopping,
            telemetry=work.telemetry,
        )
        return
    role = {"role": work.settings.organization.role or SANDBOX_ROLE}
    organization: Organization = work.settings.organization.model_copy(update=role)
    if work.environment is not None:
        # A share of a run whose sandbox is elsewhere.
        yield AwsSessions(
            organization, work.settings.run, environment=work.environment, kept=kept, telemetry=work.telemetry
        )
        return
    StateDirectory(work.sandbox_dir).prepare()
    sandbox = await anyio.to_thread.run_sync(start_sandbox, work.options, work.sandbox_dir)
    try:
        work.environment = sandbox.environment()
        yield AwsSessions(organization, work.settings.run, environment=work.environment, telemetry=work.telemetry)
    finally:
        work.environment = None
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(sandbox.stop)


@asynccontextmanager
async def _connection(
    work: Workspace, sessions: AwsSessions, lock: Lock, holder: Holder | None
) -> AsyncIterator[Connection]:
    settings = work.settings
    rules = DiffRules(
        ownership_tag=settings.ownership_tag,
        estate=settings.estate,
        keys_tag=settings.keys_tag,
        exact_tags=settings.tags == "exact",
        replace=work.options.replace,
        prune=work.options.prune,
        retirement=Retirement.starting(
            datetime.now(UTC), settings.replace.tag, timedelta(days=settings.replace.grace_days)
        ),
    )
    rates = RateStore(work.state.path)
    keeper = Keeper(work, sessions)
    async with AsyncExitStack() as stack:
        if work.settings.engine.name == "dask":
            from bulkprof.workflows.fleet.dask.engine import DaskFleet

            work.fleet = fleet = DaskFleet(work)
            stack.push_async_callback(fleet.close)
        if work.deadline is not None:
            await stack.enter_async_context(DeadlineWatch(work.deadline, work.stop))
        await stack.enter_async_context(sessions)
        if holder is not None:
            shared = shared_lock(lock, sessions.client, holder, on_lost=partial(_lock_lost, work), warn=work.ui.warn)
            await stack.enter_async_context(shared)
            if work.remote is not None and lock.s3 is None:
                work.ui.warn(
                    "[state] s3 is for several runners, and nothing keeps two of them apart: set `s3` in [lock], too, "
                    "such as the key `lock` beside it"
                )
        await keeper.take(rates)
        if problem := await anyio.to_thread.run_sync(rates.load):
            work.ui.warn(problem)
        if problem := rates.take(work.learned):
            work.ui.warn(problem)
        connection = Connection(
            sessions, rules, settings.run, rates, work.stop, work.ui.warn, telemetry=work.telemetry, kept=work.kept
        )
        try:
            yield connection
        except anyio.get_cancelled_exc_class():
            keeper.hurry()
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(connection.keep_rates)
                if holder is not None:
                    await keeper.give_rates(rates)


def _fit(work: Workspace, *, sockets: int) -> None:
    """Let the run have no more calls at once than it can have connections. Raises `ConfigError` where that is none."""
    wanted = work.settings.run
    run = fitting(wanted, sockets=sockets)
    if run != wanted:
        work.ui.warn(
            f"few files can be open at once (`ulimit -n`): at most {run.max_calls_in_flight} calls are in flight, not "
            f"{wanted.max_calls_in_flight}"
        )
        work.settings = work.settings.model_copy(update={"run": run})


async def _stops(stop: Stop) -> None:
    """Return when the caller's own credentials aren't worth waiting for any longer."""
    await stop.wait()
    await anyio.sleep(KEYS_AFTER_STOP_S)


def _lock_lost(work: Workspace, reason: str) -> None:
    work.ui.warn(f"stopping: the shared lock is lost: {reason}")
    work.stop.request(ExitCode.LOCKED, f"the shared lock is lost: {reason}")


def estate_lock(work: Workspace, run: RunFile) -> StateLock:
    """The estate's lock on this state directory, to be held for `run`. Entering it raises `LockHeldError`."""
    details, estate = run.details(), work.settings.estate
    return StateLock(work.state.path, estate, run_id=details.id, command=details.command, warn=work.ui.warn)


async def recent_runs(work: Workspace) -> RecentRuns:
    """Return what the last runs on this machine did that AWS may not show yet."""
    look = partial(RecentRuns, work.state, work.settings.estate, work.settings.run.settle_s)
    recent = await anyio.to_thread.run_sync(look)
    for damaged in recent.damage():
        work.ui.warn(damaged)
    return recent


async def wait_for_lists(work: Workspace) -> None:
    """Wait until lists show what the last runs on this machine did."""
    recent = await recent_runs(work)
    if recent.left_s > 0:
        work.ui.note(f"waiting {recent.left_s:.0f} s until AWS's lists show what the last run did")
        await work.stop.pause(recent.left_s)
