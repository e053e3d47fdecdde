"""How a run stands, as users see it: the file of a run whose process was killed says "running" for ever."""

from __future__ import annotations

from bulkprof.locks import local as lock
from bulkprof.statuses import AT_WORK, NOTHING_SENT, UNAPPROVED, RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.run import RunFile
from bulkprof.text.printable import headed, printable_lines


def is_plan(run: RunFile) -> bool:
    """Return whether the file holds a plan that was not carried out."""
    return run.details().status in UNAPPROVED


def name_of(run: RunFile) -> str:
    """Return what commands call a run by: its id; a share, which is in no state directory, by its file."""
    details = run.details()
    return str(run.path) if details.share else details.id


def status_of(run: RunFile, state: StateDirectory) -> RunStatus:
    """Return the run's status, where one that no process works on any more is `killed` or `interrupted`. Blocks.

    A run holds its estate's lock while it works, and the kernel takes that from a process that ends in whatever way.
    Where machines share a state directory and no locks (see `lock`), a run of another machine looks killed.
    """
    details = run.details()
    # The file of `plan --out` is made without the lock.
    if details.status not in AT_WORK or run.path.absolute().parent != state.runs.absolute():
        return details.status
    if details.interrupted:
        return RunStatus.INTERRUPTED
    seen = lock.look(state.path, details.estate)
    if seen is None or (seen.held and (seen.holder is None or seen.holder.run_id == details.id)):
        return details.status
    return RunStatus.KILLED


def flags_to_resume(run: RunFile) -> list[str]:
    """Return the flags without which `resume` doesn't go on with an unfinished run."""
    failed = run.details().canary_failed
    return ["--failure-tolerance", str(failed)] if failed else []


def told_its_end(run: RunFile) -> bool:
    """Return whether a run told its sinks its end: it finished, or its deadline or a limit of its own stopped it."""
    details = run.details()
    if details.status is RunStatus.INTERRUPTED:
        return 0 < int((details.summary or {}).get("exit_code", 0)) < 128
    return details.status is RunStatus.FINISHED


def nothing_to_deliver(run: RunFile, state: StateDirectory) -> str:
    """Return why sinks miss nothing of a run that didn't tell them its end, or get it in another way. Blocks."""
    status, details = status_of(run, state), run.details()
    run_id = details.id
    if details.status in UNAPPROVED:
        return f"run {run_id} was planned and not carried out, so there is nothing to deliver"
    if status is RunStatus.REFUSED:
        why = printable_lines((details.error or "it was refused").split("\n"))
        return headed(f"run {run_id} did not start, so there is nothing to deliver: ", why)
    if status in AT_WORK:
        return f"run {run_id} is still at work, and delivers by itself; wait until it ends"
    return f"run {run_id} was {status}, and delivers when it goes on: bulkprof resume {run_id}"


def why_unfinished(run: RunFile, state: StateDirectory) -> str:
    """Return what there is to say of a run that didn't come to its end; empty where it did. Blocks."""
    status = status_of(run, state)
    if status in AT_WORK:
        return "this run is still at work"
    if status not in {RunStatus.KILLED, RunStatus.INTERRUPTED}:
        return ""
    before = " before anything was changed" if run.details().status in NOTHING_SENT else ""
    return f"this run was {status}{before}, and is not finished"
