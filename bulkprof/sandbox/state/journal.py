"""Keeps profiles over a crash: one line of JSON per change, written before the response is sent.

The file is only ever appended to, so a create costs one small write however many there are. The change of a line that
a killed process left unfinished was never confirmed to a client, so it is dropped on the next start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """An append-only file of changes. `path` None keeps nothing. Not thread-safe; the caller locks."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None

    def open(self) -> Iterator[dict[str, Any]]:
        """Open the file for appending and return the changes it holds, oldest first.

        Raises ValueError on a file that isn't a journal, and OSError.
        """
        if self._path is None:
            return iter(())
        if self._path.is_symlink():
            raise ValueError(f"{self._path} is a symbolic link, which isn't followed")
        data = self._path.read_bytes() if self._path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        unfinished = data[len(whole) :]
        if unfinished and not unfinished.startswith(b"{"):
            raise ValueError(f"{self._path} is not a sandbox's state file")
        try:
            changes = [json.loads(line) for line in whole.splitlines()]
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{self._path} is not a sandbox's state file: {error}") from error
        if not all(isinstance(change, dict) and "account" in change for change in changes):
            raise ValueError(f"{self._path} is not a sandbox's state file")
        self._path.parent.mkdir(0o700, parents=True, exist_ok=True)
        # Windows knows no O_NOFOLLOW, and writes line ends of its own without O_BINARY.
        how = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | how, 0o600)
        os.ftruncate(self._file, len(whole))
        return iter(changes)

    def write(self, change: dict[str, Any]) -> None:
        """Append one change. The kernel has it when this returns, so killing the process can't lose it."""
        if self._file is not None:
            line = json.dumps(change, separators=(",", ":")).encode() + b"\n"
            # One write for the whole line, unless the disk is full: then the rest raises OSError.
            while line:
                line = line[os.write(self._file, line) :]

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
