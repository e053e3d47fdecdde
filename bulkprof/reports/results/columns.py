"""Results as rows: bulkprof's columns, then the manifest's own as they are named there, where they are kept.

An own column whose name is one of bulkprof's has `manifest:` in front. Names are compared without regard to case, as
spreadsheets and databases do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from bulkprof.model import Outcome
from bulkprof.plugins.results import RESULT_COLUMNS, outcome_cells, outcome_json, outcome_record
from bulkprof.store.run import RunFile
from bulkprof.text.looks import folded
from bulkprof.text.printable import json_text, spreadsheet_cells

PREFIX = "manifest:"


def own_names(columns: Iterable[str]) -> dict[str, str]:
    """Return the manifest's own columns with their names among the results."""
    columns = list(columns)
    taken = {*RESULT_COLUMNS, *(folded(name) for name in columns if folded(name) not in RESULT_COLUMNS)}
    found = {}
    for column in columns:
        name = column
        if folded(column) in RESULT_COLUMNS:
            while folded(name) in taken:
                name = PREFIX + name
            taken.add(folded(name))
        found[column] = name
    return found


class Results:
    """A run's results, one row for each desired profile or deletion, in the manifests' order."""

    def __init__(self, run: RunFile) -> None:
        self._run = run
        self._own = own_names(run.sheet_columns())

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self._run.action_counts())

    def header(self, *, raw: bool) -> list[str]:
        """Return the columns' names; `raw` as of `outcome_cells`."""
        own = list(self._own.values())
        return [*RESULT_COLUMNS, *(own if raw else spreadsheet_cells(own))]

    def cells(self, *, raw: bool) -> Iterator[list[str]]:
        """Return rows for `csv.writer`, as `outcome_cells` has them."""
        if not self._own:
            return map(partial(outcome_cells, raw=raw), self._run.results())
        return self._own_cells(raw=raw)

    def _own_cells(self, *, raw: bool) -> Iterator[list[str]]:
        for outcome in self._run.results():
            own = [text_of(value) for value in self._values(outcome)]
            yield outcome_cells(outcome, raw=raw) + (own if raw else spreadsheet_cells(own))

    def json_lines(self) -> Iterator[str]:
        """Return lines of JSON Lines, as `outcome_json` has them."""
        if not self._own:
            return map(outcome_json, self._run.results())
        return (json_text(record) + "\n" for record in self.records())

    def records(self) -> Iterator[dict[str, Any]]:
        """Return rows by their columns, as `outcome_record` has them."""
        names = self._own.values()
        for outcome in self._run.results():
            yield outcome_record(outcome) | dict(zip(names, self._values(outcome), strict=True))

    def _values(self, outcome: Outcome) -> list[Any]:
        """Return the outcome's row as it is written; a deletion is of none, and a row may lack what others have."""
        row = self._run.sheet_row(outcome.action_id) if outcome.file else {}
        return [row.get(column, "") for column in self._own]


def text_of(value: Any) -> str:
    """Return a manifest's value as a cell's text: JSON's lists and objects as JSON, null as nothing."""
    if isinstance(value, str):
        return value
    return "" if value is None else json_text(value)
