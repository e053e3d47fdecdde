"""How a run stands, as people should hear it: a run whose process was killed says "running" in its file for ever."""

from __future__ import annotations

from typing import Final

from bulkprof.locks import local as lock
from bulkprof.store.directory import NOTHING_SENT, UNAPPROVED, StateDirectory
from bulkprof.store.run import RunFile
from bulkprof.text.printable import headed, printable_lines

KILLED: Final = "killed"
"""The word for a run that ended without a chance to say so."""
INTERRUPTED: Final = "interrupted"
AT_WORK: Final = (*NOTHING_SENT, "running")
"""What the file of a run says while a process is at work on it."""


def is_plan(run: RunFile) -> bool:
    """Whether the file holds a plan that nobody carried out."""
    return run.meta("status") in UNAPPROVED


def standing(run: RunFile, state: StateDirectory) -> str:
    """The run's status, where one that no process works on any more is `killed` or `interrupted`. Blocks.

    A run holds its estate's lock while it works, and the kernel takes that from a process that ends in whatever way.
    Where machines share a state directory and no locks (see `lock`), a run of another machine looks killed.
    """
    status = str(run.meta("status"))
    # The file of `plan --out` is made without the lock.
    if status not in AT_WORK or run.path.absolute().parent != state.runs.absolute():
        return status
    if run.meta("interrupted", default=False):
        return INTERRUPTED
    seen = lock.look(state.path, str(run.meta("estate")))
    if seen is None or (seen.held and (seen.holder is None or seen.holder.run_id == run.meta("id"))):
        return status
    return KILLED


def told_its_end(run: RunFile) -> bool:
    """Whether a run told its sinks its end: it finished, or was stopped by its deadline or a limit of its own."""
    status, summary = run.meta("status"), run.meta("summary") or {}
    return bool(status == "finished" or (status == "interrupted" and 0 < summary.get("exit_code", 0) < 128))


def nothing_to_deliver(run: RunFile, state: StateDirectory) -> str:
    """Why sinks miss nothing of a run that didn't tell them its end, or get it in another way. Blocks."""
    stands, run_id = standing(run, state), run.meta("id")
    if is_plan(run):
        return f"run {run_id} was planned and not carried out, so there is nothing to deliver"
    if stands == "refused":
        why = str(run.meta("error", default="it was refused"))
        return headed(f"run {run_id} did not start, so there is nothing to deliver: ", printable_lines(why.split("\n")))
    if stands in AT_WORK:
        return f"run {run_id} is still at work, and delivers by itself; wait until it ends"
    return f"run {run_id} was {stands}, and delivers when it goes on: bulkprof resume {run_id}"


def unfinished(run: RunFile, state: StateDirectory) -> str:
    """What there is to say of a run that didn't come to its end, but for how it goes on; empty where it did. Blocks."""
    stands = standing(run, state)
    if stands not in {*AT_WORK, KILLED, INTERRUPTED}:
        return ""
    if stands in AT_WORK:
        return "this run is still at work"
    how = "was killed" if stands == KILLED else "was interrupted"
    before = " before anything was changed" if run.meta("status") in NOTHING_SENT else ""
    return f"this run {how}{before}, and is not finished"
