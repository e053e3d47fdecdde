"""Whether names are new, found out without the run file's index while they all are: an index costs more than its row.

Only hashes are kept, so the answer "not new" may be wrong, and the index has to look again; "new" is always right.
"""

from __future__ import annotations

from collections.abc import Collection

MOST = 300_000
"""Hashes to keep, which takes about 20 MB; beyond, the index is the better deal."""


class FreshNames:
    """The names of one run so far, each with its target."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()

    def add(self, names: Collection[tuple[object, ...]]) -> bool:
        """Take `names` in, and answer whether all of them are new for sure."""
        before = len(self._hashes)
        self._hashes.update(map(hash, names))
        return before + len(names) == len(self._hashes) <= MOST
