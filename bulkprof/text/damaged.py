"""Cells that are plainly damaged: errors of spreadsheets, numbers that lost digits, characters that can't be seen.

Each of them can pass for a value once it is cleaned: `#REF!` would become the team `REF`. So cells are looked at as
they are written, before any rule.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

from bulkprof.text.looks import is_unseen

_SOUND = re.compile(r"[ !\"$-*,-~]*").fullmatch
"""True of nearly all cells: printable ASCII without the signs that errors and long numbers are written with."""
# ruff: noqa: RUF001 - spreadsheets write errors in their user's language
_ERROR = re.compile(
    r"#[¡¿]?(?:[^\W\d_a-z]|[/_0-9]){2,16}[!?]"
    r"|#(?:N/A|N/A N/A|NV|N/D|N/B|I/T|Н/Д|N\.A|GETTING_DATA|CALC|BUSY)|#{3,}|Err:[0-9]{3}"
)
_LONG_NUMBER = re.compile(r"-?[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,3}")
_LINE_ENDS = frozenset("\t\n\r\f\v")
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f")
"""What scripts and emoji need: behind a letter of theirs, it belongs there."""


class Damage(NamedTuple):
    """What happened to a cell, and what would put it right."""

    reason: str
    remedy: str


def are_undamaged(values: Collection[str]) -> bool:
    """Return whether all of `values` are sound: quick, for cells that nearly always are."""
    text = "".join(values)
    return (_SOUND(text) is not None and "Err:" not in text) or not any(map(damage, values))


def damage(value: str) -> Damage | None:
    """Return what is plainly damaged about a cell's value."""
    if _SOUND(value) and "Err:" not in value:
        return None
    if is_error(value):
        return Damage(
            "is an error that a spreadsheet shows in place of a value", "mend its formula, or enter the value"
        )
    if _LONG_NUMBER.fullmatch(value.strip()):
        return Damage(
            "is a number in scientific notation, as a spreadsheet writes a long one: digits are lost",
            "format the column as text and enter the value again",
        )
    for position, char in enumerate(value):
        if char in _LINE_ENDS or not is_unseen(char):
            continue
        if char in _JOINERS and position and not value[position - 1].isascii():
            continue
        name = unicodedata.name(char, "a control character")
        return Damage(
            f"holds a character that can't be seen, at position {position + 1}: {name}, U+{ord(char):04X}",
            "type the value again: such characters come along when text is copied",
        )
    return None


def is_error(text: str) -> bool:
    """Return whether `text` is an error as spreadsheets show one: `#REF!`, `#N/A`, `########`."""
    return _ERROR.fullmatch(text.strip()) is not None
