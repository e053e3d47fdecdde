"""Carrying an approved plan out: engine and sinks side by side, then the run's end, with every row accounted for."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import anyio

from bulkprof.delivery.sinks import Delivery, make_sinks
from bulkprof.engine.engine import Engine, EngineSettings
from bulkprof.engine.targets import OpenTarget
from bulkprof.errors import BulkprofError, ExitCode, SafetyError, StateError, UnforeseenError, unwrapped
from bulkprof.model import FAILURES, ActionKind, Outcome, Target
from bulkprof.planning.estimate import estimate_line, seconds_left
from bulkprof.planning.rollout import canary_fault, canary_of, failed_in, in_order
from bulkprof.plugins import CatalogFormat, RunContext
from bulkprof.plugins.catalog import catalog_formats
from bulkprof.reports.failed_rows import write_failed
from bulkprof.reports.progress import Busiest, Remaining
from bulkprof.reports.results.files import write_results
from bulkprof.reports.text import counted
from bulkprof.statuses import RunStatus
from bulkprof.stop import Stop
from bulkprof.store.history.status import flags_to_resume, name_of
from bulkprof.store.run import RunFile
from bulkprof.text.printable import printable_lines
from bulkprof.totals import RunSummary
from bulkprof.ui import Progress, Ui
from bulkprof.workflows.money.payer import keep_active
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.remote.keeping import Keeper, forget_old_runs
from bulkprof.workflows.steps.summary import summarize, tell_telemetry, with_last_run

LOG = logging.getLogger(__name__)


async def execute(work: Workspace, run: RunFile, connection: Connection, *, resumed: bool) -> RunSummary:
    """Turn every open action into an outcome, tell the sinks, and sum up.

    A stop leaves the rest open: the summary counts it as skipped, and `resume` goes on with it. Sinks hear of that,
    too, unless it was a signal: the sender knows.
    """
    run.note(status=RunStatus.RUNNING)
    async with Keeper(work, connection.sessions).keeping(run):
        return await _execute(work, run, connection, resumed=resumed)


async def _execute(work: Workspace, run: RunFile, connection: Connection, *, resumed: bool) -> RunSummary:
    details, formats = run.details(), catalog_formats(work.registry)
    if resumed:
        await run.off_loop(run.reopen_delivery)
    sinks, unmade = make_sinks(work.registry, run_context(run, connection, formats), work.ui.warn)
    await run.off_loop(partial(run.expect_sinks, [*(sink.name for _, sink in sinks), *unmade]))
    delivery = Delivery(run, work.state, sinks, work.ui.warn, work.stop, work.settings)
    faults: list[UnforeseenError] = []
    try:
        await _run_engine(work, run, connection, delivery, faults)
        elapsed = run.details().elapsed_s + work.elapsed_s
        stopped = work.stop.requested and bool(len(await run.off_loop(run.pending_targets)))
        run.note(stopped=work.stop.reason if stopped else "")
        summary = summarize(run, elapsed, exit_code=work.stop.exit_code if stopped else None)
        tell_telemetry(work, run, summary)
        status = RunStatus.INTERRUPTED if stopped else RunStatus.FINISHED
        # Now it knows best which of the names that a replacement opened have a profile again.
        run.note(
            elapsed_s=elapsed,
            status=status,
            ended_at=datetime.now(UTC).isoformat(timespec="seconds"),
            summary=summary.as_json(),
            knows_lost=run.later(),
        )
        if stopped and work.stop.reason:
            left = await run.off_loop(run.open_count)
            were = "was not reached and counts" if left == 1 else "were not reached and count"
            resume = " with ".join(filter(None, ["a resume", " ".join(flags_to_resume(run))]))
            work.ui.warn(
                f"stopped: {work.stop.reason}; {counted(left, 'profile')} {were} as "
                f"skipped: the next sync takes them up, and so does {resume}"
            )
        if not details.share:
            summary = await with_last_run(work, run, summary)
        try:
            await run.off_loop(partial(write_files, work, run))
        finally:
            # A file that can't be written is no reason for the sinks not to hear of the end.
            if not (stopped and work.stop.by_signal):
                await _tell_the_end(work, delivery, unmade, summary)
    finally:
        await delivery.close()
    if not details.share:
        await keep_active(work, connection)
        await forget_old_runs(work, run)
    if faults and not summary.stopped:
        # Nothing was left to be stopped, or a signal came first: it is told nevertheless.
        raise faults[0]
    return summary


async def _run_engine(
    work: Workspace, run: RunFile, connection: Connection, delivery: Delivery, faults: list[UnforeseenError]
) -> None:
    """Let the engine work on what is open, while sinks get the outcomes; an unforeseen error is added to `faults`."""
    work.telemetry.begins("change")
    targets = in_order(await run.off_loop(run.pending_targets), work.settings.rollout.order)
    canary = _canary_to_come(run)
    width = work.settings.run.max_targets_in_flight
    settings = EngineSettings(
        token_seed=run.token_seed,
        max_targets=width,
        settle_s=work.settings.run.settle_s,
        retirement=connection.rules.retirement,
    )
    left = Remaining(await run.off_loop(run.pending_counts), connection.rate, width)

    def open_target(target: Target) -> AbstractAsyncContextManager[OpenTarget]:
        left.begins(target)
        return connection.open(target)

    work.ui.at_work(Busiest(connection.lanes, connection.rate, left))
    total = sum(run.action_counts()) - sum(run.outcome_counts().values())
    with work.ui.progress("profiles", total, left.seconds) as progress:
        watch = _Watch(progress, left, work.ui, work.stop, work.tolerance.allowed(run.action_counts()[0]))
        watch.count(sum(run.outcome_counts().get(kind, 0) for kind in FAILURES))

        def seen(outcome: Outcome) -> None:
            # Shares that are carried out elsewhere count for themselves.
            work.telemetry.outcomes(outcome.kind, target=outcome.target)
            watch(outcome)

        engine = Engine(run, connection.traffic, open_target, settings, seen)

        async def carry_out(chosen: Sequence[Target]) -> None:
            if work.fleet is not None:
                # Where nothing is to be done, nothing is sent, and there is nothing to share out.
                changing = await _changing(run)
                if away := [target for target in chosen if target in changing]:
                    await work.fleet.execute(run, away, watch)
                chosen = [target for target in chosen if target not in changing]
            await engine.execute(chosen)

        with _ending_in_order(work, faults):
            async with anyio.create_task_group() as group:
                group.start_soon(delivery.follow)
                if canary:
                    await carry_out([target for target in targets if target in canary])
                    await _judge_canary(work, run, canary)
                await carry_out([target for target in targets if target not in canary])
                delivery.end()


async def choose_canary(work: Workspace, run: RunFile) -> None:
    """Note which targets a plan changes first; to be asked for before the plan is shown."""
    rollout = work.settings.rollout
    chosen = canary_of(await _changing(run), rollout.canary, rollout.order)
    run.note(canary=tuple((target.account, target.region) for target in chosen))


async def _changing(run: RunFile) -> set[Target]:
    """Return the pending targets in which something changes."""
    pending = await run.off_loop(run.pending_counts)
    return {target for target, kinds in pending.items() if set(kinds) - {ActionKind.NONE}}


async def check_canary(work: Workspace, run: RunFile) -> None:
    """Raise `SafetyError` where a run that is taken up again was stopped by its canary, and would be again."""
    canary = _canary_to_come(run)
    if not canary or await _is_open(run, canary):
        return
    failed, fault = await _canary_fault(work, run, canary)
    if fault:
        raise SafetyError(
            f"{fault}; nothing more was changed. Mend what failed, and start a new run; to go on with this one all the "
            f"same: bulkprof resume {run.details().id} --failure-tolerance {failed}"
        )


def _canary_to_come(run: RunFile) -> frozenset[Target]:
    """Return the targets that have to end well before any other is changed; none where they did."""
    details = run.details()
    return frozenset() if details.canary_passed else frozenset(Target(*place) for place in details.canary)


async def _judge_canary(work: Workspace, run: RunFile, canary: Collection[Target]) -> None:
    """Let the others follow, or stop the run where too much failed. One that was stopped midway is judged later."""
    if await _is_open(run, canary):
        return
    failed, fault = await _canary_fault(work, run, canary)
    run.note(canary_passed=not fault, canary_failed=failed if fault else 0)
    if work.stop.requested:
        return
    if fault:
        work.ui.warn(f"stopping: {fault}; mend what failed, and start a new run")
        work.stop.request(ExitCode.SAFETY_LIMIT, fault)
    else:
        work.ui.note("the canary is in order; the other targets follow")


async def _is_open(run: RunFile, canary: Collection[Target]) -> bool:
    """Whether a canary has rows without an outcome."""
    return not set(await run.off_loop(run.pending_targets)).isdisjoint(canary)


async def _canary_fault(work: Workspace, run: RunFile, canary: Collection[Target]) -> tuple[int, str]:
    """Return how many profiles of a canary failed, and why that is too many; empty where it isn't."""

    def look() -> tuple[int, int]:
        planned, refused = run.plan_counts(), run.refused_counts()
        total = sum(sum(planned.get(target, {}).values()) + refused.get(target, 0) for target in canary)
        return failed_in(canary, run.results(FAILURES)), total

    failed, total = await run.off_loop(look)
    return failed, canary_fault(failed, total, len(canary), work.tolerance)


@contextmanager
def _ending_in_order(work: Workspace, faults: list[UnforeseenError]) -> Iterator[None]:
    """Let an unforeseen error stop the run, and note it: files are written, sinks told, and `resume` goes on."""
    try:
        with unwrapped():
            yield
    except BulkprofError:
        raise
    except Exception as error:
        faults.append(unforeseen := UnforeseenError(error))
        LOG.debug("what stops the run comes from here", exc_info=error)
        work.stop.request(ExitCode.COULD_NOT_RUN, str(unforeseen))


def run_context(run: RunFile, connection: Connection, formats: Mapping[str, CatalogFormat]) -> RunContext:
    """The run as its sinks see it."""
    details = run.details()
    return RunContext(
        run_id=details.id,
        command=details.command,
        estate=details.estate,
        started_at=details.started_at,
        client=connection.sessions.client,
        paced=connection.paced,
        formats=formats,
        warn=connection.tell,
    )


@dataclass(slots=True)
class _Watch:
    """Sees every outcome: shows progress, and stops the run when more fail than is tolerated."""

    progress: Progress
    left: Remaining
    ui: Ui
    stop: Stop
    allowed: int | None
    failures: int = 0

    def __call__(self, outcome: Outcome) -> None:
        self.progress.outcome(outcome)
        if done := self.left.take(outcome):
            self.ui.target_done(done.target, done.counts, done.seconds)
        self.count(int(outcome.kind.is_failure))

    def count(self, failures: int) -> None:
        """Count failures, those of earlier processes of the run among them, and stop at too many."""
        self.failures += failures
        if self.allowed is not None and self.failures > self.allowed and not self.stop.requested:
            failed = f"{counted(self.failures, 'profile')} failed, {self.allowed} are tolerated (--failure-tolerance)"
            self.ui.warn(f"stopping: {failed}")
            self.stop.request(ExitCode.SAFETY_LIMIT, failed)


async def tell_estimate(work: Workspace, run: RunFile, connection: Connection) -> None:
    """Say how long what is planned will take, where rates are known and it is long."""
    pending = await run.off_loop(run.pending_counts)
    seconds = seconds_left(pending, connection.rate, work.settings.run.max_targets_in_flight)
    deadline = work.deadline.at if work.deadline else None
    if line := estimate_line(seconds, datetime.now().astimezone(), deadline):
        work.ui.note(line)


def write_files(work: Workspace, run: RunFile) -> None:
    """Write what was asked for. Raises `StateError`, once all is tried: the run file still holds what is missing."""
    faults = []
    try:
        if work.options.results:
            write_results(work.options.results, run, raw=work.options.csv_cells == "raw")
    except StateError as error:
        faults.append(f"{error}; nothing is lost: bulkprof report {name_of(run)} --results FILE")
    try:
        if work.options.failed:
            safe = work.options.csv_cells == "safe"
            count = write_failed(work.options.failed, run, work.settings.own_tags, safe=safe)
            work.ui.note(f"rows to mend: {count} in {work.options.failed}")
    except StateError as error:
        faults.append(f"{error}; nothing is lost: bulkprof report {name_of(run)} --failed FILE")
    if faults:
        raise StateError(printable_lines(faults))


async def _tell_the_end(work: Workspace, delivery: Delivery, unmade: Collection[str], summary: RunSummary) -> None:
    missing = [*await delivery.finish(summary), *unmade]
    if missing:
        work.ui.warn(
            f"not everything was delivered to {', '.join(missing)}; "
            f"`bulkprof runs redeliver {summary.run_id}` sends what is missing"
        )
    for implementation in work.registry.implementations("bulkprof_run_finished"):
        try:
            implementation.call(summary)
        except Exception as error:  # noqa: BLE001 - the run is over, and a plugin can't undo that
            work.ui.warn(f"plugin {implementation.plugin!r}: {error}")
