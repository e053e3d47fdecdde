"""What is read goes to the run file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from bulkprof.errors import BulkprofError
from bulkprof.model import Problem
from bulkprof.rules.columns import Found
from bulkprof.store.codec import Desired
from bulkprof.store.intake import SheetRow
from bulkprof.store.run import RunFile
from bulkprof.workflows.steps.intake.rows import Portion
from bulkprof.workflows.steps.intake.teller import Teller

HELD = 2_000
"""Desired profiles of rows without a problem that are held before they are written."""


class Writer:
    """Writes portions to the run file. Profiles are held until there are many: each call costs as much as some rows."""

    def __init__(self, run: RunFile, teller: Teller) -> None:
        self._run = run
        self._teller = teller
        self._held: list[Desired] = []
        self._written: list[SheetRow] = []
        self._attributes: dict[str, None] = {}
        self._fields: set[str] = set()
        self._names_are_made = False
        self._sheets: dict[str, Mapping[str, str]] = {}
        """The sheets of workbooks, noted once all are read: each note is as long as all of them."""

    @property
    def found(self) -> Found:
        """The columns that came up."""
        return Found(self._attributes, self._fields, self._names_are_made)

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        # Where the run ends in an error of a later row, those of earlier ones are kept nevertheless.
        if kind is not None and not issubclass(kind, BulkprofError):
            return
        if self._sheets:
            await self._run.off_loop(partial(self._run.note, sheets=self._sheets))
        if self._held:
            await self._write(())

    async def take(self, portion: Portion) -> None:
        """Hold its profiles, and report its problems."""
        if portion.sheet:
            self._sheets[portion.sheet.label] = portion.sheet.letters
        if portion.written:
            before = len(self._held)
            self._written.extend(row._replace(first=before + row.first) for row in portion.written)
        self._held.extend(portion.wanted)
        self._attributes.update(dict.fromkeys(portion.attributes))
        self._fields.update(portion.fields)
        self._names_are_made = self._names_are_made or portion.names_are_made
        if portion.problems or len(self._held) >= HELD:
            await self._write(portion.problems)

    async def _write(self, problems: Sequence[Problem]) -> None:
        held, self._held, written, self._written = self._held, [], self._written, []
        await self._run.off_loop(partial(self._run.add_desired, held, written))
        if problems:
            await self._run.off_loop(partial(self._run.add_problems, problems))
            await self._teller.tell(problems, self.found)
