"""What rules make of manifests, a portion at a time: desired profiles for the run file, and problems of rows."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from bulkprof.config import ColumnNames
from bulkprof.manifests.cells import Rejected
from bulkprof.manifests.columns import AS_WRITTEN
from bulkprof.manifests.flatten import BadValue
from bulkprof.manifests.parallel.parts import Part
from bulkprof.manifests.requests import Batch, read_batches
from bulkprof.manifests.workbooks.places import Sheet, located
from bulkprof.model import DesiredProfile, Problem, RawRow
from bulkprof.plugins import Reader
from bulkprof.plugins.registry import ROW_HOOKS, Registry
from bulkprof.rules.cleanings import Cleaning
from bulkprof.rules.expand import Rules
from bulkprof.store.codec import Desired
from bulkprof.store.intake import SheetRow
from bulkprof.text.looks import TAG_PREFIX

LARGEST = 5_000
"""Desired profiles of one portion: a single row may fan out to hundreds of thousands."""


class Portion(NamedTuple):
    """What rules make of some rows of the manifests, in their order."""

    rows: int
    """How many rows of the manifests end here; 0 where more follows of the same ones."""
    wanted: list[Desired]
    problems: list[Problem]
    attributes: Sequence[str] = ()
    """The columns for rules that are new in these rows."""
    fields: Sequence[str] = ()
    """What else rows can give that is new: known columns, tags (`tag:KEY`), and columns that plugins added to rows."""
    sheet: Sheet | None = None
    """The sheet of a workbook that they come from."""
    written: Sequence[SheetRow] = ()
    """The rows as they are written, where they are kept."""
    cleanings: Sequence[Cleaning] = ()
    """The names and tags of these rows that plugins cleaned, tags of other rows not again."""
    names_are_made: bool = False
    """Whether rules have had to make a name up to here."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are understood. Another process can do the same: all of it can be pickled."""

    rules: Rules
    form: Callable[[DesiredProfile], Desired]
    """Makes of a desired profile what the run file takes."""
    keeps_sheets: bool = False
    """Whether rows are kept as they are written, too."""
    naming: ColumnNames = AS_WRITTEN
    """What the config says of the headers of sheets."""

    async def portions(
        self,
        manifests: Sequence[str],
        readers: Mapping[str, Reader],
        streams: Mapping[str, BinaryIO],
        places: Mapping[str, str],
    ) -> AsyncGenerator[Portion, None]:
        """Yield the portions of all manifests, in order. Leave it early only through `contextlib.aclosing`.

        `streams` are standard input and pipes that are among the manifests, `places` files that are elsewhere on this
        disk than they are called.
        """
        rows = read_batches(manifests, readers, streams=streams, places=places, naming=self.naming)
        async with aclosing(rows) as batches:
            async for batch in batches:
                for portion in self.portions_of(batch):
                    yield portion

    def portions_of_part(self, part: Part) -> Iterator[Portion]:
        """Yield the portions of a part of a manifest.

        Raises `ValueError` for a file without rows: what there is to say of it is said where it is read whole.
        """
        some = False
        for batch in part.batches():
            some = True
            yield from self.portions_of(batch)
        if not some and not part.span.start:
            raise ValueError("the file has no rows")

    def portions_of(self, batch: Batch) -> Iterator[Portion]:
        """Yield the portions of a batch. `PluginError` and `ConfigError` pass."""
        expand, form = self.rules.expand, self.form
        wanted: list[Desired] = []
        problems: list[Problem] = []
        rows = len(batch.rows)
        last: Problem | None = None
        sheet = batch.cells.sheet
        sheets = {sheet.label: sheet.letters} if sheet else {}
        kept: dict[int, RawRow | Problem] | None = {} if self.keeps_sheets else None
        written = iter(batch.rows)
        for item in batch.understood():
            if kept is not None:
                # A row that asks for nothing makes room for the next one.
                kept[len(wanted)] = next(written)
            if not isinstance(item, Rejected):
                expansion = expand(item)
            elif item.request is not None and item.mendable:
                expansion = expand(item.request, item.problems)
            elif item.request is not None:
                found = self.rules.all_problems(item.request, item.problems)
                problems.extend(located(problem, sheets) for problem in found)
                continue
            else:
                problems.extend(item.problems)
                # What is wrong with a whole file stands in the place of its rows, and is none.
                rows -= any(not problem.line or _is_again(problem, last) for problem in item.problems)
                last = item.problems[-1] if item.problems else last
                continue
            problems.extend(located(problem, sheets) for problem in expansion.problems)
            if expansion.profiles.__class__ is tuple:
                wanted.extend(map(form, expansion.profiles))
            else:
                for profile in expansion.profiles:
                    wanted.append(form(profile))
                    if len(wanted) >= LARGEST:
                        yield Portion(0, wanted, problems, written=_written(kept), cleanings=self.rules.new_cleanings())
                        wanted, problems, kept = [], [], None if kept is None else {}
            if len(wanted) >= LARGEST:
                yield Portion(0, wanted, problems, written=_written(kept), cleanings=self.rules.new_cleanings())
                wanted, problems, kept = [], [], None if kept is None else {}
        tags = [f"{TAG_PREFIX}{key}" for key in batch.cells.tags.take()]
        fields = [*batch.cells.known_columns.take(), *tags, *self.rules.new_fields()]
        attributes, cleanings, made = (
            batch.cells.attributes.take(),
            self.rules.new_cleanings(),
            self.rules.names_are_made,
        )
        yield Portion(rows, wanted, problems, attributes, fields, sheet, _written(kept), cleanings, made)


def _is_again(problem: Problem, last: Problem | None) -> bool:
    """Whether two problems are of one header, or of one row."""
    return last is not None and last.place[:3] == problem.place[:3]


def _written(kept: Mapping[int, RawRow | Problem] | None) -> list[SheetRow]:
    return [
        SheetRow(first, tuple(row.cells), json.dumps(list(row.cells.values()), ensure_ascii=False, default=_as_text))
        for first, row in (kept or {}).items()
        if isinstance(row, RawRow)
    ]


def _as_text(cell: object) -> str:
    """What JSON has no value for: a cell that can't be used, in a column that nothing reads."""
    return cell.text if isinstance(cell, BadValue) else str(cell)


def rows_are_independent(registry: Registry) -> bool:
    """Return whether all plugins with hooks about rows say that they judge each row by itself."""
    names = {found.plugin for hook in ROW_HOOKS for found in registry.implementations(hook)}
    return all(getattr(registry.objects[name], "independent_rows", False) for name in names)
