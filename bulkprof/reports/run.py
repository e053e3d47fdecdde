"""A past run as people read it: whose it was, where and when, what it changed, and what needs attention."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from bulkprof.model import CHANGED, NEED_ATTENTION, Outcome
from bulkprof.reports.failures import EACH, failure_lines
from bulkprof.reports.lines import print_line
from bulkprof.reports.text import OUTCOME_STYLES, show_failures, show_outcomes, summary_line
from bulkprof.store.details import RunDetails
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary

if TYPE_CHECKING:
    from rich.console import Console


SHOWN = 40
"""Changes that are listed one by one before they are only counted."""


def show_run(console: Console, summary: RunSummary, run: RunFile, everything: str) -> None:
    """Print a run's report. `everything` is the command that writes all that is cut here. Blocks."""

    def say(line: str) -> None:
        print_line(console, line, hang=2)

    say(f"{summary.command}, {where_and_when(run.details())}")
    show_outcomes(console, summary)
    if summary.changed:
        say("Changed:")
        for outcome in islice(run.results(CHANGED), SHOWN):
            print_line(console, _changed(outcome), markup=True, hang=4)
        if summary.changed > SHOWN:
            say(f"  … and {summary.changed - SHOWN} more; all: {everything}")
    if failures := list(failure_lines(run)):
        say("Needs attention:")
        show_failures(console, failures)
        if sum(summary.outcomes.get(kind, 0) for kind in NEED_ATTENTION) > EACH:
            say(f"each row by itself: {everything}")
    say(summary_line(summary))


def where_and_when(details: RunDetails) -> str:
    """Return a run's estate and start, such as `estate platform, in the sandbox, started 2026-03-01 02:00 UTC`."""
    # Runs keep their start in UTC, as ISO writes it.
    start = details.started_at[:16].replace("T", " ")
    where = ", in the sandbox" if details.sandbox else ""
    return f"estate {details.estate}{where}{f', started {start} UTC' if start else ''}"


def _changed(outcome: Outcome) -> str:
    """Return a change as a line of rich markup."""
    from rich.markup import escape

    before = f", before: {outcome.old_arn}" if outcome.old_arn else ""
    what = f"{escape(str(outcome.target))} {escape(outcome.name)}  {escape(outcome.arn)}{escape(before)}"
    return f"  [{OUTCOME_STYLES[outcome.kind]}]{outcome.kind}[/]  {what}"
