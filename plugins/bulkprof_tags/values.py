"""Turns a cell into a value that AWS takes as a tag's."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 256
_REFUSED = re.compile(r"[^a-zA-Z0-9\s._:/=+@-]+", re.ASCII)


def clean_value(value: str) -> str:
    """Return `value` with accents dropped, refused characters as blanks, no doubled blanks, and cut to AWS's length."""
    if not value.isascii():
        value = "".join(c for c in unicodedata.normalize("NFKD", value) if not unicodedata.combining(c))
    return " ".join(_REFUSED.sub(" ", value).split())[:MAX_LENGTH].rstrip()
