"""A plan, a run and what `validate` found as programs read them: JSON-ready values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bulkprof.delivery.plan import Plan
from bulkprof.errors import StateError
from bulkprof.execution.runfile import RunFile
from bulkprof.execution.state import StateDirectory
from bulkprof.model import Action, Problem, RunSummary
from bulkprof.plugins.results import outcome_record


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
        "set_tags": dict(action.set_tags),
        "remove_tags": list(action.remove_tags),
        "reason": action.reason,
        "refused": f"{action.refusal.code}: {action.refusal.message}" if action.refusal else "",
    }


def report_json(summary: RunSummary, run: RunFile) -> dict[str, Any]:
    """A run as one JSON object: the summary, with one record per profile under `results`."""
    return {**summary.as_json(), "results": [outcome_record(outcome) for outcome in run.results()]}


def validation_json(
    rows: int, desired: int, invalid: int, problems: Iterable[Problem], exit_code: int
) -> dict[str, Any]:
    """What `validate` found, as one JSON object."""
    return {
        "command": "validate",
        "rows": rows,
        "desired": desired,
        "invalid": invalid,
        "problems": [problem_json(problem) for problem in problems],
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
    }


def run_rows(state: StateDirectory) -> Iterator[dict[str, Any]]:
    """Past runs as JSON-ready rows, newest first; a file that can't be opened says so in its status."""
    for run_id, run in state.open_all():
        try:
            row = _run_row(run)
        except StateError as error:
            row = {"command": "", "started_at": "", "status": str(error), "outcomes": {}}
        yield {"run_id": run_id, **row}


def _run_row(run: RunFile | StateError) -> dict[str, Any]:
    if isinstance(run, StateError):
        raise run
    return {
        "command": run.meta("command"),
        "started_at": run.meta("started_at"),
        "status": run.meta("status"),
        "outcomes": {str(kind): count for kind, count in run.outcome_counts().items()},
    }
