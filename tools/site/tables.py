"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def cell(text: str) -> str:
    """Return the text as one cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Return the text as code in a cell, where `|` ends nothing; nothing where it is empty."""
    return f"`{' '.join(text.split())}`" if text else ""


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Return the lines of a table, and an empty one."""
    names = list(header)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
