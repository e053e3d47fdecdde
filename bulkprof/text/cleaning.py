"""Text made fit for AWS, which takes fewer characters than people write: in names, descriptions and tag values.

Letters of all alphabets become plain ones (`Łódź` is `Lodz`, `Straße` is `Strasse`), so that none is lost. What is no
letter and isn't allowed, such as `&`, becomes a gap.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from bulkprof.text.damaged import damage

_CACHE = 4096


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a kind of text may hold besides letters without accents and digits."""

    anywhere: str
    """Characters that may stand where letters may."""
    between: str
    """Characters that may stand between letters, one at a time."""
    gap: str
    """What stands between letters in place of anything else."""
    length: int
    """Characters in all."""


NAMES = Allowed("", " _-", "-", 64)
DESCRIPTIONS = Allowed(":.", " _-", " ", 200)
TAG_VALUES = Allowed("._:/=+@-", "", " ", 256)


class Cleaned(str):
    """A value that was made fit, and what was given: where two become one, both can be shown."""

    __slots__ = ("given",)

    given: str

    def __new__(cls, value: str, given: str) -> Self:
        """Return `value` with what was `given`."""
        made = super().__new__(cls, value)
        made.given = given
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # str's takes one
        return str(self), self.given


def clean(value: str, allowed: Allowed) -> Cleaned:
    """Return `value` as AWS takes it: letters in plain ones, a gap in place of the rest, cut to its length.

    Empty where nothing of it can be kept, and for what is plainly damaged, such as `#REF!`: that must not pass. What is
    fit already stays as it is, but for blanks.
    """
    if damage(value):
        return Cleaned("", value)
    plain = value if value.isascii() else in_plain_letters(value)
    kept = _refused(allowed.anywhere).sub(
        lambda run: run[0] if len(run[0]) == 1 and run[0] in allowed.between else allowed.gap, plain
    )
    ends = allowed.between + allowed.gap
    return Cleaned(kept.strip(ends)[: allowed.length].rstrip(ends), value)


def in_plain_letters(text: str) -> str:
    """Return `text` with its letters and digits in those of ASCII; all other characters stay."""
    return "".join(map(_plain, unicodedata.normalize("NFC", text)))


@lru_cache(_CACHE)
def _plain(char: str) -> str:
    if char.isascii():
        return char
    bare = "".join(each for each in unicodedata.normalize("NFKD", char) if not unicodedata.combining(each))
    if bare.isascii() and bare:
        return bare
    kind = unicodedata.category(char)[0]
    if kind not in "LMN":
        return char
    # Its tables are read as letters need them: most text has none.
    from anyascii import anyascii

    found = anyascii(char)
    if kind == "N":
        return found or char
    # A mark that some letters are written with, such as the apostrophe for a soft sign, would tear a word apart.
    letters = "".join(filter(str.isalnum, found))
    return letters or ("" if found or kind == "M" else char)


@lru_cache(_CACHE)
def _refused(anywhere: str) -> re.Pattern[str]:
    return re.compile(f"[^0-9a-zA-Z{re.escape(anywhere)}]+")
