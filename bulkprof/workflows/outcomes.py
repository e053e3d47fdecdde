"""What became of the profiles of a past run, for programs."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from bulkprof.errors import UsageError
from bulkprof.model import Outcome
from bulkprof.store.history.status import is_plan
from bulkprof.store.run import RunFile
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.remote.directory import state_directory

LOG = logging.getLogger(__name__)


def outcomes(run_id: str, options: Options | None = None) -> Iterator[Outcome]:
    """What became of each profile of a run, in manifest order, read from its file as you go. Blocks.

    `run_id` may be its beginning, as everywhere. Raises `UsageError` when the state directory has no such run, or it is
    a plan that was not carried out.
    """
    state = state_directory(options or Options(), LOG.warning)
    with RunFile.look_at(state.find(run_id)) as run:
        if is_plan(run):
            raise UsageError(f"{run_id} is a plan that was not carried out: it has no outcomes yet")
        yield from run.results()
