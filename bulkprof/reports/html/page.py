"""The page: what a run's file holds, gathered in one reading, and put into the template.

Every value passes the template's escaping, and `printable` before it: names, tags and messages may hold anything.
jinja2 is imported where a page is made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from bulkprof._version import __version__
from bulkprof.errors import StateError
from bulkprof.model import OutcomeKind, Target
from bulkprof.reports.failures import Failures
from bulkprof.reports.html.picture import picture_of
from bulkprof.reports.html.table import Rows, Table, short
from bulkprof.reports.html.targets import TargetMap, map_of
from bulkprof.reports.text import counted
from bulkprof.statuses import RunStatus
from bulkprof.store.details import RunDetails
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.status import status_of, why_unfinished
from bulkprof.store.history.usage import kept_usage
from bulkprof.store.run import RunFile
from bulkprof.text.printable import printable
from bulkprof.totals import RunSummary

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_GROUPS = 50
MOST_LOST = 100
MOST_FILES = 10
"""How many groups of failures, lost profiles and manifests are named before the rest is only counted."""
EACH = 6
"""Profiles of a group of failures that are named."""
MARKS = {
    OutcomeKind.CREATED: "+",
    OutcomeKind.UPDATED: "~",
    OutcomeKind.ADOPTED: "◆",
    OutcomeKind.REPLACED: "⇄",
    OutcomeKind.DELETED: "-",
    OutcomeKind.UNCHANGED: "=",
    OutcomeKind.FAILED: "✕",
    OutcomeKind.UNKNOWN: "?",
    OutcomeKind.SKIPPED: "»",
    "good": "✓",
    "bad": "✕",
    "open": "…",
}
"""What stands beside each colour, so that none has to be seen."""
ICONS = {"good": "166b2e", "bad": "c0222d", "open": "8a5a00"}


@dataclass(frozen=True, slots=True)
class _Contents:
    """What is read of a run's outcomes."""

    targets: TargetMap
    failures: Failures
    table: Table


def run_page(run: RunFile, summary: RunSummary, state: StateDirectory) -> str:
    """Return a run's report as an HTML page. Blocks.

    `summary.since_last` is shown where it is given. Raises `StateError` where the file can't be read.
    """
    details, status = run.details(), status_of(run, state)
    notices = _notices(run, summary, details, state)
    try:
        usage = kept_usage(state, details.estate)
    except StateError as error:
        notices.append(f"What is used isn't known: {error}")
        usage = None
    contents = _read(run)
    mood = _mood(summary, status)
    return (
        _templates()
        .get_template("page.html")
        .render(
            summary=summary,
            details=details,
            status=str(status),
            mood=mood,
            icon=ICONS[mood],
            headline=_headline(summary, status),
            notices=notices,
            usage=usage if usage is not None and usage.sandbox == details.sandbox else None,
            since=summary.since_last,
            targets=contents.targets,
            groups=sorted(contents.failures.groups, key=lambda group: -group.count),
            table=contents.table,
            picture=picture_of(run.call_times(), details.slice_s, summary.calls),
            marks={str(name): mark for name, mark in MARKS.items()},
            version=__version__,
            MOST_GROUPS=MOST_GROUPS,
            MOST_LOST=MOST_LOST,
            MOST_FILES=MOST_FILES,
        )
    )


def _read(run: RunFile) -> _Contents:
    """Read every outcome once: a run may have a million."""
    counts: dict[Target, Counter[OutcomeKind]] = {}
    failures, rows = Failures(EACH), Rows()
    for outcome in run.results():
        counts.setdefault(outcome.target, Counter())[outcome.kind] += 1
        failures.take(outcome)
        rows.take(outcome)
    return _Contents(map_of(counts), failures, rows.table())


def _mood(summary: RunSummary, status: RunStatus) -> str:
    if status not in {RunStatus.FINISHED, RunStatus.REFUSED}:
        return "open"
    return "bad" if summary.exit_code or summary.lost else "good"


def _headline(summary: RunSummary, status: RunStatus) -> str:
    """Sum the run up in a few words."""
    if status is RunStatus.REFUSED:
        return "The run did not start"
    bad = sum(count for kind, count in summary.outcomes.items() if kind.needs_attention)
    parts = [f"{counted(bad, 'profile')} of {sum(summary.outcomes.values()):,} to look at"] if bad else []
    if summary.changed:
        parts.append(f"{summary.changed:,} changed")
    if not parts:
        parts.append("nothing to do, all in order" if not summary.invalid else "nothing changed")
    elif not bad and not summary.invalid and not summary.lost:
        parts.append("all in order")
    return ", ".join(parts)


def _notices(run: RunFile, summary: RunSummary, details: RunDetails, state: StateDirectory) -> list[str]:
    """Return what there is to say of how the run ended."""
    found = []
    if how := why_unfinished(run, state):
        found.append(f"{_capital(how)}.")
    if reason := summary.stopped or details.error:
        found.append(f"Why: {reason}")
    return found


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("bulkprof.reports.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number="{:,}".format,
        capital=_capital,
        counted=counted,
        duration=_duration,
        epoch=_epoch,
        moment=_moment,
        short=short,
    )
    return made


def _finalize(value: Any) -> Any:
    """Make each text printable that a template shows, but what it has escaped already."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _duration(seconds: float) -> str:
    """Return `75.4` as `1 min 15 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _moment(text: str) -> str:
    """Return an ISO date and time as people read it."""
    return f"{text[:19].replace('T', ' ')} UTC" if text else "not known"


def _epoch(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
