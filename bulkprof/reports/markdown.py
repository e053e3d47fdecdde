"""A run as Markdown: for job summaries, pull requests and tickets.

Counts first, then what needs attention, then what changed; long lists are cut, since the places that show Markdown have
limits of their own. The results file has every row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice

from bulkprof.model import CHANGED, NEED_ATTENTION, Outcome, OutcomeKind
from bulkprof.reports.run import where_and_when
from bulkprof.reports.text import calls_line
from bulkprof.statuses import AT_WORK, RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.status import flags_to_resume, status_of, told_its_end, why_unfinished
from bulkprof.store.run import RunFile
from bulkprof.text.printable import printable
from bulkprof.totals import RunSummary

LISTED = 100
"""Rows of a table before the rest is only counted: GitHub shows 1 MiB of a job's summary."""
_LONGEST_CELL = 300
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&])")
_MENTION = re.compile(r"@(?=\w)")
"""GitHub looks for names after Markdown is done, so that a backslash doesn't keep it from notifying them."""


def run_markdown(summary: RunSummary, run: RunFile, state: StateDirectory) -> Iterator[str]:
    """Return a run's report, line by line. Blocks."""
    yield f"## bulkprof {cell(summary.command)}{' in the sandbox' if summary.sandbox else ''}: {_headline(summary)}"
    yield ""
    details = run.details()
    told = where_and_when(details)
    yield from (f"{cell(told[0].upper() + told[1:], None)}.", "")
    error = details.error
    if error and details.status is RunStatus.REFUSED:
        yield from (f"**The run did not start:** {cell(error, None)}", "")
    elif how := why_unfinished(run, state):
        how += f" ({cell(error, None)})" if error else ""
        command = " ".join(["bulkprof resume", summary.run_id, *flags_to_resume(run)])
        on = "" if status_of(run, state) in AT_WORK else f" To go on: `{command}`"
        yield from (f"**{how[0].upper()}{how[1:]}.**{on}", "")
    if told_its_end(run) and (missing := run.sinks_missing()):
        named = cell(", ".join(missing), None)
        yield from (f"**Not delivered:** {named}. To deliver: `bulkprof runs redeliver {summary.run_id}`", "")
    rows = [(str(kind), str(count)) for kind, count in summary.outcomes.items() if count]
    if summary.invalid:
        rows.append(("invalid rows left out", str(summary.invalid)))
    if rows:
        yield from table(("outcome", "profiles"), rows)
    yield from _listed(
        "To look at", NEED_ATTENTION, summary, run, _failure, ("row", "target", "profile", "outcome", "why")
    )
    if summary.lost:
        lost = ((str(each.target), cell(each.name), f"`{each.old_arn}`", f"`{each.run_id}`") for each in summary.lost)
        header = ("target", "profile", "deleted ARN", "by run")
        yield from _cut("### Without a profile: a replacement isn't whole", header, lost, len(summary.lost))
    yield from _listed("Changed", CHANGED, summary, run, _change, ("target", "profile", "outcome", "ARN"))
    yield f"Run `{summary.run_id}`: {calls_line(summary)}"


def _headline(summary: RunSummary) -> str:
    parts = [f"{count} {kind}" for kind, count in summary.outcomes.items() if count and kind != OutcomeKind.UNCHANGED]
    return ", ".join(parts) or "nothing to do"


def _listed(
    title: str,
    kinds: Collection[OutcomeKind],
    summary: RunSummary,
    run: RunFile,
    row: Callable[[Outcome], tuple[str, ...]],
    header: tuple[str, ...],
) -> Iterator[str]:
    total = sum(summary.outcomes.get(kind, 0) for kind in kinds)
    if total:
        found = map(row, run.results(kinds))
        yield from _cut(f"### {title}", header, found, total)


def _cut(title: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]], total: int) -> Iterator[str]:
    yield from (title, "")
    yield from table(header, islice(rows, LISTED))
    if total > LISTED:
        yield from (f"… and {total - LISTED} more.", "")


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Return a table, line by line, of cells that are Markdown."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _failure(outcome: Outcome) -> tuple[str, ...]:
    row = f"{outcome.file}:{outcome.line}" if outcome.file else ""
    why = f"{outcome.error_code}: {outcome.error_message}" if outcome.error_message else outcome.error_code
    return cell(row), cell(str(outcome.target)), cell(outcome.name), str(outcome.kind), cell(why)


def _change(outcome: Outcome) -> tuple[str, ...]:
    arns = _code(outcome.arn) + (f", before: {_code(outcome.old_arn)}" if outcome.old_arn else "")
    return cell(str(outcome.target)), cell(outcome.name), str(outcome.kind), arns


def cell(text: str, longest: int | None = _LONGEST_CELL) -> str:
    """Return text as it is, whatever characters of Markdown or lines it holds: it may be a manifest's or AWS's."""
    line = printable(" ".join(text.split()))
    if longest is not None and len(line) > longest:
        line = line[: longest - 1] + "…"
    return _MENTION.sub("@<!-- -->", _SPECIAL.sub(r"\\\1", line))


def _code(text: str) -> str:
    """Return text as code in a cell of a table, which a backtick would end, and a bar without its backslash, too."""
    shown = printable(text).replace("`", "'").replace("|", r"\|")
    return f"`{shown}`"
