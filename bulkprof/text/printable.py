r"""Text from elsewhere, made fit to be shown: on terminals, in logs, in messages, in spreadsheets.

Cells, headers, file names and AWS's messages may hold anything: an ESC that clears the screen or names a link, a mark
that turns the reading direction round, a line break with a command for the CI system behind it. `printable` shows such
characters instead of letting them act: `\x1b`, `\u202e`, and `⏎` for the end of a line.

Everything that bulkprof prints, logs or puts into a message passes it on its way out, and so comes out as one line. The
one exception are `Lines`, which bulkprof put together itself and whose breaks are meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_LINE_END = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#[^\s\[]*\[)")
"""What CI systems take for a command: `::` where a line begins (GitHub), `##[` and `##vso[` anywhere in it (GitHub,
Azure, TeamCity). One character of it is shown as a number, which makes it text again."""
_RUN_BY_SPREADSHEETS = re.compile(r"(^|;)(\s*)(?=[=+\-@＝＋－＠])")  # noqa: RUF001 - some take the wide ones, too
"""What begins a formula. Where a semicolon separates cells, as Excel has it in many countries, so does one after it."""

_BEGINS, _GOES_ON = r"A-Za-z0-9\"({/", r"A-Za-z0-9\"(){}/ .:,_=+@-"
# No possessive groups: the first releases of Python 3.11 let them match too much.
_HARMLESS_ROW = re.compile(rf"(?:(?:[{_BEGINS}][{_GOES_ON}]*+)?\n)*").fullmatch
"""True of nearly all rows of a table: what their cells consist of can neither act nor begin a formula."""


class Lines(str):
    """Lines that bulkprof put together, each made printable: `printable` leaves them alone. See `printable_lines`."""

    __slots__ = ()

    def __str__(self) -> str:
        """Stay what it is, also as an exception's text."""
        return self


def printable(text: str) -> str:
    r"""The text in one line, with nothing in it that a terminal, a log or a CI system would act on.

    What can't be seen is shown as Python writes it (`\x1b`), the end of a line as `⏎`. Blanks of all kinds stay.
    """
    if isinstance(text, Lines):
        return text
    if not text.isprintable():
        text = "".join(map(_shown, _LINE_END.sub("⏎", text)))
    if "::" in text or "##" in text:
        text = _COMMAND.sub(lambda found: rf"{found[1]}\x3a" if found[1] is not None else r"\x23", text)
    return text


def printable_lines(texts: Iterable[str]) -> Lines:
    """The texts as lines of one text, each made printable: the way to write a message of several lines."""
    return Lines("\n".join(map(printable, texts)))


def headed(head: str, text: str) -> str:
    """The text with something in front. Where it has lines of its own, they stay."""
    first, *more = text.split("\n") if isinstance(text, Lines) else [text]
    return printable_lines([head + first, *more])


def json_text(value: Any, *, ascii_only: bool = False, indent: int | None = None) -> str:
    r"""The value as JSON that can be printed: what `printable` would show differently stands as `\u` escapes.

    So programs read the very value.
    """
    import json

    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    if not text.isprintable():
        # Line breaks are those of the indent: in strings, JSON has none.
        text = "".join(char if char == "\n" or _is_visible(char) else json.dumps(char)[1:-1] for char in text)
        text = text.replace("\x7f", r"\u007f")
    return text.replace("##", r"#\u0023")


def spreadsheet_cells(cells: list[str]) -> list[str]:
    """The cells made printable, with `'` in front of what a spreadsheet would take for a formula and run."""
    # All at once: one by one, they take ten times as long.
    text = "\n".join([*cells, ""])
    if text.count("\n") == len(cells) and _HARMLESS_ROW(text):
        return cells
    return [_RUN_BY_SPREADSHEETS.sub(r"\1\2'", printable(cell)) for cell in cells]


def _shown(char: str) -> str:
    return char if _is_visible(char) else char.encode("unicode_escape").decode("ascii")


def _is_visible(char: str) -> bool:
    """Whether it is a character that is seen, or a blank: Python takes no blank but ASCII's for printable."""
    return char.isprintable() or (char > "\x9f" and char.isspace() and char not in "\u2028\u2029")
