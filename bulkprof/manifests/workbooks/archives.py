"""The zip archives that workbooks are, read with an end to what they unpack to."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from zipfile import BadZipFile, ZipFile

from bulkprof.manifests.workbooks.contents import MOST_BYTES, damaged, too_large

_PIECE = 1 << 20
_SMALL = 1 << 24
"""Bytes of members that are read whole: lists of sheets."""


@contextmanager
def sound() -> Iterator[None]:
    """Turn what `zipfile` raises about a broken archive into `WorkbookError`."""
    try:
        yield
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise damaged(error) from None


def members(archive: ZipFile) -> Mapping[str, str]:
    """Return the archive's names, by how the format spells them."""
    return {name.replace("\\", "/").lower(): name for name in archive.namelist()}


def stream(archive: ZipFile, name: str) -> Iterator[bytes]:
    """Yield a member piece by piece. What it says of its own size is checked. Raises `WorkbookError`."""
    with sound():
        size = archive.getinfo(name).file_size
        if size > MOST_BYTES:
            raise too_large(size)
        with archive.open(name) as file:
            while piece := file.read(_PIECE):
                yield piece


def read_through(archive: ZipFile, names: Iterable[str]) -> None:
    """Read members that another library will read, so that they are known to be sound and of bearable size."""
    with sound():
        size = sum(archive.getinfo(name).file_size for name in names)
    if size > MOST_BYTES:
        raise too_large(size)
    for name in names:
        for _ in stream(archive, name):
            pass


def read_small(archive: ZipFile, name: str) -> bytes:
    """Return a member whole. Raises `WorkbookError`."""
    text = b""
    for piece in stream(archive, name):
        text += piece
        if len(text) > _SMALL:
            raise damaged(f"{name} is too long")
    return text
