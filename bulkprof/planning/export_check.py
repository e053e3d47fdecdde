"""Whether the rows of an export pass the rules of the config: a plan of them will ask the same.

Profiles may have been made before a rule was, or by hand; and a manifest that was exported lacks the columns that the
rules of naming read. Such rows are exported nevertheless, and what refuses them is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bulkprof.config import ColumnNames
from bulkprof.errors import PluginError
from bulkprof.manifests.columns import KNOWN
from bulkprof.model import Problem, Request
from bulkprof.plugins.api import NeededField
from bulkprof.rules.columns import Found, missing_columns
from bulkprof.rules.expand import Rules
from bulkprof.text.looks import TAG_PREFIX

SHOWN = 5
"""Reasons that are told one by one."""


@dataclass(slots=True)
class _Reason:
    """Why rows are refused, by the first of them."""

    first: str
    rows: int = 0


@dataclass(slots=True)
class ExportCheck:
    """The rules tried on rows, one after the other."""

    rules: Rules
    rows: int = 0
    refused: int = 0
    fields: set[str] = field(default_factory=set)
    """The tags that rows give (`tag:KEY`)."""
    _reasons: dict[tuple[str, str], _Reason] = field(default_factory=dict)
    _failed: PluginError | None = None

    def take(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Try the rules on some rows. Blocks."""
        for row in rows:
            self.rows += 1
            self.fields.update(column for column in row if column.startswith(TAG_PREFIX))
            try:
                problems = self.rules.expand(_request(row)).problems if self._failed is None else ()
            except PluginError as error:
                # A plan can't go on with such a plugin, but an export needs none.
                self._failed = error
                continue
            errors = [problem for problem in problems if problem.is_error]
            self.refused += bool(errors)
            for problem in errors:
                self._count(row, problem)

    def _count(self, row: Mapping[str, str], problem: Problem) -> None:
        # What is said of a value differs from row to row.
        kind = (problem.column, problem.message if not problem.value else problem.remedy)
        if kind not in self._reasons:
            where = f"{row['account']}/{row['region']} {row['name']}"
            self._reasons[kind] = _Reason(f"{where}: {replace(problem, file='', line=0)}")
        self._reasons[kind].rows += 1

    def lacking(self, needed: Iterable[tuple[str, NeededField]], naming: ColumnNames) -> list[str]:
        """The columns that the config names and that rows of an export don't have."""
        missing = missing_columns(needed, naming, Found((), {*KNOWN, *self.fields}, names_are_made=False))
        return list(dict.fromkeys(each.column for each in missing))

    def lines(self) -> Iterator[str]:
        """What a plan of these rows with this config will refuse, for people; nothing where it takes them all."""
        if self._failed is not None:
            yield f"whether the rows pass the rules isn't known: {self._failed}"
        if not self.refused:
            return
        yield (
            f"{self.refused} of {self.rows} rows don't pass the rules of this config, so a plan refuses them: add what "
            "the rules ask for, or leave these rules out while you take the profiles over:"
        )
        for reason in list(self._reasons.values())[:SHOWN]:
            more = f" (and {reason.rows - 1} more)" if reason.rows > 1 else ""
            yield f"  {reason.first}{more}"
        if len(self._reasons) > SHOWN:
            yield f"  and {len(self._reasons) - SHOWN} more reasons"


def _request(row: Mapping[str, str]) -> Request:
    """The row as it will be read."""
    return Request(
        file="export",
        line=1,
        name=row["name"],
        models=(row["model"],),
        description=row["description"] or None,
        accounts=(row["account"],),
        regions=(row["region"],),
        tags={column.removeprefix(TAG_PREFIX): row[column] for column in row if column.startswith(TAG_PREFIX)},
    )
