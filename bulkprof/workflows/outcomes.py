"""What became of the profiles of a past run, for programs."""

from __future__ import annotations

from collections.abc import Iterator

from bulkprof.model import Outcome
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.run import RunFile
from bulkprof.workflows.options import Options


def outcomes(run_id: str, options: Options | None = None) -> Iterator[Outcome]:
    """What became of each profile of a run, in manifest order, read from its file as you go. Blocks.

    `run_id` may be its beginning, as everywhere. Raises `UsageError` when the state directory has no such run.
    """
    state = StateDirectory((options or Options()).state_dir)
    with RunFile.look_at(state.find(run_id)) as run:
        yield from run.results()
