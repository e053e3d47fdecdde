"""A line on a terminal that may be narrower than it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WORD = re.compile(r"(?<=: )bulkprof .*|\S*`[^`]*`\S*\s*|\S+\s*")
"""What isn't divided: a word, and a command, which has to stay in one line to be copied."""


def print_line(
    console: Console, line: str, *, style: str = "", markup: bool = False, hang: int = 0, end: str = "\n"
) -> None:
    """Print a line. On a terminal that is narrower it goes on in the next one, `hang` blanks in, and no word is broken.

    Elsewhere it stays one line, for other programs.
    """
    text = console.render_str(line, style=style, markup=markup, emoji=False, highlight=False)
    if not console.is_terminal or text.cell_len <= console.width:
        console.print(text, soft_wrap=True, end=end)
        return
    parts = [
        (part, at > 0)
        for each in text.split("\n", allow_blank=True)
        for at, part in enumerate(each.divide(_breaks(each.plain, console.width, hang)))
    ]
    for number, (part, goes_on) in enumerate(parts, 1):
        if goes_on:
            part.pad_left(hang)
        if number < len(parts):
            part.rstrip()
        console.print(part, soft_wrap=True, end=end if number == len(parts) else "\n")


def _breaks(text: str, width: int, hang: int) -> list[int]:
    """Return where words begin that stand in a new line. A word that is longer than a line isn't divided."""
    from rich.cells import cell_len

    found: list[int] = []
    used, words = len(text) - len(text.lstrip()), 0
    for word in _WORD.finditer(text):
        if words and used + cell_len(word[0].rstrip()) > width:
            found.append(word.start())
            used, words = hang, 0
        used += cell_len(word[0])
        words += 1
    return found
