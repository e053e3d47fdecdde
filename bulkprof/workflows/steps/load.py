"""From manifests to desired profiles in targets: rows are read, and rules applied.

The first reading is offline and leaves open what only AWS can tell: the caller's own account and Region, and which
accounts a selector chooses. Where anything is open, or filters are set, the rows are read a second time.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

import anyio.to_thread

from bulkprof.errors import BulkprofError, ManifestError, UsageError
from bulkprof.manifests.parallel.interpreters import end_early
from bulkprof.manifests.parallel.shares import ShareLostError, read_shares, share_out
from bulkprof.manifests.readers import merge_readers
from bulkprof.manifests.workbooks.places import located
from bulkprof.model import Problem
from bulkprof.rules.columns import check_needed
from bulkprof.rules.expand import Rules
from bulkprof.store.codec import Desired
from bulkprof.store.history.directory import is_run_file
from bulkprof.store.intake import SheetRow
from bulkprof.store.run import RunFile
from bulkprof.text.looks import visible
from bulkprof.ui import OnlyNew, Ui
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.rows import (
    Portion,
    Reading,
    merged_tags,
    refuse_equal_names,
    remember,
    rows_are_independent,
)

Manifests: TypeAlias = str | Path | Sequence[str | Path]
"""Manifest files, one or several; `-` is the standard input of the options."""
PROBLEMS = 100
"""How many problems the error of a run carries that they stopped; the `Ui` gets all of them."""
SHOWN = 10
"""How many columns that no rule reads are named."""
HELD = 2_000
"""Desired profiles of rows without a problem that are held before they are written."""


def as_list(manifests: Manifests) -> list[str]:
    """Manifests as the command line gives them. A single one needs no list, and must not be read as its letters.

    Raises `UsageError` for a file whose name isn't UTF-8: it could stand in no report; `TypeError` for what is no file.
    """
    given = (manifests,) if isinstance(manifests, str | bytes) or not isinstance(manifests, Iterable) else manifests
    names = []
    for manifest in given:
        if not isinstance(manifest, str | Path):
            raise TypeError(f"manifests are paths, not {type(manifest).__name__} ({manifest!r})")
        names.append(str(manifest))
    for name in names:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            shown = os.fsencode(name).decode(errors="backslashreplace")
            raise UsageError(f"{shown}: the file's name is not UTF-8, and could stand in no report; rename it")
    return names


def require_manifests(files: Iterable[str]) -> None:
    """Raise `UsageError` for a file that is a plan or a run, and no manifest."""
    for file in files:
        if is_run_file(Path(file)):
            raise UsageError(f"{file}: is a plan, not a manifest; `bulkprof apply` takes it, alone")


async def load_manifests(
    work: Workspace, run: RunFile, manifests: Sequence[str], rules: Rules, ui: Ui, *, again: bool = False
) -> int:
    """Read manifests, apply rules, and write desired profiles and problems to the run file; return how many rows.

    Problems are reported as they are found. Rows with a problem are left out whole. Whether the run may go on with the
    rest is the caller's to decide. Raises `ConfigError` where settings name columns that no manifest has, and
    `StopRequestedError` when the run stops meanwhile. `again` says that the same manifests were read before: what was
    noted about them then is not repeated.
    """
    read = work.registry.columns_read()
    found = await _read(work, run, manifests, rules, ui)
    ui.problems_end()
    if not again and read is not None and (unread := [column for column in found.attributes if column not in read]):
        ui.note(_unread(unread))
    # Where no row could be read, it isn't known what columns there are.
    some = found.attributes or found.fields or run.action_counts()[0]
    if some and not run.unreadable_count():
        check_needed(work.registry.fields_needed(), found.attributes, found.fields)
    return found.rows


async def read_offline(work: Workspace, run: RunFile, manifests: Sequence[str]) -> None:
    """Read all rows before anything is sent, so that invalid ones cost no call."""
    await load_manifests(work, run, manifests, work.rules(), work.ui)
    require_rows(run, skip_invalid=work.options.skip_invalid)


async def _read(work: Workspace, run: RunFile, manifests: Sequence[str], rules: Rules, ui: Ui) -> _Loaded:
    """Read manifests, large ones in several processes, where that finds the same."""
    try:
        if (found := await _read_in_shares(work, run, manifests, rules, ui)) is not None:
            return found
    except ShareLostError as error:
        ui.note(f"{error}: they are read again, by one process")
        ui = OnlyNew(ui, await forget_rows(run))
    finally:
        # A run may go on for hours: those that this reading had no use for must not wait all the time.
        end_early()
    readers, streams = merge_readers(work.registry), await work.streams(manifests)
    return await _write(work, run, Reading(rules, run.form, run.keeps_sheets).portions(manifests, readers, streams), ui)


async def _read_in_shares(
    work: Workspace, run: RunFile, manifests: Sequence[str], rules: Rules, ui: Ui
) -> _Loaded | None:
    """Read manifests in several processes; None where that wouldn't pay, or not find the same."""
    # Resolved accounts are remembered by the rules themselves, which every process has for itself.
    if rules.accounts.are_resolved or not rows_are_independent(work.registry):
        return None
    columns, most = work.registry.columns_read(), work.options.processes
    shares = await anyio.to_thread.run_sync(share_out, manifests, columns, most)
    if shares is None:
        return None
    # Rules remember what they have reported, so those that start again are others.
    share = Reading(rules.anew(), run.form, run.keeps_sheets)
    return await _write(work, run, read_shares(shares, share.portions_of_part, work.stop), ui)


class _Loaded(NamedTuple):
    rows: int
    attributes: Collection[str]
    """The columns that rules may read, in the order of the manifests."""
    fields: Collection[str]
    """The tags that rows may give (`tag:KEY`), and columns that plugins gave them."""


def _unread(columns: Sequence[str]) -> str:
    shown = ", ".join(map(visible, columns[:SHOWN]))
    more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
    return f"column{'s' * (len(columns) > 1)} read by no rule: {shown}{more}"


async def forget_rows(run: RunFile) -> set[tuple[str, int, str, str]]:
    """Forget what was read before, and return the places of the problems that were reported."""
    told = await run.off_loop(lambda: {problem.place for problem in run.problems()})
    await run.off_loop(run.clear_intake)
    return told


async def _write(work: Workspace, run: RunFile, portions: AsyncGenerator[Portion, None], ui: Ui) -> _Loaded:
    rows = 0
    attributes: dict[str, None] = {}
    fields: set[str] = set()
    sheets: dict[str, Mapping[str, str]] = {}
    writer = _Writer(run, ui)
    with ui.progress("reading rows", 0) as progress:
        async with writer, aclosing(portions):
            async for portion in portions:
                await work.stop.pause(0)
                if (sheet := portion.sheet) and sheet.label not in sheets:
                    sheets[sheet.label] = sheet.letters
                    await run.off_loop(partial(run.note, sheets=sheets))
                await writer.take(portion)
                if portion.cleanings:
                    await run.off_loop(partial(remember, run, portion.cleanings))
                rows += portion.rows
                attributes.update(dict.fromkeys(portion.attributes))
                fields.update(portion.fields)
                progress.step(portion.rows)
    clashes = run.clashes()
    while (found := await run.off_loop(partial(next, clashes, None))) is not None:
        await work.stop.pause(0)
        for problem in await run.off_loop(partial(refuse_equal_names, run, found)):
            ui.problem(problem)
    merged = merged_tags(run)
    while (problem := await run.off_loop(partial(next, merged, None))) is not None:
        await run.off_loop(partial(run.add_problems, [problem]))
        ui.problem(located(problem, sheets))
    await run.off_loop(run.end_intake)
    return _Loaded(rows, attributes, fields)


class _Writer:
    """Writes portions to the run file. Profiles are held until there are many: each call costs as much as some rows."""

    def __init__(self, run: RunFile, ui: Ui) -> None:
        self._run = run
        self._ui = ui
        self._held: list[Desired] = []
        self._written: list[SheetRow] = []

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        # Where the run ends in an error of a later row, those of earlier ones are reported nevertheless.
        if self._held and (kind is None or issubclass(kind, BulkprofError)):
            await self._write(())

    async def take(self, portion: Portion) -> None:
        """Hold its profiles, and report its problems."""
        if portion.written:
            before = len(self._held)
            self._written.extend(row._replace(first=before + row.first) for row in portion.written)
        self._held.extend(portion.wanted)
        if portion.problems or len(self._held) >= HELD:
            await self._write(portion.problems)

    async def _write(self, problems: Sequence[Problem]) -> None:
        held, self._held, written, self._written = self._held, [], self._written, []
        await self._run.off_loop(partial(self._run.add_desired, held, written))
        if problems:
            await self._run.off_loop(partial(self._run.add_problems, problems))
        for problem in problems:
            self._ui.problem(problem)


def require_rows(run: RunFile, *, skip_invalid: bool) -> None:
    """Raise `ManifestError` when rows are invalid (unless they may be skipped) or none are left."""
    if run.invalid_count() and not skip_invalid:
        rest = "Mend them, or go on with the rest: --skip-invalid"
        if run.details().prune or not run.action_counts()[0]:
            # There is no rest, or it can't be told from what is to be deleted.
            rest = "Mend them, and run it again"
        raise ManifestError(
            f"{problems_line(run.error_count(), run.invalid_count(), run.unreadable_count())}; nothing was changed. "
            f"{rest}",
            list(islice(run.problems(), PROBLEMS)),
        )
    if not run.action_counts()[0]:
        raise ManifestError("no usable row is left; nothing was changed")


def problems_line(problems: int, invalid: int, unreadable: int) -> str:
    """How many problems there are, and in how many invalid rows and files that can't be read."""
    places = [_count(number, what) for number, what in ((invalid - unreadable, "row"), (unreadable, "file")) if number]
    return f"{_count(problems, 'problem')} in {' and '.join(places)}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
