"""A run as people read it: summed up in a line, and as tables.

rich takes long to import, so it is left to the functions that draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bulkprof.model import OutcomeKind
from bulkprof.reports.lines import print_line
from bulkprof.totals import RunSummary

if TYPE_CHECKING:
    from rich.console import Console

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


def counted(number: int, word: str) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def summary_line(summary: RunSummary) -> str:
    """Sum up in one line what a run cost."""
    return f"Run {summary.run_id}: {calls_line(summary)}"


def calls_line(summary: RunSummary) -> str:
    """Return the calls and the time that a run took, and where it wasn't AWS that took them."""
    sent = sum(count.sent for count in summary.calls.values())
    throttled = sum(count.throttled for count in summary.calls.values())
    where = "in the sandbox, " if summary.sandbox else ""
    return f"{where}{counted(sent, 'call')}, {throttled} of them throttled, {summary.elapsed_s:.1f} s"


def show_summary(console: Console, summary: RunSummary, failures: Iterable[str]) -> None:
    """Print a run's end: a table of outcomes, then what failed."""
    if not summary.changed and summary.exit_code == 0:
        console.print("Nothing to do: all that the manifests want is there.")
    show_outcomes(console, summary)
    show_failures(console, failures)
    since = summary.since_last
    if since and since.has_news:
        print_line(console, str(since), hang=2)
    print_line(console, summary_line(summary), hang=2)


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
        print_line(console, line, style="red", hang=2)
