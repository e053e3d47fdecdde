"""The use case `runs`: which runs there were, and how they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from bulkprof.errors import StateError
from bulkprof.model import OutcomeKind
from bulkprof.statuses import AT_WORK, RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.status import status_of, told_its_end
from bulkprof.store.remote.kept import KeptRun
from bulkprof.store.run import RunFile
from bulkprof.totals import every_kind
from bulkprof.ui import Ui
from bulkprof.workflows.arguments import for_programs
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.remote.directory import state_directory


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A past run, or one that is at work, in a few words."""

    run_id: str
    path: Path
    """Its file; of a run that is in S3 alone, where it will be once it is looked at."""
    status: str
    """How it stands: `finished`, `interrupted`, `killed`, `refused`, `running`, …; empty where that can't be read."""
    command: str = ""
    estate: str = ""
    sandbox: bool = False
    started_at: str = ""
    """UTC, ISO 8601."""
    ended_at: str = ""
    """Empty where it didn't end, or its file is of an early version."""
    outcomes: Mapping[OutcomeKind, int] = field(default_factory=lambda: every_kind({}))
    """Every kind of outcome, with the number of its profiles so far."""
    sinks_missing: tuple[str, ...] = ()
    """The sinks that still miss something; `redeliver` sends it."""
    error: str = ""
    """Why it did not start or was broken off, or why its file can't be read."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready values, every outcome named."""
        return {
            "run_id": self.run_id,
            "command": self.command,
            "started_at": self.started_at,
            "status": self.status or self.error,
            "outcomes": {str(kind): count for kind, count in self.outcomes.items()},
            "sinks_missing": [*self.sinks_missing],
            "estate": self.estate,
            "sandbox": self.sandbox,
        }


@for_programs
def runs(options: Options | None = None, ui: Ui | None = None) -> list[RunInfo]:
    """Return the runs of the options' state directory, the newest first, with those that are kept in S3. Blocks.

    A run whose file can't be read is among them, with the reason as its `error`.
    """
    state = state_directory(options or Options(), (ui or Ui()).warn)
    elsewhere = [run_id for run_id in state.run_ids() if state.is_elsewhere(run_id)]
    told = state.remote.about(elsewhere) if state.remote and elsewhere else {}
    found = [_told(run_id, state.run_path(run_id), told.get(run_id)) for run_id in elsewhere]
    for run_id, run in state.open_all(lambda _: False):
        try:
            found.append(replace(_readable(run, state), run_id=run_id))
        except StateError as error:
            found.append(RunInfo(run_id, state.run_path(run_id), "", error=str(error)))
    return sorted(found, key=attrgetter("run_id"), reverse=True)


def _told(run_id: str, path: Path, kept: KeptRun | None) -> RunInfo:
    """Return what is told of a run whose file is in S3, and would come to `path`."""
    if kept is None:
        return RunInfo(run_id, path, "", error="is in S3, with nothing that tells of it; `bulkprof report` fetches it")
    return RunInfo(
        run_id,
        path,
        # No process of this machine works on it.
        str(RunStatus.KILLED if kept.status in AT_WORK else kept.status),
        command=kept.command,
        estate=kept.estate,
        started_at=kept.started_at,
        outcomes=every_kind({kind: kept.outcomes.get(kind, 0) for kind in OutcomeKind}),
        sinks_missing=tuple(kept.sinks_missing),
    )


def _readable(run: RunFile | StateError, state: StateDirectory) -> RunInfo:
    if isinstance(run, StateError):
        raise run
    return info_of(run, state)


def info_of(run: RunFile, state: StateDirectory) -> RunInfo:
    """Return what a run's file says of it. Blocks. Raises `StateError`."""
    details = run.details()
    return RunInfo(
        details.id,
        run.path,
        str(status_of(run, state)),
        command=details.command,
        estate=details.estate,
        sandbox=details.sandbox,
        started_at=details.started_at,
        ended_at=details.ended_at,
        outcomes=every_kind(run.outcome_counts()),
        sinks_missing=tuple(run.sinks_missing()) if told_its_end(run) else (),
        error=details.error,
    )
