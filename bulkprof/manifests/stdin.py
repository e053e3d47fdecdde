"""Standard input and pipes as manifests: copied to a temporary file, so that they can be read like any other."""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.to_thread

from bulkprof.system.temporary import on_temporary_disk
from bulkprof.text.looks import folded

_PIECE = 1 << 18
STDIN = "-"
"""The manifest that is standard input."""
_SYSTEM = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/", "/dev/tty")
"""Where shells and users name what a process has open already: `<(…)` is one of them."""
_FIRST_LINE = 1 << 20
"""Bytes of the first line that are looked at to tell JSON Lines from JSON."""
_YAML = re.compile(rb"(?:---|-)(?:\s|$)|%YAML\s|profiles\s*:(?:\s|$)", re.IGNORECASE)
"""How YAML manifests begin, below comments."""


def is_stream(label: str) -> bool:
    """Whether a manifest is standard input, a pipe or a terminal: it can be read once, and may keep waiting."""
    if label == STDIN or label.startswith(_SYSTEM):
        return True
    try:
        return stat.S_ISFIFO(os.stat(label).st_mode)  # noqa: PTH116 - a label is no path yet: it may hold NULs
    except (OSError, ValueError):
        return False


@contextmanager
def opened_stream(label: str) -> Iterator[BinaryIO]:
    """Open what `is_stream` knows, without waiting for what is written to it. Raises `OSError`."""
    if label == STDIN:
        yield sys.stdin.buffer
        return
    with os.fdopen(os.open(label, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb", buffering=0) as stream:
        yield stream


@asynccontextmanager
async def spooled(stream: BinaryIO) -> AsyncIterator[tuple[Path, str]]:
    """Copy `stream` to a temporary file, and yield its path and the suffix that its content calls for.

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

    A thread that waits in `read` could not: it would keep the process alive until the input is closed.
    """
    descriptor = _descriptor(stream)
    while True:
        if descriptor is None:
            data = await anyio.to_thread.run_sync(stream.read, _PIECE)
        else:
            await anyio.wait_readable(descriptor)
            try:
                data = os.read(descriptor, _PIECE)
            except BlockingIOError:
                # Another process reads the same pipe, and was quicker.
                continue
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
    """`.json`, `.jsonl`, `.yaml` or `.csv`, by the first line that isn't blank; of YAML, that is no comment either."""
    with path.open("rb") as file:
        head = file.read(len(codecs.BOM_UTF8))
        line = b"" if head == codecs.BOM_UTF8 else head
        line += file.readline(_FIRST_LINE)
        while line and not line.strip():
            line = file.readline(_FIRST_LINE)
        below = line
        while below.startswith(b"#") or (below and not below.strip()):
            below = file.readline(_FIRST_LINE)
    if _YAML.match(below):
        return ".yaml"
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
