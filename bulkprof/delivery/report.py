"""A plan and a run as people and programs read them: tables in Terraform's manner, and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bulkprof.delivery.plan import Plan
from bulkprof.execution.runfile import RunFile
from bulkprof.execution.state import StateDirectory
from bulkprof.model import Action, ActionKind, OutcomeKind, Problem, RunSummary, Target
from bulkprof.plugins.results import outcome_record

SHOWN = 40
"""Changes that a plan shows one by one before it only counts."""
SIGNS: Mapping[ActionKind, tuple[str, str]] = {
    ActionKind.CREATE: ("+", "green"),
    ActionKind.UPDATE: ("~", "yellow"),
    ActionKind.ADOPT: ("~", "cyan"),
    ActionKind.REPLACE: ("!", "magenta"),
    ActionKind.DELETE: ("-", "red"),
    ActionKind.NONE: ("=", "dim"),
}
OUTCOME_STYLES: Mapping[OutcomeKind, str] = {
    OutcomeKind.CREATED: "green",
    OutcomeKind.UPDATED: "yellow",
    OutcomeKind.ADOPTED: "cyan",
    OutcomeKind.REPLACED: "magenta",
    OutcomeKind.DELETED: "red",
    OutcomeKind.UNCHANGED: "dim",
    OutcomeKind.FAILED: "bold red",
    OutcomeKind.SKIPPED: "yellow",
    OutcomeKind.UNKNOWN: "bold red",
}


def show_plan(console: Console, run: RunFile) -> None:
    """Print a plan: what changes, one line each, then the counts."""
    counts = run.plan_counts()
    totals = {kind: sum(of_target.get(kind, 0) for of_target in counts.values()) for kind in ActionKind}
    # Those were told of together, with the accounts and the remedy.
    unreachable = {Target(*place) for place in run.meta("unreachable", default=())}
    refused = run.refused_count()
    told = sum(map(run.refused_count, unreachable))
    shown = 0
    last: Target | None = None
    for action in run.changes():
        if action.refusal is not None and action.target in unreachable:
            continue
        if shown == SHOWN:
            break
        if action.target != last:
            last = action.target
            console.print(f"\n[bold]{escape(str(action.target))}[/]", highlight=False)
        console.print(plan_line(action), highlight=False, soft_wrap=True)
        shown += 1
    listed = sum(count for kind, count in totals.items() if kind is not ActionKind.NONE) + refused - told
    if listed > shown:
        console.print(f"  … and {listed - shown} more", highlight=False)
    console.print("\n" + plan_counts_line(totals, refused, len(run.targets())), highlight=False, soft_wrap=True)


def plan_line(action: Action) -> str:
    """One action as a line of rich markup."""
    sign, style = SIGNS[action.kind]
    if action.refusal is not None:
        sign, style = ("!", "bold red")
        detail = f"refused: {action.refusal.message}"
    else:
        detail = action.reason or action.model
    where = f"  [dim]{escape(action.file)}:{action.line}[/]" if action.file else ""
    return f"  [{style}]{sign} {escape(action.name)}[/]  {escape(detail)}{where}"


def plan_counts_line(totals: Mapping[ActionKind, int], refused: int, targets: int) -> str:
    """Sum a plan up in one line, such as `Plan: + 472 to create, = 3 unchanged, in 2 targets`."""
    words = {
        ActionKind.CREATE: "to create",
        ActionKind.UPDATE: "to update",
        ActionKind.ADOPT: "to adopt",
        ActionKind.REPLACE: "to replace",
        ActionKind.DELETE: "to delete",
        ActionKind.NONE: "unchanged",
    }
    parts = [f"{SIGNS[kind][0]} {totals[kind]} {word}" for kind, word in words.items() if totals.get(kind)]
    if refused:
        parts.append(f"! {refused} refused")
    return f"Plan: {', '.join(parts) or 'nothing to do'}, in {counted(targets, 'target')}."


def counted(number: int, word: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def show_summary(console: Console, summary: RunSummary, failures: Iterable[str]) -> None:
    """Print a run's end: a table of outcomes, then what failed."""
    table = Table("outcome", header_style="bold")
    table.add_column("profiles", justify="right")
    for kind, style in OUTCOME_STYLES.items():
        if count := summary.outcomes.get(kind, 0):
            table.add_row(f"[{style}]{kind}[/]", str(count))
    if summary.invalid:
        table.add_row("[bold red]invalid rows left out[/]", str(summary.invalid))
    if not summary.changed and summary.exit_code == 0:
        console.print("Nothing to do: AWS is as the manifests want it.")
    console.print(table)
    for line in failures:
        console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    since = summary.since_last
    if since and since.has_news:
        console.print(str(since), markup=False, highlight=False, soft_wrap=True)
    console.print(summary_line(summary), highlight=False, soft_wrap=True)


def summary_line(summary: RunSummary) -> str:
    """What a run cost, in one line."""
    sent = sum(count.sent for count in summary.calls.values())
    throttled = sum(count.throttled for count in summary.calls.values())
    return f"Run {summary.run_id}: {sent} calls, {throttled} of them throttled, {summary.elapsed_s:.1f} s"


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
        if isinstance(run, RunFile):
            yield {
                "run_id": run_id,
                "command": run.meta("command"),
                "started_at": run.meta("started_at"),
                "status": run.meta("status"),
                "outcomes": {str(kind): count for kind, count in run.outcome_counts().items()},
            }
        else:
            yield {"run_id": run_id, "command": "", "started_at": "", "status": str(run), "outcomes": {}}
