"""A plan, a run and what `validate` found as programs read them: JSON-ready values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from bulkprof.errors import ExitCode
from bulkprof.model import Action, Problem
from bulkprof.reports.plan import plan_of
from bulkprof.reports.results.columns import Results
from bulkprof.statuses import RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.status import is_plan, status_of, told_its_end
from bulkprof.store.run import RunFile
from bulkprof.totals import Plan, RunSummary


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
        "row": problem.row,
    }
