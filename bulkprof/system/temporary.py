"""Temporary files, whose folder may be full, read-only or missing: one line says so, and names it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from bulkprof.errors import StateError


@contextmanager
def on_temporary_disk() -> Iterator[None]:
    """Raise `StateError` for an `OSError`: for blocks that do nothing but make and write temporary files."""
    try:
        yield
    except OSError as error:
        try:
            folder = tempfile.gettempdir()
        except OSError:
            folder = "any of the usual folders"
        raise StateError(
            f"temporary files can't be written in {folder}: {error.strerror or error}; free some space, or set "
            "TMPDIR to another folder"
        ) from None


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone afterwards. Raises `StateError` where it can't be made."""
    with ExitStack() as stack:
        with on_temporary_disk():
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bulkprof-"))
        yield Path(folder)


@contextmanager
def temporary_file(mode: str = "w+b", **how: Any) -> Iterator[IO[Any]]:
    """A file without a name that is gone afterwards. Raises `StateError` where it can't be made."""
    with on_temporary_disk():
        file: IO[Any] = tempfile.TemporaryFile(mode, **how)  # noqa: SIM115 - closed below
    try:
        yield file
    finally:
        # What couldn't be written can't be written now either.
        with suppress(OSError):
            file.close()


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write all of `data` to an unbuffered temporary file. Raises `StateError`. Blocks."""
    left = memoryview(data)
    with on_temporary_disk():
        while left:
            left = left[file.write(left) :]
