"""Manifests to requests: which file is read how, and what becomes of a file that can't be read."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio.lowlevel
import anyio.to_thread

from bulkprof.config import ColumnNames
from bulkprof.errors import UsageError
from bulkprof.manifests.cells import Cells, Rejected
from bulkprof.manifests.columns import AS_WRITTEN
from bulkprof.manifests.csv_rows import HeaderProblem
from bulkprof.manifests.readers import BATCH
from bulkprof.manifests.stdin import STDIN, is_stream, opened_stream, spooled
from bulkprof.manifests.workbooks.places import Sheet, SheetBatch, split_label
from bulkprof.model import Problem, RawRow, Request
from bulkprof.plugins.api import Reader, Source


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a manifest, found but not yet understood."""

    rows: Sequence[RawRow | Problem]
    """Never empty; a file that can't be read at all, or that holds no rows, is one `Problem` of line 0."""
    cells: Cells

    def understood(self) -> list[Request | Rejected]:
        """Each row as a request, or with its problems."""
        read, header_is_bad = self.cells.read, self.cells.header_is_bad
        found: list[Request | Rejected] = []
        for item in self.rows:
            if isinstance(item, Problem):
                found.append(Rejected((item,)))
                continue
            row = read(item)
            if header_is_bad:
                row = Rejected(row.problems if isinstance(row, Rejected) else ())
            found.append(row)
        return found


async def read_batches(
    manifests: Sequence[str],
    readers: Mapping[str, Reader],
    *,
    streams: Mapping[str, BinaryIO] | None = None,
    places: Mapping[str, str] | None = None,
    naming: ColumnNames = AS_WRITTEN,
) -> AsyncGenerator[Batch, None]:
    """Yield the rows of all manifests in order.

    `streams` are standard input (`-`) and pipes, where they are open already; `places` says where files are that are
    called otherwise. `naming` is what the config says of the headers of sheets. Leave it early only through
    `contextlib.aclosing`, which closes files.
    """
    if not manifests:
        raise UsageError("no manifest was given; name a CSV, JSON, YAML or Excel file, or - for standard input")
    seen: dict[tuple[int, int, str] | str, str] = {}
    for label in manifests:
        async with AsyncExitStack() as stack:
            place = (places or {}).get(label, label)
            problem = await anyio.to_thread.run_sync(_refusal, label, place, seen)
            if problem:
                yield _whole(problem)
                continue
            file, _ = split_label(place)
            path, suffix = Path(file), Path(file).suffix.lower()
            if is_stream(file):
                try:
                    stream = (streams or {}).get(file) or stack.enter_context(opened_stream(file))
                except OSError as error:
                    yield _whole(_unreadable(label, error))
                    continue
                path, of_content = await stack.enter_async_context(spooled(stream))
                suffix = suffix if suffix in readers else of_content
            reader = readers.get(suffix)
            if reader is None:
                yield _whole(_unknown_suffix(label, suffix, readers))
                continue
            batches = await stack.enter_async_context(aclosing(_read_file(Source(label, path), reader, naming)))
            async for batch in batches:
                # Which sheet a workbook is read by may show only now.
                if (sheet := batch.cells.sheet) and (before := seen.setdefault(_sheet_of(sheet, file), label)) != label:
                    yield _whole(_twice(label, before))
                    break
                yield batch


async def _read_file(source: Source, reader: Reader, naming: ColumnNames) -> AsyncGenerator[Batch, None]:
    """One file's rows. What its reader raises as `OSError` is a problem of the file."""
    cells = Cells(source.label, naming)
    empty = True
    batches = reader.read(source)
    try:
        async for batch in batches:
            empty = empty and not batch
            if isinstance(batch, SheetBatch):
                cells.sheet = batch.sheet
            cells.header_is_bad = cells.header_is_bad or HeaderProblem in set(map(type, batch))
            for start in range(0, len(batch), BATCH):
                yield Batch(batch[start : start + BATCH], cells)
                # A plugin's reader may yield a whole sheet at once; other tasks should get their turn.
                await anyio.lowlevel.checkpoint()
        if empty:
            remedy = "an empty manifest is never taken for 'nothing is wanted'"
            yield _whole(Problem("the file has no rows", source.label, remedy=remedy))
    except OSError as error:
        yield _whole(_unreadable(source.label, error))
    finally:
        close = getattr(batches, "aclose", None)
        if close:
            await close()


def _whole(problem: Problem) -> Batch:
    """What is wrong with a whole file."""
    return Batch((problem,), Cells(problem.file))


def _refusal(label: str, place: str, seen: dict[tuple[int, int, str] | str, str]) -> Problem | None:
    """Why `label` isn't read at all: it isn't a readable file, or was read before, maybe by another name."""
    if label == STDIN:
        identity: tuple[int, int, str] | str = STDIN
    else:
        file, sheet = split_label(place)
        try:
            found = os.stat(file)  # noqa: PTH116 - a label is no path yet: it may hold NULs
            identity = (found.st_dev, found.st_ino, sheet.casefold())
            if stat.S_ISDIR(found.st_mode):
                return Problem("is a directory", label, remedy=f"name its files, e.g. {Path(label) / '*.csv'}")
            if not stat.S_ISREG(found.st_mode) and not is_stream(file):
                return Problem("is neither a file nor a pipe", label, remedy="name one, or - for standard input")
        except OSError as error:
            return _unreadable(label, error)
        except ValueError as error:
            return Problem(f"is not a file's name: {error}", repr(label))
    if identity in seen:
        return _twice(label, seen[identity])
    seen[identity] = label
    return None


def _sheet_of(sheet: Sheet, file: str) -> tuple[int, int, str] | str:
    """What tells a sheet of `file` from all others, as `_refusal` does; its label, where the file is gone."""
    _, name = split_label(sheet.label)
    try:
        found = os.stat(file)  # noqa: PTH116 - as in `_refusal`
    except OSError:
        return sheet.label
    return found.st_dev, found.st_ino, name.casefold()


def _twice(label: str, before: str) -> Problem:
    also = f" (as {before} too)" if before != label else ""
    return Problem(f"is given twice{also}", label, remedy="name each manifest once")


def _unreadable(label: str, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        return Problem("no such file", label, remedy="check the path; relative ones start in the working directory")
    if isinstance(error, PermissionError):
        return Problem("may not be read", label, remedy="check who may read the file")
    return Problem(f"can't be read: {error.strerror or error}", label)


_SPREADSHEETS = frozenset({".xlsb", ".numbers", ".fods"})


def _unknown_suffix(label: str, suffix: str, readers: Mapping[str, Reader]) -> Problem:
    known = ", ".join(sorted(readers))
    kind = f"files ending in {suffix}" if suffix else "files without an ending"
    remedy = f"known are {known}; a plugin can add others, and - reads standard input by its content"
    if suffix in _SPREADSHEETS:
        remedy = f"save it as .xlsx; {remedy}"
    elif suffix == ".gz":
        remedy = f"unpack it: zcat {shlex.quote(label)} | bulkprof validate -; {remedy}"
    return Problem(f"bulkprof can't read {kind}", label, remedy=remedy)
