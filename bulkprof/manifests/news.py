"""Names that come up while rows are read, each told once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST = 1_000
"""Names of one manifest to remember; hand-written ones have a few, hostile JSON as many as rows."""


class News:
    """Names as they come up."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self._news: list[str] = []

    def note(self, names: Iterable[str]) -> None:
        """Take in names, those that came up before among them."""
        for name in names:
            if name not in self.known and len(self.known) < MOST:
                self.known.add(name)
                self._news.append(name)

    def take(self) -> Sequence[str]:
        """The names that came up since the last call, and not before."""
        news, self._news = self._news, []
        return news
