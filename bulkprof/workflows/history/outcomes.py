"""What became of the profiles of a past run, for programs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from bulkprof.errors import UsageError
from bulkprof.model import Outcome
from bulkprof.store.history.status import is_plan
from bulkprof.store.run import RunFile
from bulkprof.workflows.arguments import for_programs
from bulkprof.workflows.options import Options, StrPath, text_of
from bulkprof.workflows.steps.remote.directory import state_directory

LOG = logging.getLogger(__name__)


@for_programs
def outcomes(run_id: StrPath, options: Options | None = None) -> Iterator[Outcome]:
    """What became of each profile of a run, in manifest order, read from its file as you go. Blocks.

    `run_id` may be its beginning, as everywhere. Raises `UsageError` when the state directory has no such run, or it is
    a plan that was not carried out.
    """
    path = state_directory(options or Options(), LOG.warning).find(text_of(run_id, "run_id"))
    with RunFile.look_at(path) as run:
        if is_plan(run):
            raise UsageError(f"{run_id} is a plan that was not carried out: it has no outcomes yet")
    return outcomes_in(path)


def outcomes_in(path: Path) -> Iterator[Outcome]:
    """Yield the outcomes of a run's file. Blocks."""
    with RunFile.look_at(path) as run:
        yield from run.results()
