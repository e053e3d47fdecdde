"""How a name looks, whatever it is made of: invisible characters, widths, case, and letters of other alphabets.

People compare the names of columns by eye, and spreadsheets, web pages and chat windows put characters into them that
no eye sees. So names are compared by their looks here, in three steps that each forgive more:

- `seen`: the same characters, without those that can't be seen,
- `folded`: the same letters, in any case and width,
- `skeleton`: letters that look alike, such as the Latin and the Cyrillic `a`, are the same.

The look-alikes are those of Unicode's own list (UTS 39) for the few letters that known columns are written with. A
library would bring the whole list, close to a megabyte that every start had to load.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from bulkprof.text.printable import printable

TAG_PREFIX = "tag:"
_TAG = re.compile(r"tag\s*:\s*(.*)", re.IGNORECASE | re.DOTALL)
_BLANK_BRAILLE = "\u2800"
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""What Unicode calls default-ignorable, but for the format characters, which have a category of their own."""

# ruff: noqa: RUF001 - they are ambiguous: that is the point
_ALIKE: Mapping[str, str] = {
    "a": "αΑаАɑᎪᗅ⍺@",
    "c": "сСϲϹᏟⲤⲥꓚꮯ¢©",
    "d": "ԁԀᎠᏧᑯᗞᗪꓒꓓ",
    "e": "⋿еЕΕεҽэᎬ℮ⴹ€",
    "g": "ɡƍԌցᏀᏳꓖ",
    "i": "іɩι˛ͺᎥꙇꭵ!¡",
    "l": "1|ƖǀΙІӀӏ۱ᏞᒪᛁⲒⳐꓡꓲ∣ⵏ",
    "m": "ΜϺМмᎷᗰᛖⲘꓟ",
    "n": "ΝոռηпⲚꓠ",
    "o": "0ΟοОоⲞⲟσՕօ۵०০੦૦ଠ୦௦ం౦ಂ೦ംഠ൦ං๐໐ဝ၀ჿዐⵔ〇",
    "p": "ΡρϱРрᏢᑭⲢⲣꓑ⍴",
    "r": "ƦгᎡᏒᖇᴦⲅꓣꮁꭇ",
    "s": "ƽЅѕՏᏕᏚꓢꮪ$5",
    "t": "ΤτТтᎢⲦꓔ⊤",
    "u": "ʋυՍսሀᑌ∪⋃µμ",
    ":": "։׃܃܄᛬᠃ː˸∶⁝⁚꞉︰﹕",
    "-": "‐‑‒–—―−⁃",
}
_LETTERS = str.maketrans({char: letter for letter, chars in _ALIKE.items() for char in chars})
_LATIN = re.compile(r"LETTER (?:[\w-]+ )*([A-Z])(?: WITH .*)?$")
"""The names of letters that are Latin ones in another dress: `LATIN LETTER SMALL CAPITAL A`, `… O WITH STROKE`."""


def _shown(char: str) -> str:
    if char == _BLANK_BRAILLE or char.isspace():
        return " "
    return "" if is_unseen(char) else char


def is_unseen(char: str) -> bool:
    """Whether a character can't be seen, and isn't a blank of its own."""
    return unicodedata.category(char) in ("Cf", "Cc") or _UNSEEN.match(char) is not None


@lru_cache(4096)
def seen(name: str) -> str:
    """`name` without what can't be seen: no invisible characters, single blanks, and none at the ends."""
    if name.isascii() and name.isprintable():
        return " ".join(name.split())
    shown = "".join(map(_shown, unicodedata.normalize("NFC", name)))
    return " ".join(unicodedata.normalize("NFC", shown).split())


@lru_cache(4096)
def folded(name: str) -> str:
    """`name` as it is seen, in lower case and plain width: names that differ in nothing else are the same."""
    if name.isascii():
        return seen(name).lower()
    plain = seen(unicodedata.normalize("NFKC", name)).casefold()
    return seen(unicodedata.normalize("NFKC", plain))


@lru_cache(4096)
def skeleton(name: str) -> str:
    """`folded`, with letters that look alike taken for the plain ones, and without accents."""
    # Before width and case go, too: they make others of some letters that look like ours.
    plain = unicodedata.normalize("NFKC", seen(name).translate(_LETTERS)).translate(_LETTERS)
    plain = folded(plain).translate(_LETTERS)
    bare = (char for char in unicodedata.normalize("NFD", plain) if not unicodedata.combining(char))
    return "".join(char if char.isascii() else _latin(char) for char in bare)


def _latin(char: str) -> str:
    name = unicodedata.name(char, "")
    dressed = _LATIN.search(name) if "LATIN" in name or "SYMBOL" in name else None
    return dressed[1].lower() if dressed else char


def odd_letter(name: str) -> str:
    """The first letter of `name` that looks like a plain one and is none, with its name and code point.

    Empty where there is none.
    """
    for char in seen(name):
        if not char.isascii() and (plain := skeleton(char)).isascii() and plain:
            return f"{char!r} ({unicodedata.name(char, 'a character without a name')}, U+{ord(char):04X})"
    return ""


def tag_key(name: str) -> str | None:
    """The KEY of a column called `tag:KEY`, in any case and width, with blanks around the colon or not; else None."""
    found = _TAG.fullmatch(seen(unicodedata.normalize("NFKC", name)))
    return found[1] if found else None


def visible(name: str) -> str:
    """A column's name as a message can show it: what can't be seen is shown by its number, and nothing is endless."""
    return printable(name if len(name) <= 80 else name[:77] + "...")
