"""What rules make of manifests, a portion at a time: desired profiles for the run file, and problems of rows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from bulkprof.config import ColumnNames
from bulkprof.manifests.cells import Rejected
from bulkprof.manifests.columns import AS_WRITTEN
from bulkprof.manifests.parallel.parts import Part
from bulkprof.manifests.requests import Batch, read_batches
from bulkprof.model import DesiredProfile, Problem, Target
from bulkprof.plugins import Reader
from bulkprof.plugins.registry import ROW_HOOKS, Registry
from bulkprof.rules.expand import Rules
from bulkprof.store.codec import Desired
from bulkprof.store.intake import Clash
from bulkprof.store.run import RunFile
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
    names_are_made: bool = False
    """Whether rules have had to make a name up to here."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are understood. Another process can do the same: all of it can be pickled."""

    rules: Rules
    form: Callable[[DesiredProfile], Desired]
    """Makes of a desired profile what the run file takes."""
    naming: ColumnNames = AS_WRITTEN
    """What the config says of the headers of sheets."""

    async def portions(
        self, manifests: Sequence[str], readers: Mapping[str, Reader], streams: Mapping[str, BinaryIO]
    ) -> AsyncGenerator[Portion, None]:
        """Yield the portions of all manifests, in order. Leave it early only through `contextlib.aclosing`.

        `streams` are standard input and pipes that are among the manifests.
        """
        async with aclosing(read_batches(manifests, readers, streams=streams, naming=self.naming)) as batches:
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
        for item in batch.understood():
            if not isinstance(item, Rejected):
                expansion = expand(item)
            elif item.request is not None and self.rules.prepares:
                expansion = expand(item.request, item.problems)
            else:
                problems.extend(item.problems)
                # What is wrong with a whole file stands in the place of its rows, and is none.
                rows -= any(not problem.line for problem in item.problems)
                continue
            problems.extend(expansion.problems)
            if expansion.profiles.__class__ is tuple:
                wanted.extend(map(form, expansion.profiles))
            else:
                for profile in expansion.profiles:
                    wanted.append(form(profile))
                    if len(wanted) >= LARGEST:
                        yield Portion(0, wanted, problems)
                        wanted, problems = [], []
            if len(wanted) >= LARGEST:
                yield Portion(0, wanted, problems)
                wanted, problems = [], []
        tags = [f"{TAG_PREFIX}{key}" for key in batch.cells.tags.take()]
        fields = [*batch.cells.known_columns.take(), *tags, *self.rules.new_fields()]
        yield Portion(rows, wanted, problems, batch.cells.attributes.take(), fields, self.rules.names_are_made)


def rows_are_independent(registry: Registry) -> bool:
    """Return whether all plugins with hooks about rows say that they judge each row by itself."""
    names = {found.plugin for hook in ROW_HOOKS for found in registry.implementations(hook)}
    return all(getattr(registry.objects[name], "independent_rows", False) for name in names)


def refuse_clashes(run: RunFile, clashes: Sequence[Clash]) -> None:
    """Make rows of equal names invalid, with the problems that say so."""
    run.add_problems(_clash_problems(clashes))
    # It can't be said which of the two is meant, so neither is made.
    run.add_invalid({(clash.first_file, clash.first_line) for clash in clashes})


def _clash_problems(clashes: Iterable[Clash]) -> Iterator[Problem]:
    """One problem for each two rows and name, however many targets they meet in."""
    met: dict[tuple[str, int, str, str, int], list[Target]] = {}
    for clash in clashes:
        key = (clash.file, clash.line, clash.name, clash.first_file, clash.first_line)
        met.setdefault(key, []).append(clash.target)
    for (file, line, name, first_file, first_line), targets in met.items():
        where = str(targets[0]) if len(targets) == 1 else f"{len(targets)} targets ({targets[0]}, …)"
        yield Problem(
            f"the same name in {where} as {first_file}:{first_line}",
            file=file,
            line=line,
            column="name",
            value=name,
            remedy="give one of them another name, account or region",
        )
