"""A plan on the terminal, in Terraform's manner: what changes, from what to what, then the counts.

rich takes long to import, so it is left to the functions that draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bulkprof.model import Action, ActionKind, Target
from bulkprof.reports.lines import print_line
from bulkprof.reports.plan.view import WORDS, PlanView, canary_line, changes_of, what_for
from bulkprof.store.run import RunFile

if TYPE_CHECKING:
    from rich.console import Console

EACH = 20
"""Changes of each kind that a plan shows one by one before it only counts."""
SIGNS: Mapping[ActionKind, str] = {
    ActionKind.CREATE: "+",
    ActionKind.UPDATE: "~",
    ActionKind.ADOPT: "~",
    ActionKind.REPLACE: "!",
    ActionKind.DELETE: "-",
    ActionKind.NONE: "=",
}
STYLES: Mapping[ActionKind, str] = {
    ActionKind.CREATE: "green",
    ActionKind.UPDATE: "yellow",
    ActionKind.ADOPT: "cyan",
    ActionKind.REPLACE: "magenta",
    ActionKind.DELETE: "red",
    ActionKind.NONE: "dim",
}
_HANG = 8
"""Blanks in front of what goes on in the next line."""
_CHANGE_STYLES: Mapping[str, str] = {"+": "green", "~": "yellow", "-": "red"}


def plan_counts_line(totals: Mapping[ActionKind, int], refused: int, targets: int, *, sandbox: bool = False) -> str:
    """Sum a plan up in one line, such as `Plan: + 472 to create, = 3 unchanged, in 2 targets`."""
    parts = [f"{SIGNS[kind]} {totals[kind]} {word}" for kind, word in WORDS.items() if totals.get(kind)]
    if refused:
        parts.append(f"! {refused} refused")
    where = f"in {targets} target{'' if targets == 1 else 's'}"
    return f"Plan{' in the sandbox' if sandbox else ''}: {', '.join(parts) or 'nothing to do'}, {where}."


def show_plan(console: Console, run: RunFile, *, everything: bool = False) -> None:
    """Print a plan: what changes, then the counts. The first changes of each kind, or all with `everything`. Blocks."""
    view = PlanView(run, None if everything else EACH)
    last: Target | None = None
    for action in view.changes():
        if action.target != last:
            last = action.target
            console.print()
            print_line(console, str(action.target), style="bold")
        _show(console, action, view.old_name(action))
    if more := view.left_out():
        print_line(console, f"  … and {more} (plan --all shows all)")
    said, profiles = view.unwanted()
    if said:
        console.print()
        if everything:
            print_line(console, f"{said}:")
            for line in profiles:
                print_line(console, f"  {line}")
        else:
            print_line(console, f"{said}: {', '.join(profiles)}")
    console.print()
    if canary := canary_line(run.details().canary):
        print_line(console, canary)
    print_line(console, plan_counts_line(view.totals, view.refused, view.targets, sandbox=view.sandbox))


def _show(console: Console, action: Action, old_name: str) -> None:
    from rich.markup import escape

    sign, style = SIGNS[action.kind], STYLES[action.kind]
    if action.refusal is not None:
        sign, style = ("!", "bold red")
    where = f"  [dim]{escape(action.file)}:{action.line}[/]" if action.file else ""
    line = f"  [{style}]{sign} {escape(action.name)}[/]  {escape(what_for(action))}{where}"
    print_line(console, line, markup=True, hang=_HANG)
    for change in map(str, changes_of(action)):
        print_line(console, f"      {change}", style=_CHANGE_STYLES[change[0]], hang=_HANG)
    if old_name:
        print_line(console, f"      {old_name}", style="yellow", hang=_HANG)
