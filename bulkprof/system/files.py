"""Files that users ask for: checked before a run, written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from bulkprof.errors import StateError, UsageError

SUFFIXES = (".csv", ".jsonl")


def check_path(flag: str, path: Path, suffixes: Sequence[str] = SUFFIXES) -> None:
    """Find out before a run whether the file that `flag` names can be written. Raises `UsageError`."""
    check_on_disk(flag, path)
    if path.suffix.lower() not in suffixes:
        *most, last = suffixes
        raise UsageError(f"{flag} {path}: must end in {' or '.join(filter(None, [', '.join(most), last]))}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{flag} {path}: there is no folder {path.absolute().parent}")
    if path.is_dir():
        raise UsageError(f"{flag} {path}: is a folder")
    place = path if path.exists() else path.absolute().parent
    if not os.access(place, os.W_OK):
        raise UsageError(f"{flag} {path}: can't be written: {place} is read-only; choose another place")


def check_on_disk(flag: str, path: Path, instead: str = "copy it to S3 afterwards") -> None:
    """Raise `UsageError` where `flag` got an address in S3: as a path, it would be a folder `s3:` on the disk."""
    if path.parts[:1] == ("s3:",):
        raise UsageError(f"{flag} s3://{'/'.join(path.parts[1:])}: must be on a disk; {instead}")


def check_apart(files: Mapping[str, Path | None], read: Iterable[str | Path]) -> None:
    """Find out before a run whether a file that a flag names would overwrite one that is `read`, or another flag's.

    Raises `UsageError`.
    """
    written = {flag: path for flag, path in files.items() if path is not None}
    for flag, path in written.items():
        for source in read:
            if _same(path, Path(source)):
                raise UsageError(f"{flag} {path}: would overwrite {source}, which is read; choose another file")
        for other, taken in written.items():
            if flag < other and _same(path, taken):
                raise UsageError(f"{flag} {path}: is the file of {other}, too; choose another one")


def _same(one: Path, other: Path) -> bool:
    if one.absolute() == other.absolute():
        return True
    return one.exists() and other.exists() and one.samefile(other)


def write_whole(path: Path, write: Callable[[IO[str]], object]) -> None:
    """Let `write` fill the file; an earlier one stays until the new one is complete. Raises `StateError`."""
    _write_whole(path, write, "x", encoding="utf-8", newline="")


def write_text(path: Path, text: str) -> None:
    """Write a file, and the folders that it is in, whole or not at all. Raises `StateError`."""

    def write(file: IO[str]) -> None:
        file.write(text)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"{path}: can't be written: {error.strerror}") from None
    write_whole(path, write)


def write_whole_bytes(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Let `write` fill a file that is no text, as `write_whole` does."""
    _write_whole(path, write, "xb")


def _write_whole(path: Path, write: Callable[[IO[Any]], object], mode: str, **how: str) -> None:
    try:
        # No temporary file of the standard library's: those are private, and this one gets a new file's usual mode.
        part = path.absolute().parent / f".{path.name}.{secrets.token_hex(4)}"
        file: IO[Any] = part.open(mode, **how)  # type: ignore[call-overload]
        try:
            with file:
                write(file)
        except BaseException:
            # Closed by now: Windows removes no file that is open.
            part.unlink()
            raise
        part.replace(path)
    except OSError as error:
        raise StateError(f"{path}: can't be written: {error.strerror}") from None
