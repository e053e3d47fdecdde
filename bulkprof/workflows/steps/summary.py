"""From outcomes to a run in numbers, with every row accounted for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from bulkprof.errors import ExitCode, StateError
from bulkprof.model import NEED_ATTENTION, OutcomeKind
from bulkprof.store.history.compare import since_last
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary, every_kind
from bulkprof.workflows.steps.context import Workspace


def summarize(run: RunFile, elapsed_s: float, *, exit_code: int | None = None) -> RunSummary:
    """A run in numbers. Raises `StateError` when its outcomes don't add up to its desired profiles and deletions.

    `exit_code` is that of a run that was stopped; what it left open counts as skipped, and as failed where the old
    profile of a replacement is deleted. None means that it ended.
    """
    details = run.details()
    desired, deletions = run.action_counts()
    outcomes = run.outcome_counts()
    left = desired + deletions - sum(outcomes.values())
    open_names = run.lost_rows()
    if left < 0 or (left and exit_code is None):
        raise StateError(
            f"{run.path}: {sum(outcomes.values())} outcomes don't add up to {desired} desired profiles and "
            f"{deletions} deletions; nothing is lost, `bulkprof resume {details.id}` goes on"
        )
    if open_names:
        outcomes[OutcomeKind.FAILED] = outcomes.get(OutcomeKind.FAILED, 0) + open_names
    if left > open_names:
        outcomes[OutcomeKind.SKIPPED] = outcomes.get(OutcomeKind.SKIPPED, 0) + left - open_names
    invalid = run.invalid_count()
    if exit_code is None:
        in_order = not invalid and not any(outcomes.get(kind) for kind in NEED_ATTENTION)
        exit_code = ExitCode.DONE if in_order else ExitCode.ROWS_FAILED
    return RunSummary(
        run_id=details.id,
        command=details.command,
        desired=desired,
        outcomes=every_kind(outcomes),
        invalid=invalid,
        elapsed_s=elapsed_s,
        calls=run.calls(),
        exit_code=int(exit_code),
        stopped=details.stopped,
        lost=tuple(run.lost()),
        sandbox=details.sandbox,
    )


def summary_of(run: RunFile) -> RunSummary:
    """A past run in numbers, as far as it came."""
    details = run.details()
    told = int(ExitCode.COULD_NOT_RUN) if details.exit_code is None else details.exit_code
    exit_code = (details.summary or {}).get("exit_code", told)
    return summarize(run, details.elapsed_s, exit_code=exit_code)


def tell_telemetry(work: Workspace, run: RunFile, summary: RunSummary) -> None:
    """Tell telemetry the end; the outcomes of what a stop left open are in the summary alone."""
    recorded = run.outcome_counts()
    for kind, count in summary.outcomes.items():
        if left := count - recorded.get(kind, 0):
            work.telemetry.outcomes(kind, left)
    work.telemetry.ended(summary.exit_code, summary.outcomes)


async def with_last_run(work: Workspace, run: RunFile, summary: RunSummary) -> RunSummary:
    """The summary, compared with the last run; an earlier run that can't be read costs only that."""
    try:
        return replace(summary, since_last=await run.off_loop(partial(since_last, work.state, run)))
    except StateError as error:
        work.ui.warn(f"what is new against the last run isn't known: {error}")
        return summary
