"""A plan and a run as people read them: summed up in a line, and as tables in Terraform's manner.

rich takes long to import, so it is left to the functions that draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bulkprof.model import Action, ActionKind, OutcomeKind, Target
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 40
"""Changes that a plan shows one by one before it only counts."""
CANARY_SHOWN = 5
"""Targets of a canary that a plan names."""
SIGNS: Mapping[ActionKind, str] = {
    ActionKind.CREATE: "+",
    ActionKind.UPDATE: "~",
    ActionKind.ADOPT: "~",
    ActionKind.REPLACE: "!",
    ActionKind.DELETE: "-",
    ActionKind.NONE: "=",
}
ACTION_STYLES: Mapping[ActionKind, str] = {
    ActionKind.CREATE: "green",
    ActionKind.UPDATE: "yellow",
    ActionKind.ADOPT: "cyan",
    ActionKind.REPLACE: "magenta",
    ActionKind.DELETE: "red",
    ActionKind.NONE: "dim",
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
    parts = [f"{SIGNS[kind]} {totals[kind]} {word}" for kind, word in words.items() if totals.get(kind)]
    if refused:
        parts.append(f"! {refused} refused")
    return f"Plan: {', '.join(parts) or 'nothing to do'}, in {counted(targets, 'target')}."


def counted(number: int, word: str) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def summary_line(summary: RunSummary) -> str:
    """Sum up in one line what a run cost."""
    return f"Run {summary.run_id}: {calls_line(summary)}"


def calls_line(summary: RunSummary) -> str:
    """Return the calls and the time that a run took."""
    sent = sum(count.sent for count in summary.calls.values())
    throttled = sum(count.throttled for count in summary.calls.values())
    return f"{sent} calls, {throttled} of them throttled, {summary.elapsed_s:.1f} s"


def show_plan(console: Console, run: RunFile) -> None:
    """Print a plan: what changes, one line each, then the counts."""
    from rich.markup import escape

    counts = run.plan_counts()
    totals = {kind: sum(of_target.get(kind, 0) for of_target in counts.values()) for kind in ActionKind}
    # Those were shown together already, with the accounts and the remedy.
    unreachable = {Target(*place) for place in run.details().unreachable}
    refused_there = run.refused_counts()
    refused = sum(refused_there.values())
    told = sum(count for target, count in refused_there.items() if target in unreachable)
    shown = 0
    last: Target | None = None
    for action in run.changes():
        if action.refusal is not None and action.target in unreachable:
            continue
        if shown == SHOWN:
            break
        if action.target != last:
            last = action.target
            console.print()
            console.print(f"[bold]{escape(str(action.target))}[/]", highlight=False, soft_wrap=True)
        console.print(plan_line(action), highlight=False, soft_wrap=True)
        shown += 1
    listed = sum(count for kind, count in totals.items() if kind is not ActionKind.NONE) + refused - told
    if listed > shown:
        console.print(f"  … and {listed - shown} more", highlight=False)
    console.print()
    if canary := run.details().canary:
        console.print(canary_line([Target(*place) for place in canary]), markup=False, highlight=False, soft_wrap=True)
    console.print(plan_counts_line(totals, refused, len(run.targets())), highlight=False, soft_wrap=True)


def plan_line(action: Action) -> str:
    """Return one action as a line of rich markup."""
    from rich.markup import escape

    sign, style = SIGNS[action.kind], ACTION_STYLES[action.kind]
    if action.refusal is not None:
        sign, style = ("!", "bold red")
        detail = f"refused: {action.refusal.message}"
    else:
        detail = action.reason or action.model
    where = f"  [dim]{escape(action.file)}:{action.line}[/]" if action.file else ""
    return f"  [{style}]{sign} {escape(action.name)}[/]  {escape(detail)}{where}"


def canary_line(canary: Sequence[Target]) -> str:
    """Return the line that says which targets a plan changes first."""
    named = ", ".join(map(str, canary[:CANARY_SHOWN]))
    more = f" and {len(canary) - CANARY_SHOWN} more" if len(canary) > CANARY_SHOWN else ""
    return f"First {counted(len(canary), 'target')} as canary: {named}{more}"


def show_summary(console: Console, summary: RunSummary, failures: Iterable[str]) -> None:
    """Print a run's end: a table of outcomes, then what failed."""
    if not summary.changed and summary.exit_code == 0:
        console.print("Nothing to do: AWS is as the manifests want it.")
    show_outcomes(console, summary)
    show_failures(console, failures)
    since = summary.since_last
    if since and since.has_news:
        console.print(str(since), markup=False, highlight=False, soft_wrap=True)
    console.print(summary_line(summary), highlight=False, soft_wrap=True)


def show_outcomes(console: Console, summary: RunSummary) -> None:
    """Print how many profiles ended as what."""
    from rich.table import Table

    table = Table("outcome", header_style="bold")
    table.add_column("profiles", justify="right")
    for kind, style in OUTCOME_STYLES.items():
        if count := summary.outcomes.get(kind, 0):
            table.add_row(f"[{style}]{kind}[/]", str(count))
    if summary.invalid:
        table.add_row("[bold red]invalid rows left out[/]", str(summary.invalid))
    console.print(table)


def show_failures(console: Console, failures: Iterable[str]) -> None:
    """Print what needs attention, a line each."""
    for line in failures:
        console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
