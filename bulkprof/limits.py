"""AWS's limits on names, descriptions, tags, accounts and Regions, and what to say where a value breaks one.

Each check returns a `Fault`, ready to become a `Problem`, or None. botocore checks neither patterns nor maximum
lengths, so a value that passes here is the last one before the wire. Patterns are AWS's own, written in a form
that takes linear time: `([0-9a-zA-Z][ _-]?)+` accepts the same strings as `NAME` below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import NamedTuple

from bulkprof.text.damaged import damage

NAME_LENGTH = 64
DESCRIPTION_LENGTH = 200
TAG_KEY_LENGTH = 128
TAG_VALUE_LENGTH = 256
TAGS_PER_PROFILE = 50

# No group is possessive: Python 3.11.2, which Debian 12 has, takes strings for one that it should refuse.
NAME = re.compile(r"[0-9a-zA-Z]++(?:[ _-][0-9a-zA-Z]++)*[ _-]?")
"""A profile's name, but for its length; for `fullmatch`."""
DESCRIPTION = re.compile(r"[0-9a-zA-Z:.]++(?:[ _-][0-9a-zA-Z:.]++)*[ _-]?")
"""A profile's description, but for its length; for `fullmatch`."""
# Blanks are spelt out: beside a class such as \s, each character of a value takes a third longer.
TAG_KEY = re.compile(r"[a-zA-Z0-9 \t\n\r\f\v._:/=+@-]{1,128}+")
TAG_VALUE = re.compile(r"[a-zA-Z0-9 \t\n\r\f\v._:/=+@-]{0,256}+")
ACCOUNT = re.compile(r"[0-9]{12}")
ORGANIZATION = "org:*"
"""The selector of all accounts."""
UNIT_SELECTOR = re.compile(r"ou:(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})")
TAG_SELECTOR = re.compile(r"tag:([^=|,]{1,128})=([^|,]{0,256})")
ACCOUNT_ALIAS = re.compile(r"(?!ou-|r-)[a-zA-Z][a-zA-Z0-9_.-]{0,63}")
REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+-[0-9]")

_SEPARATORS = " _-"
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}")
_ZONE = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+-[0-9][a-z]")
_CACHE = 65_536
"""Cells repeat: a manifest of a million rows has a handful of Regions and some thousand tag values."""


class Fault(NamedTuple):
    """Why a value can't be used, and what would be right."""

    reason: str
    remedy: str


def damage_fault(value: str) -> Fault | None:
    """What is plainly damaged about `value`, whatever it stands for."""
    found = damage(value)
    return Fault(*found) if found else None


def name_fault(value: str) -> Fault | None:
    """Why AWS would refuse `value` as a profile's name."""
    if len(value) <= NAME_LENGTH and NAME.fullmatch(value):
        return None
    return _words_fault("name", value, NAME_LENGTH, "letters, digits", str.isalnum)


@lru_cache(_CACHE)
def description_fault(value: str) -> Fault | None:
    """Why AWS would refuse `value` as a profile's description."""
    if len(value) <= DESCRIPTION_LENGTH and DESCRIPTION.fullmatch(value):
        return None
    return _words_fault(
        "description", value, DESCRIPTION_LENGTH, "letters, digits, ':', '.'", lambda c: c.isalnum() or c in ":."
    )


def _words_fault(what: str, value: str, limit: int, allowed: str, is_word: Callable[[str], bool]) -> Fault:
    """What exactly is wrong with a name or description that broke its pattern or length."""
    if not value:
        return Fault(f"a {what} can't be empty", f"write 1 to {limit} characters")
    reason = ""
    before = ""
    for position, char in enumerate(value, 1):
        word = char.isascii() and is_word(char)
        if not word and char not in _SEPARATORS:
            reason = f"{spell(char)} at position {position} can't be in a {what}"
        elif not word and position == 1:
            reason = f"a {what} can't begin with {spell(char)}"
        elif not word and before in _SEPARATORS:
            reason = (
                f"{spell(before)} and {spell(char)} at position {position - 1} can't stand side by side in a {what}"
            )
        if reason:
            break
        before = char
    rule = f"allowed are {allowed} with single spaces, '_' or '-' between them"
    if not reason:
        reason = f"{len(value)} characters are too many for a {what}"
        rule = f"at most {limit} are allowed"
    better = _mended(value, limit, is_word)
    return Fault(reason, f"{rule}, e.g. {better!r}" if better else rule)


def _mended(value: str, limit: int, is_word: Callable[[str], bool]) -> str:
    """`value` with what isn't allowed replaced; empty when nothing would be left."""
    kept: list[str] = []
    for char in value:
        if char.isascii() and is_word(char):
            kept.append(char)
        elif kept and kept[-1] not in _SEPARATORS:
            kept.append(char if char in _SEPARATORS else " " if char.isspace() else "-")
        if len(kept) == limit:
            break
    return "".join(kept).rstrip(_SEPARATORS)


def spell(char: str) -> str:
    """One character for people: quoted, with its code point where it can't be seen or is easily taken for another."""
    if char == " ":
        return "a space"
    return repr(char) if char.isascii() and char.isprintable() else f"{char!r} (U+{ord(char):04X})"


@lru_cache(_CACHE)
def tag_key_fault(key: str) -> Fault | None:
    """Why AWS would refuse `key` as a tag's key."""
    if key[:4].lower() == "aws:":
        return Fault("tag keys that begin with 'aws:' belong to AWS", "choose another key")
    if TAG_KEY.fullmatch(key):
        return None
    if not key:
        return Fault("a tag needs a key", "write the column as tag:KEY, e.g. tag:Team")
    return _tag_fault("tag key", key, TAG_KEY_LENGTH)


def tag_value_fault(value: str) -> Fault | None:
    """Why AWS would refuse `value` as a tag's value."""
    return None if TAG_VALUE.fullmatch(value) else _tag_fault("tag value", value, TAG_VALUE_LENGTH)


def _tag_fault(what: str, value: str, limit: int) -> Fault:
    for position, char in enumerate(value, 1):
        if not TAG_VALUE.fullmatch(char):
            return Fault(
                f"{spell(char)} at position {position} can't be in a {what}",
                "allowed are letters without accents, digits, spaces and . _ : / = + @ -",
            )
    return Fault(f"{len(value)} characters are too many for a {what}", f"at most {limit} are allowed")


def tag_values_are_sound(values: Collection[str]) -> bool:
    """Whether AWS takes all of `values`."""
    # Most rows' values are sound even as one.
    sound = TAG_VALUE.fullmatch
    return sound("".join(values)) is not None or all(map(sound, values))


def tag_faults(tags: Mapping[str, str]) -> list[tuple[str, str, Fault]]:
    """Key, value and fault of each of `tags` that AWS would refuse."""
    return [
        (key, value, fault) for key, value in tags.items() if (fault := tag_key_fault(key) or tag_value_fault(value))
    ]


def tag_count_fault(tags: Mapping[str, str]) -> Fault | None:
    """Why AWS would refuse that many tags on one profile."""
    if len(tags) <= TAGS_PER_PROFILE:
        return None
    return Fault(f"{len(tags)} tags are too many for a profile", f"AWS allows {TAGS_PER_PROFILE}")


@lru_cache(_CACHE)
def account_fault(value: str) -> Fault | None:
    """Why `value` is neither an account id nor has the form of a selector or an alias."""
    forms = (ACCOUNT, ACCOUNT_ALIAS, UNIT_SELECTOR, TAG_SELECTOR)
    if value == ORGANIZATION or any(form.fullmatch(value) for form in forms):
        return None
    if value.isascii() and value.isdigit():
        return Fault(f"has {len(value)} digits, an account id has 12", _digits_remedy(value))
    if (fault := _selector_fault(value)) is not None:
        return fault
    if _SCIENTIFIC.fullmatch(value):
        return Fault(
            "is a number in scientific notation, as a spreadsheet writes a long one: digits are lost",
            "format the column as text and enter the 12 digits again",
        )
    bare = value.removesuffix(".0").replace("-", "").replace(" ", "")
    remedy = f"write just the digits: {bare}" if ACCOUNT.fullmatch(bare) else _DIGITS
    return Fault("is not an AWS account id", remedy)


_DIGITS = "write its 12 digits, e.g. 111122223333"


def _selector_fault(value: str) -> Fault | None:
    """What is wrong with something that is meant as a selector."""
    kind, colon, rest = value.partition(":")
    kind = kind.strip().lower()
    if colon and kind == "tag":
        return Fault("names no tag of accounts", "write tag:KEY=VALUE, e.g. tag:env=prod")
    if (colon and kind.startswith("org")) or (kind in ("ou", "") and rest.startswith("r-")) or value.startswith("r-"):
        return Fault("selects no accounts", f"write {ORGANIZATION} for all accounts of the organization")
    if (colon and kind == "ou") or value.startswith("ou-"):
        likely = f"ou:{(rest or value).strip().lower()}"
        example = likely if UNIT_SELECTOR.fullmatch(likely) else "ou: and its id, e.g. ou:ou-ab12-34cd56ef"
        return Fault("isn't the id of an organizational unit", f"write {example}")
    return None


def _digits_remedy(value: str) -> str:
    if len(value) > 12:
        return _DIGITS
    padded = value.zfill(12)
    return f"if leading zeros were lost, it is {padded}: format the column as text (in JSON, quote the number)"


@lru_cache(_CACHE)
def region_fault(value: str) -> Fault | None:
    """Why `value` can't be a Region's name; whether AWS has it shows when it is used."""
    if REGION.fullmatch(value):
        return None
    reason = "is not a Region's name"
    if _ZONE.fullmatch(value):
        return Fault("is an availability zone, not a Region", f"write {value[:-1]}")
    likely = re.sub(r"[\s_-]+", "-", value.strip().lower())
    if REGION.fullmatch(likely):
        return Fault(reason, f"write {likely}")
    return Fault(reason, "write it as AWS does, e.g. us-east-1 or eu-central-1")


_BETWEEN = re.compile(r"[\s,;&+|]+")
_BETWEEN_OR_SLASH = re.compile(r"[\s,;&+|/]+")
_HAS_DIGIT = re.compile(r"[0-9]")


def several_in(value: str, fault_of: Callable[[str], Fault | None]) -> tuple[str, ...]:
    """The values in `value` where it is several good ones with a comma, a blank or the like between them; else none.

    `fault_of` says what is wrong with a single one. Words with nothing but blanks between them are no values.
    """
    for between in (_BETWEEN, _BETWEEN_OR_SLASH):
        parts = tuple(filter(None, between.split(value)))
        words = parts == tuple(value.split()) and not all(map(_HAS_DIGIT.search, parts))
        if len(parts) > 1 and not words and not any(map(fault_of, parts)):
            return parts
    return ()


def in_a_cell(value: str, fault: Fault, fault_of: Callable[[str], Fault | None]) -> Fault:
    """What is wrong with a value of a manifest's cell: `fault`, unless it holds several good values."""
    return _rather_several(value, fault, fault_of, "separate them by |: {}", "|")


def in_a_list(value: str, fault: Fault, fault_of: Callable[[str], Fault | None]) -> Fault:
    """The same for a value of the config."""
    return _rather_several(value, fault, fault_of, 'write a list: ["{}"]', '", "')


def in_a_flag(value: str, fault: Fault, fault_of: Callable[[str], Fault | None]) -> Fault:
    """The same for a value of a flag."""
    return _rather_several(value, fault, fault_of, "separate them by commas: {}", ",")


def _rather_several(
    value: str, fault: Fault, fault_of: Callable[[str], Fault | None], remedy: str, between: str
) -> Fault:
    parts = several_in(value, fault_of)
    return Fault("holds several values", remedy.format(between.join(parts))) if parts else fault
