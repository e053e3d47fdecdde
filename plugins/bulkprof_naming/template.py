"""The template: plain text and plain field names, checked before the first row is read."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import Self

AWS_NAME = re.compile(r"([0-9a-zA-Z][ _-]?)+")
"""The names that AWS takes (up to 64 characters). A name here also never ends in a separator."""
_COLUMN = re.compile(r"[^\W\d][\w -]*")
_DIVIDED = re.compile(r"(?:[^%]*[_-])?%s(?:[_-](?:[^%]*[_-])?%s)*(?:[_-][^%]*)?")
_OWN = frozenset({"name", "model", "account", "region"})
_UNUSABLE = {"description": "it may hold nearly anything", "tag": "write {tag:KEY}"}


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template. If its parts are valid names, so is the name that `layout` makes of them."""

    layout: str
    """The text with `%s` for each field; it holds no other `%`."""
    fields: tuple[str, ...]
    divided: bool
    """Whether each field is between separators, or at an end: then a clean name has clean parts, and none empty."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the template in text such as `{team}-{tag:env}-{model}`. Raises `ValueError` that says what is wrong.

        The fields are looked up by name and nothing else: attribute access, indexing, conversions and
        format specifications are refused.
        """
        layout = plain = ""
        fields: list[str] = []
        try:
            pieces = list(string.Formatter().parse(text))
        except ValueError as error:
            raise ValueError(f"{text!r} is not a template: {error}") from None
        for literal, field, specification, conversion in pieces:
            layout += literal
            plain += literal
            if field is not None:
                layout += "%s"
                plain += "x"
                fields.append(_field(field, specification or "", conversion or ""))
        if not fields:
            raise ValueError(f"{text!r} has no field: every profile would get the same name")
        if not AWS_NAME.fullmatch(plain) or not plain[-1].isalnum():
            raise ValueError(
                f"{text!r} can't make names: beside fields only letters, digits and single '-', '_' or blanks"
                " between them may stand"
            )
        return cls(layout, tuple(fields), _DIVIDED.fullmatch(layout) is not None)


def _field(name: str, specification: str, conversion: str) -> str:
    if conversion:
        raise ValueError(f"{{{name}!{conversion}}}: conversions are not supported")
    # string.Formatter takes the key of {tag:KEY} for a format specification.
    if name == "tag" and specification and "{" not in specification:
        return f"tag:{specification}"
    if specification:
        raise ValueError(f"{{{name}:{specification}}}: format specifications are not supported")
    if name.lower() in _UNUSABLE:
        raise ValueError(f"{{{name}}} can't be used in a name: {_UNUSABLE[name.lower()]}")
    if not _COLUMN.fullmatch(name):
        raise ValueError(f"{{{name}}} is not a plain column name")
    return name.lower() if name.lower() in _OWN else name
