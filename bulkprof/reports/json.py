"""A plan, a run and what `validate` found as programs read them: JSON-ready values."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from bulkprof.errors import ExitCode, StateError
from bulkprof.model import Action, OutcomeKind, Problem
from bulkprof.reports.plan import plan_of
from bulkprof.reports.results.columns import Results
from bulkprof.statuses import AT_WORK, RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.status import is_plan, status_of, told_its_end
from bulkprof.store.remote.kept import KeptRun
from bulkprof.store.run import RunFile
from bulkprof.totals import Plan, RunSummary, every_kind


def plan_json(plan: Plan, exit_code: int) -> dict[str, Any]:
    """A plan as JSON: counts, and the actions that change something or are refused."""
    changes = [_action_json(action) for action in plan.changes()]
    return {**plan.as_json(), "changes": changes, "exit_code": exit_code}


def _action_json(action: Action) -> dict[str, Any]:
    return {
        "action": str(action.kind),
        "account": action.target.account,
        "region": action.target.region,
        "name": action.name,
        "file": action.file,
        "line": action.line,
        "model": action.model,
        "arn": action.arn,
        "description": action.description,
        "set_tags": dict(action.set_tags),
        "remove_tags": list(action.remove_tags),
        "old": dict(action.old),
        "reason": action.reason,
        "refused": f"{action.refusal.code}: {action.refusal.message}" if action.refusal else "",
    }


def report_json(summary: RunSummary, run: RunFile, state: StateDirectory) -> dict[str, Any]:
    """A run as one JSON object: the summary, with one record per profile under `results`.

    A plan that wasn't carried out has no outcomes and no results, and its changes as `plan --json` has them.
    """
    status = status_of(run, state)
    details = run.details()
    told = {
        "status": status,
        "sinks_missing": run.sinks_missing() if told_its_end(run) else [],
        "fetched": dict(details.fetched),
    }
    whose = {"estate": details.estate, "started_at": details.started_at, "sandbox": details.sandbox}
    if not is_plan(run):
        return {**summary.as_json(), **told, "results": list(Results(run).records()), **whose}
    code = ExitCode.DONE if status is RunStatus.PLANNED else ExitCode.COULD_NOT_RUN
    planned = replace(summary, outcomes={})
    return {**planned.as_json(), **plan_json(plan_of(run), int(code)), **told, "results": [], **whose}


def validation_json(
    rows: int, desired: int, invalid: int, problems: Iterable[Problem], exit_code: int, unread: Sequence[str] = ()
) -> dict[str, Any]:
    """What `validate` found, as one JSON object."""
    return {
        "command": "validate",
        "rows": rows,
        "desired": desired,
        "invalid": invalid,
        "problems": [problem_json(problem) for problem in problems],
        "unread_columns": list(unread),
        "exit_code": exit_code,
    }


def problem_json(problem: Problem) -> dict[str, Any]:
    """A problem as JSON, field by field, for editors and checks that point at the cell."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "value": problem.value,
        "message": problem.message,
        "remedy": problem.remedy,
        "severity": str(problem.severity),
        "cell": problem.cell,
    }


def run_rows(state: StateDirectory) -> Iterator[dict[str, Any]]:
    """Past runs as JSON-ready rows, newest first; a file that can't be opened says so in its status."""
    elsewhere = [run_id for run_id in state.run_ids() if state.is_elsewhere(run_id)]
    told = state.remote.about(elsewhere) if state.remote and elsewhere else {}
    here = state.open_all(lambda _: False)
    for run_id, row in heapq.merge(_rows_here(here, state), _rows_told(told), key=itemgetter(0), reverse=True):
        yield {"run_id": run_id, **row}


def _rows_told(told: Mapping[str, KeptRun]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of runs whose files are elsewhere, newest first."""
    for run_id, run in sorted(told.items(), reverse=True):
        counts = {kind: run.outcomes.get(kind, 0) for kind in OutcomeKind}
        yield (
            run_id,
            {
                "command": run.command,
                "started_at": run.started_at,
                # No process of this machine works on it.
                "status": RunStatus.KILLED if run.status in AT_WORK else run.status,
                "outcomes": {str(kind): count for kind, count in every_kind(counts).items()},
                "sinks_missing": list(run.sinks_missing),
                "estate": run.estate,
                "sandbox": False,
            },
        )


def _rows_here(
    runs: Iterable[tuple[str, RunFile | StateError]], state: StateDirectory
) -> Iterator[tuple[str, dict[str, Any]]]:
    for run_id, run in runs:
        try:
            row = _run_row(run, state)
        except StateError as error:
            nothing = {"command": "", "started_at": "", "outcomes": {}, "sinks_missing": []}
            row = {**nothing, "status": str(error), "estate": "", "sandbox": False}
        yield run_id, row


def _run_row(run: RunFile | StateError, state: StateDirectory) -> dict[str, Any]:
    if isinstance(run, StateError):
        raise run
    details = run.details()
    return {
        "command": details.command,
        "started_at": details.started_at,
        "status": status_of(run, state),
        "outcomes": {str(kind): count for kind, count in every_kind(run.outcome_counts()).items()},
        "sinks_missing": run.sinks_missing() if told_its_end(run) else [],
        "estate": details.estate,
        "sandbox": details.sandbox,
    }
