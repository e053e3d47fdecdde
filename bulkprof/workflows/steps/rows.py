"""What rules make of manifests, a portion at a time: desired profiles for the run file, and problems of rows."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import BinaryIO, NamedTuple

from bulkprof.manifests.cells import Rejected
from bulkprof.manifests.parallel.parts import Part
from bulkprof.manifests.requests import Batch, read_batches
from bulkprof.manifests.workbooks.places import Sheet, located
from bulkprof.model import DesiredProfile, Problem, RawRow, Severity, Target
from bulkprof.plugins import Reader
from bulkprof.plugins.registry import ROW_HOOKS, Registry
from bulkprof.rules.cleanings import NAME, Cleaning
from bulkprof.rules.expand import Rules
from bulkprof.store.codec import Desired
from bulkprof.store.intake import Clash, SheetRow
from bulkprof.store.run import RunFile
from bulkprof.text.looks import TAG_PREFIX

LARGEST = 5_000
"""Desired profiles of one portion: a single row may fan out to hundreds of thousands."""
_MERGED = 4
"""Values that became one, of which a warning names no more."""
_ANY = Target("", "")


class Portion(NamedTuple):
    """What rules make of some rows of the manifests, in their order."""

    rows: int
    """How many rows of the manifests end here; 0 where more follows of the same ones."""
    wanted: list[Desired]
    problems: list[Problem]
    attributes: Sequence[str] = ()
    """The columns for rules that are new in these rows."""
    fields: Sequence[str] = ()
    """What else rows can give that is new: tags (`tag:KEY`), and columns that plugins added to rows."""
    sheet: Sheet | None = None
    """The sheet of a workbook that they come from."""
    written: Sequence[SheetRow] = ()
    """The rows as they are written, where they are kept."""
    cleanings: Sequence[Cleaning] = ()
    """The names and tags of these rows that plugins cleaned, tags of other rows not again."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are understood. Another process can do the same: all of it can be pickled."""

    rules: Rules
    form: Callable[[DesiredProfile], Desired]
    """Makes of a desired profile what the run file takes."""
    keeps_sheets: bool = False
    """Whether rows are kept as they are written, too."""

    async def portions(
        self, manifests: Sequence[str], readers: Mapping[str, Reader], streams: Mapping[str, BinaryIO]
    ) -> AsyncGenerator[Portion, None]:
        """Yield the portions of all manifests, in order. Leave it early only through `contextlib.aclosing`.

        `streams` are standard input and pipes that are among the manifests.
        """
        async with aclosing(read_batches(manifests, readers, streams=streams)) as batches:
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
                problems.extend(self.rules.all_problems(item.request, item.problems))
                continue
            else:
                problems.extend(item.problems)
                # What is wrong with a whole file stands in the place of its rows, and is none.
                rows -= any(not problem.line for problem in item.problems)
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
        fields = [*tags, *self.rules.new_fields()]
        attributes, cleanings = batch.cells.attributes.take(), self.rules.new_cleanings()
        yield Portion(rows, wanted, problems, attributes, fields, sheet, _written(kept), cleanings)


def _written(kept: Mapping[int, RawRow | Problem] | None) -> list[SheetRow]:
    return [
        SheetRow(first, tuple(row.cells), json.dumps(list(row.cells.values()), ensure_ascii=False, default=str))
        for first, row in (kept or {}).items()
        if isinstance(row, RawRow)
    ]


def rows_are_independent(registry: Registry) -> bool:
    """Return whether all plugins with hooks about rows say that they judge each row by itself."""
    names = {found.plugin for hook in ROW_HOOKS for found in registry.implementations(hook)}
    return all(getattr(registry.objects[name], "independent_rows", False) for name in names)


def remember(run: RunFile, cleanings: Sequence[Cleaning]) -> None:
    """Keep what was cleaned until all rows are read: only then it is known what became the same."""
    run.add_cleaned(
        ((one.file, one.line, one.value, one.given) for one in cleanings if one.column == NAME),
        ((one.column, one.value, one.given, one.file, one.line) for one in cleanings if one.column != NAME),
    )


def merged_tags(run: RunFile) -> Iterator[Problem]:
    """Yield a warning for each value of a tag that different values became by cleaning."""
    for (column, value, count), given in run.merged(_MERGED):
        shown = [f"{one.given!r} ({one.file}:{one.line})" for one in given]
        both = "both" if count == 2 else "all"
        last = f"{count - len(shown)} more" if count > len(shown) else shown.pop()
        message = f"{', '.join(shown)} and {last} {both} become {value!r}"
        yield Problem(message, given[1].file, given[1].line, column, severity=Severity.WARNING)


def refuse_equal_names(run: RunFile, clashes: Sequence[Clash]) -> list[Problem]:
    """Make rows of equal names invalid, and return the problems that say so."""
    found = list(_clash_problems(clashes))
    run.add_problems(found)
    # It can't be said which of the two is meant, so neither is made.
    run.add_invalid({(clash.first_file, clash.first_line) for clash in clashes})
    sheets = run.details().sheets
    return [located(problem, sheets) for problem in found]


def _clash_problems(clashes: Iterable[Clash]) -> Iterator[Problem]:
    """One problem for each two rows and name, however many targets they meet in."""
    met: dict[Clash, list[Target]] = {}
    for clash in clashes:
        met.setdefault(replace(clash, target=_ANY), []).append(clash.target)
    for clash, targets in met.items():
        where = str(targets[0]) if len(targets) == 1 else f"{len(targets)} targets ({targets[0]}, …)"
        given, first = clash.given or clash.name, clash.first_given or clash.name
        made = f": there it is made of {first!r}, here of {given!r}" if given != first else ""
        yield Problem(
            f"the same name in {where} as {clash.first_file}:{clash.first_line}{made}",
            file=clash.file,
            line=clash.line,
            column="name",
            value=clash.name,
            remedy="give one of them another name, account or region",
        )
