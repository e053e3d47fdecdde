"""The page's table of profiles: as many as a browser bears, those that need attention first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bulkprof.model import Outcome, OutcomeKind
from bulkprof.text.printable import printable

MOST_ROWS = 20_000
"""Profiles that a page holds: it then is some ten megabytes, which every browser opens in a second or two."""
PAGE = 50
"""Rows that are shown at once."""
LONGEST = 600
"""Characters of a message that are shown."""
COLUMNS = ("Outcome", "Profile", "Account", "Region", "Model", "Row", "ARN or reason", "Tags")


@dataclass(frozen=True, slots=True)
class Table:
    """Profiles as rows of text."""

    rows: tuple[tuple[str, ...], ...]
    number: int
    """How many there are in all."""
    kinds: tuple[OutcomeKind, ...]
    """The outcomes that rows have."""
    left_out: str
    """What is not in the page, in words; empty where all is."""
    columns: tuple[str, ...] = COLUMNS
    page: int = PAGE


class Rows:
    """Takes a run's outcomes, and keeps those that the page holds."""

    def __init__(self) -> None:
        # By urgency: each part may fill the table alone, and the run has more than fits.
        self._parts: tuple[list[tuple[str, ...]], ...] = ([], [], [])
        self._number = 0

    def take(self, outcome: Outcome) -> None:
        """Keep an outcome, if there is room."""
        self._number += 1
        part = self._parts[0 if outcome.kind.needs_attention else 1 if outcome.kind.is_change else 2]
        if len(part) < MOST_ROWS:
            part.append(_row(outcome))

    def table(self) -> Table:
        """Return what fits."""
        rows = tuple(row for part in self._parts for row in part)[:MOST_ROWS]
        kinds = {row[0] for row in rows}
        left_out = (
            f"This page holds {len(rows):,} of {self._number:,} profiles: first those that need attention, then those "
            "that changed. All are in the results file: bulkprof report RUN --results FILE"
        )
        return Table(
            rows=rows,
            number=self._number,
            kinds=tuple(kind for kind in OutcomeKind if kind in kinds),
            left_out=left_out if self._number > len(rows) else "",
        )


def short(text: str) -> str:
    """Return the text, cut where it is too long for a page."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _row(outcome: Outcome) -> tuple[str, ...]:
    cells = (
        str(outcome.kind),
        outcome.name,
        outcome.target.account,
        outcome.target.region,
        outcome.model,
        f"{outcome.file}:{outcome.line}" if outcome.file else "",
        short(_why(outcome)),
        _tags(outcome.tags),
    )
    return tuple(map(printable, cells))


def _why(outcome: Outcome) -> str:
    """Return what is to be known of an outcome: its error, or the profile's ARN."""
    if outcome.error_code:
        return f"{outcome.error_code}: {outcome.error_message}" if outcome.error_message else outcome.error_code
    return f"{outcome.arn}, before: {outcome.old_arn}" if outcome.old_arn else outcome.arn


def _tags(tags: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in tags.items())
