"""From manifests to desired profiles in targets: rows are read, and rules applied.

The first reading is offline and leaves open what only AWS can tell: the caller's own account and Region, and which
accounts a selector chooses. Where anything is open, or filters are set, the rows are read a second time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread

from bulkprof.config import is_s3
from bulkprof.errors import BulkprofError, ConfigError, ManifestError, UsageError
from bulkprof.manifests.columns import check_targets
from bulkprof.manifests.parallel.interpreters import end_early
from bulkprof.manifests.parallel.shares import ShareLostError, read_shares, share_out
from bulkprof.manifests.readers import merge_readers
from bulkprof.problem import Place
from bulkprof.rules.columns import Found, missing_lines
from bulkprof.rules.expand import Rules
from bulkprof.store.history.directory import is_run_file, is_share
from bulkprof.store.run import RunFile
from bulkprof.text.looks import folded, visible
from bulkprof.ui import Ui
from bulkprof.workflows.steps.context import Fetched, Workspace
from bulkprof.workflows.steps.intake.equal import merged_tags, refuse_equal_names, remember
from bulkprof.workflows.steps.intake.rows import Portion, Reading, rows_are_independent
from bulkprof.workflows.steps.intake.teller import Teller
from bulkprof.workflows.steps.intake.writer import Writer

PROBLEMS = 100
"""How many problems the error of a run carries that they stopped; the `Ui` gets all of them."""
SHOWN = 10
"""How many columns that no rule reads are named."""


class Loaded(NamedTuple):
    """What was read."""

    rows: int
    unread: Sequence[str]
    """The columns that no rule reads, as far as that is known."""


def require_manifests(files: Iterable[str]) -> None:
    """Raise `UsageError` for a file that is a plan, a share or a run, and no manifest."""
    for file in files:
        if is_run_file(Path(file)):
            what = "share" if is_share(file) else "plan"
            raise UsageError(f"{file}: is a {what}, not a manifest; `bulkprof apply` takes it, alone")


async def load_manifests(
    work: Workspace, run: RunFile, manifests: Sequence[str], rules: Rules, ui: Ui, *, again: bool = False
) -> Loaded:
    """Read manifests, apply rules, and write desired profiles and problems to the run file.

    Problems are reported as they are found. Rows with a problem are left out whole. Whether the run may go on with the
    rest is the caller's to decide. Raises `ConfigError` where settings name columns that no manifest has, and
    `StopRequestedError` when the run stops meanwhile. `again` says that the same manifests were read before: what was
    noted about them then is not repeated.
    """
    check_targets(work.naming)
    teller = Teller(run, ui, work.naming, work.registry.fields_needed())
    try:
        found, rows = await _read(work, run, manifests, rules, teller)
    except BulkprofError:
        # Problems of earlier rows are told nevertheless.
        await teller.tell_rest()
        raise
    missing = teller.missing(found) if not run.unreadable_count() else ()
    await teller.tell_rest(missing)
    ui.problems_end()
    unread = _unread_columns(work, found.attributes)
    if unread and not again:
        ui.note(_unread(unread))
    if missing:
        raise ConfigError(missing_lines(missing, found))
    return Loaded(rows, unread)


async def read_offline(work: Workspace, run: RunFile, manifests: Sequence[str]) -> None:
    """Read all rows before anything is sent, so that invalid ones cost no call."""
    await load_manifests(work, run, manifests, work.rules(), work.ui)
    require_rows(run, skip_invalid=work.options.skip_invalid)


async def _read(
    work: Workspace, run: RunFile, manifests: Sequence[str], rules: Rules, teller: Teller
) -> tuple[Found, int]:
    """Read manifests, large ones in several processes, where that finds the same."""
    here = await _here(work, run, manifests)
    manifests, places = here.labels, here.places
    try:
        if (found := await _read_in_shares(work, run, here, rules, teller)) is not None:
            return found
    except ShareLostError as error:
        teller.ui.note(f"{error}: they are read again, by one process")
        teller.begin_again(await forget_rows(run, teller.told))
    finally:
        # A run may go on for hours: those that this reading had no use for must not wait all the time.
        end_early()
    readers, streams = merge_readers(work.registry, work.naming), await work.streams(manifests)
    reading = Reading(rules, run.form, run.keeps_sheets, work.naming)
    return await _write(work, run, reading.portions(manifests, readers, streams, places), teller)


async def _here(work: Workspace, run: RunFile, manifests: Sequence[str]) -> Fetched:
    """Return the manifests as they are read: those of S3 from this disk, where they come once."""
    if not any(map(is_s3, manifests)):
        return Fetched(manifests)
    # It loads what sends calls.
    from bulkprof.workflows.steps.intake.fetch import fetch

    return await fetch(work, run, manifests)


async def _read_in_shares(
    work: Workspace, run: RunFile, here: Fetched, rules: Rules, teller: Teller
) -> tuple[Found, int] | None:
    """Read manifests in several processes; None where that wouldn't pay, or not find the same."""
    # Resolved accounts are remembered by the rules themselves, which every process has for itself; and no other process
    # has the plugins of this program.
    if rules.accounts.are_resolved or work.options.plugins or not rows_are_independent(work.registry):
        return None
    columns, most = work.registry.columns_read(), work.options.processes
    cut = partial(share_out, here.labels, columns, most, work.naming, here.places)
    shares = await anyio.to_thread.run_sync(cut)
    if shares is None:
        return None
    # Rules remember what they have reported, so those that start again are others.
    share = Reading(rules.anew(), run.form, run.keeps_sheets, work.naming)
    return await _write(work, run, read_shares(shares, share.portions_of_part, work.stop), teller)


def _unread_columns(work: Workspace, attributes: Iterable[str]) -> list[str]:
    """Return those of the manifests' columns that no rule reads; none where a plugin may read any column."""
    read = work.registry.columns_read()
    if read is None:
        return []
    plain = set(map(folded, read))
    return [column for column in attributes if folded(column) not in plain]


def _unread(columns: Sequence[str]) -> str:
    shown = ", ".join(map(visible, columns[:SHOWN]))
    more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
    return f"column{'s' * (len(columns) > 1)} read by no rule: {shown}{more}"


async def forget_rows(run: RunFile, count: int | None = None) -> set[Place]:
    """Forget what was read before, and return the places of the problems that were told: all, or the first `count`."""
    told = await run.off_loop(lambda: {problem.place for problem in islice(run.problems(), count)})
    await run.off_loop(run.clear_intake)
    return told


async def _write(
    work: Workspace, run: RunFile, portions: AsyncGenerator[Portion, None], teller: Teller
) -> tuple[Found, int]:
    rows = 0
    writer = Writer(run, teller)
    with teller.ui.progress("reading rows", 0) as progress:
        async with writer, aclosing(portions):
            async for portion in portions:
                await work.stop.pause(0)
                await writer.take(portion)
                if portion.cleanings:
                    await run.off_loop(partial(remember, run, portion.cleanings))
                rows += portion.rows
                progress.step(portion.rows)
    clashes = run.clashes()
    while (clash := await run.off_loop(partial(next, clashes, None))) is not None:
        await work.stop.pause(0)
        await run.off_loop(partial(refuse_equal_names, run, clash))
    merged = merged_tags(run)
    while (problem := await run.off_loop(partial(next, merged, None))) is not None:
        await run.off_loop(partial(run.add_problems, [problem]))
    await run.off_loop(run.end_intake)
    return writer.found, rows


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
