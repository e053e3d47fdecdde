"""Standard input as a manifest: copied to a temporary file, so that it can be read like any other."""

from __future__ import annotations

import codecs
import json
import os
import stat
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.to_thread

from bulkprof.intake.temporary import on_temporary_disk
from bulkprof.looks import folded

_PIECE = 1 << 18
_FIRST_LINE = 1 << 20
"""Bytes of the first line that are looked at to tell JSON Lines from JSON."""


@asynccontextmanager
async def spooled(stream: BinaryIO) -> AsyncIterator[tuple[Path, str]]:
    """Copy `stream` to a temporary file, and answer its path and the suffix that its content calls for.

    The file is removed at the end, whatever happens. Raises `StateError` where it can't be written.
    """
    with on_temporary_disk():
        folder = await anyio.to_thread.run_sync(lambda: tempfile.TemporaryDirectory(prefix="bulkprof-"))
    try:
        path = Path(folder.name) / "stdin"
        with on_temporary_disk():
            async with await anyio.open_file(path, "wb") as file:
                async for data in pieces(stream):
                    await file.write(data)
        yield path, await anyio.to_thread.run_sync(suffix_of, path)
    finally:
        folder.cleanup()


async def pieces(stream: BinaryIO) -> AsyncIterator[bytes]:
    """Yield what `stream` holds. Waiting for a pipe or terminal leaves at once when the run is cancelled.

    A thread that waits in `read` could not: it would keep the process alive until somebody closes the input.
    """
    descriptor = _descriptor(stream)
    while True:
        if descriptor is None:
            data = await anyio.to_thread.run_sync(stream.read, _PIECE)
        else:
            await anyio.wait_readable(descriptor)
            data = os.read(descriptor, _PIECE)
        if not data:
            return
        yield data


def _descriptor(stream: BinaryIO) -> int | None:
    """The stream's descriptor where one can wait for it: a pipe, a terminal or a socket, not a file or memory."""
    try:
        descriptor = stream.fileno()
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return None
    waitable = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or (stat.S_ISCHR(mode) and os.isatty(descriptor))
    return descriptor if waitable and sys.platform != "win32" else None


def suffix_of(path: Path) -> str:
    """`.json`, `.jsonl` or `.csv`, by the first byte that isn't blank and, after a `{`, by the first line."""
    with path.open("rb") as file:
        head = file.read(len(codecs.BOM_UTF8))
        line = b"" if head == codecs.BOM_UTF8 else head
        line += file.readline(_FIRST_LINE)
        while line and not line.strip():
            line = file.readline(_FIRST_LINE)
    begin = line.strip()[:1]
    if begin == b"[":
        return ".json"
    if begin != b"{":
        return ".csv"
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        # The object goes on in the next line, or is broken: either way the JSON reader knows what to say.
        return ".json"
    return ".json" if "profiles" in map(folded, value) else ".jsonl"
