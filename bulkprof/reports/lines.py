"""Counts, plans and runs in one plain line each."""

from __future__ import annotations

from collections.abc import Mapping

from bulkprof.model import ActionKind
from bulkprof.totals import RunSummary

SIGNS: Mapping[ActionKind, str] = {
    ActionKind.CREATE: "+",
    ActionKind.UPDATE: "~",
    ActionKind.ADOPT: "~",
    ActionKind.REPLACE: "!",
    ActionKind.DELETE: "-",
    ActionKind.NONE: "=",
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
    """`1 row`, `2 rows`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def summary_line(summary: RunSummary) -> str:
    """What a run cost, in one line."""
    sent = sum(count.sent for count in summary.calls.values())
    throttled = sum(count.throttled for count in summary.calls.values())
    return f"Run {summary.run_id}: {sent} calls, {throttled} of them throttled, {summary.elapsed_s:.1f} s"
