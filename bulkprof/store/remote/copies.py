"""Copies of run files: one to be kept elsewhere, and one that comes from there.

A copy that is made while its run is at work says less than that run goes on to do. So it supposes that everything in
it may have been sent by the time it is read: `resume` elsewhere takes no row for one that was never begun.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from bulkprof.errors import StateError
from bulkprof.statuses import RunStatus
from bulkprof.store.database import speaking_of
from bulkprof.store.history.status import told_its_end
from bulkprof.store.remote.kept import KeptRun
from bulkprof.store.run import RunFile
from bulkprof.system import clocks
from bulkprof.system.private import create_private
from bulkprof.system.temporary import on_temporary_disk
from bulkprof.totals import every_kind


def copy_out(run: RunFile, path: Path, writer: str) -> KeptRun:
    """Write a copy of `run` for other machines to the new file `path`; return what is told of it. Blocks.

    Raises `StateError`.
    """
    with on_temporary_disk():
        create_private(path)
    run.copy_to(path)
    with speaking_of(path), RunFile.open(path) as copy:
        details = copy.details()
        if details.status is RunStatus.RUNNING:
            copy.hand_out(copy.targets())
        # A moment of this machine's clock says nothing elsewhere, and a wrong thing where a machine was copied.
        copy.note(alive=None)
        outcomes = {str(kind): count for kind, count in every_kind(copy.outcome_counts()).items()}
        return KeptRun(
            command=details.command,
            started_at=details.started_at,
            status=str(details.status),
            estate=details.estate,
            outcomes=outcomes,
            sinks_missing=tuple(copy.sinks_missing()) if told_its_end(copy) else (),
            lost=bool(copy.lost()),
            writer=writer,
        )


def take_in(path: Path, run_id: str, age_s: float) -> None:
    """Check a run that was fetched as `path`, and give it the age that it has where it was kept. Blocks.

    Raises `StateError` where it isn't that run.
    """
    with RunFile.open(path) as run:
        details = run.details()
        if details.id != run_id:
            raise StateError(f"{path}: is run {details.id}, not {run_id}")
        if details.status is not RunStatus.RUNNING:
            # It was written after its last call. How long one that was killed went on, nothing says.
            run.note(alive=clocks.moment(age_s))
    written = time.time() - age_s
    os.utime(path, (written, written))
