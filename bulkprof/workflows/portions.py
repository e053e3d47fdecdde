"""What manifests come to, a portion at a time: rows for the run file, and what is wrong with the manifests' rows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from bulkprof.manifests import Batch, Rejected, read_batches
from bulkprof.model import DesiredProfile, Problem
from bulkprof.plugins import Reader
from bulkprof.rules import Rules
from bulkprof.store.codec import Desired
from bulkprof.text.looks import TAG_PREFIX

LARGEST = 5_000
"""Desired profiles of one portion: a single row may fan out to hundreds of thousands."""


class Portion(NamedTuple):
    """What some rows of the manifests come to, in their order."""

    rows: int
    """How many rows of the manifests end here; 0 where more follows of the same ones."""
    wanted: list[Desired]
    problems: list[Problem]
    attributes: Sequence[str] = ()
    """The columns for rules that are new in these rows."""
    fields: Sequence[str] = ()
    """What else rows can give that is new: tags (`tag:KEY`), and columns that plugins added to rows."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Manifests, and how their rows are understood."""

    manifests: Sequence[str]
    readers: Mapping[str, Reader]
    rules: Rules
    form: Callable[[DesiredProfile], Desired]
    """Makes of a desired profile what the run file takes."""
    streams: Mapping[str, BinaryIO] = field(default_factory=dict)
    """Standard input and pipes that are among the manifests."""

    async def portions(self) -> AsyncGenerator[Portion, None]:
        """What all manifests come to, in order. Leave it early only through `contextlib.aclosing`."""
        async with aclosing(read_batches(self.manifests, self.readers, streams=self.streams)) as batches:
            async for batch in batches:
                for portion in self.portions_of(batch):
                    yield portion

    def portions_of(self, batch: Batch) -> Iterator[Portion]:
        """What a batch comes to. `PluginError` and `ConfigError` pass."""
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
        yield Portion(rows, wanted, problems, batch.cells.attributes.take(), [*tags, *self.rules.new_fields()])
