"""What rules make of manifests, a portion at a time: desired profiles for the run file, and problems of rows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, NamedTuple

from bulkprof.config import ColumnNames
from bulkprof.manifests.cells import Rejected
from bulkprof.manifests.columns import AS_WRITTEN
from bulkprof.manifests.parallel.parts import Part
from bulkprof.manifests.requests import Batch, read_batches
from bulkprof.model import DesiredProfile, Problem, Target
from bulkprof.plugins import NeededField, Reader
from bulkprof.plugins.registry import ROW_HOOKS, Registry
from bulkprof.rules.columns import Found, Missing, missing_columns
from bulkprof.rules.expand import Rules
from bulkprof.store.codec import Desired
from bulkprof.store.intake import Clash
from bulkprof.store.run import RunFile
from bulkprof.text.looks import TAG_PREFIX
from bulkprof.ui import OnlyNew, Ui

LARGEST = 5_000
"""Desired profiles of one portion: a single row may fan out to hundreds of thousands."""
AT_ONCE = 100
"""Problems that are read from the run file at once."""


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


class Teller:
    """Tells the problems of rows as they are found, unless the config is what is wrong.

    While no manifest has a column that the config names, problems wait: all rows may have the same one, and it is told
    once then.
    """

    def __init__(self, run: RunFile, ui: Ui, naming: ColumnNames, needed: Sequence[tuple[str, NeededField]]) -> None:
        """`needed` is what plugins need, with their names."""
        self.ui = ui
        self.told = 0
        """How many of the run's problems were told, from the first on."""
        self._run = run
        self._naming = naming
        self._needed = needed
        self._waits = False

    def missing(self, found: Found) -> Sequence[Missing]:
        """Return the columns that the config names, and that manifests don't have as far as they are read."""
        if not found.attributes and not found.fields:
            # Without a row, it isn't known what columns there are.
            return ()
        return missing_columns(self._needed, self._naming, found)

    async def tell(self, problems: Sequence[Problem], found: Found) -> None:
        """Tell problems that were just kept, unless they have to wait; with them, those that had to wait so far."""
        if self.missing(found):
            self._waits = True
        elif self._waits:
            await self.tell_rest()
        else:
            self.told += len(problems)
            for problem in problems:
                self.ui.problem(problem)

    async def tell_rest(self, missing: Sequence[Missing] = ()) -> None:
        """Tell all problems that weren't told yet, but for those that rows have since a column is missing."""
        self._waits = False
        rest = islice(self._run.problems(), self.told, None)
        while some := await self._run.off_loop(lambda: list(islice(rest, AT_ONCE))):
            self.told += len(some)
            for problem in some:
                if not any(each.explains(problem) for each in missing):
                    self.ui.problem(problem)

    def begin_again(self, told: Collection[tuple[str, int, str, str]]) -> None:
        """Get ready for the same rows once more; `told` are the places of the problems that needn't be told again."""
        self.ui, self.told, self._waits = OnlyNew(self.ui, told), 0, False


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
