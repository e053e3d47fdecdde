"""AWS's limits on names, descriptions, tags, accounts and Regions, and what to say where a value breaks one.

Each check returns a `Fault`, ready to become a `Problem`, or None. botocore checks neither patterns nor maximum
lengths, so a value that passes here is the last one before the wire. Patterns are AWS's own, written in a form
that takes linear time: `([0-9a-zA-Z][ _-]?)+` accepts the same strings as `NAME` below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

from bulkprof.text.cleaning import DESCRIPTIONS, NAMES, TAG_VALUES, Allowed, clean
from bulkprof.text.damaged import damage

NAME_LENGTH = NAMES.length
DESCRIPTION_LENGTH = DESCRIPTIONS.length
TAG_KEY_LENGTH = 128
TAG_VALUE_LENGTH = TAG_VALUES.length
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

_SHOWN = 8
"""Refused characters, and positions of one, that a message names."""
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
    return _words_fault("name", value, NAMES, "letters, digits")


@lru_cache(_CACHE)
def description_fault(value: str) -> Fault | None:
    """Why AWS would refuse `value` as a profile's description."""
    if len(value) <= DESCRIPTION_LENGTH and DESCRIPTION.fullmatch(value):
        return None
    fault = _words_fault("description", value, DESCRIPTIONS, "letters, digits, ':', '.'")
    # Where nothing would be left, there is no example.
    setting = "; set `clean_description = true` in [defaults] to get that" if ", e.g. " in fault.remedy else ""
    return Fault(fault.reason, fault.remedy + setting)


def _words_fault(what: str, value: str, form: Allowed, letters: str) -> Fault:
    """All that is wrong with a name or description that broke its pattern or length."""
    if not value:
        return Fault(f"a {what} can't be empty", f"write 1 to {form.length} characters")
    reasons: list[str] = []
    refused = [
        (position, char)
        for position, char in enumerate(value, 1)
        if not (char.isascii() and char.isalnum()) and char not in form.anywhere and char not in form.between
    ]
    if refused:
        reasons.append(f"{_spelt(refused)} can't be in a {what}")
    if value[0] in form.between:
        reasons.append(f"a {what} can't begin with {spell(value[0])}")
    for position, (one, other) in enumerate(pairwise(value), 1):
        if one in form.between and other in form.between:
            reasons.append(
                f"{spell(one)} and {spell(other)} at position {position} can't stand side by side in a {what}"
            )
            break
    rule = f"allowed are {letters} with single spaces, '_' or '-' between them"
    if len(value) > form.length:
        reasons.append(f"{len(value)} characters are too many for a {what}")
        rule = f"{rule}, and at most {form.length} in all" if len(reasons) > 1 else f"at most {form.length} are allowed"
    better = clean(value, form)
    return Fault(", and ".join(reasons), f"{rule}, e.g. {better!r}" if better else rule)


def _spelt(refused: Sequence[tuple[int, str]]) -> str:
    """Characters for people, each once, with the positions where they stand."""
    places: dict[str, list[int]] = {}
    for position, char in refused:
        places.setdefault(char, []).append(position)
    shown = [f"{spell(char)} at {_positions(found)}" for char, found in islice(places.items(), _SHOWN)]
    more = len(places) - len(shown)
    return f"{', '.join(shown)}{f' and {more} more' if more else ''}"


def _positions(found: Sequence[int]) -> str:
    if len(found) == 1:
        return f"position {found[0]}"
    if len(found) > _SHOWN:
        return f"{len(found)} positions from {found[0]} on"
    return f"positions {', '.join(map(str, found[:-1]))} and {found[-1]}"


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


@lru_cache(_CACHE)
def _tag_fault(what: str, value: str, limit: int) -> Fault:
    reasons, rules = [], []
    if refused := [(position, char) for position, char in enumerate(value, 1) if not TAG_VALUE.fullmatch(char)]:
        reasons.append(f"{_spelt(refused)} can't be in a {what}")
        rules.append("allowed are letters without accents, digits, spaces and . _ : / = + @ -")
    if len(value) > limit:
        reasons.append(f"{len(value)} characters are too many for a {what}")
        rules.append(f"at most {limit} are allowed")
    return Fault(", and ".join(reasons), ", ".join(rules))


@lru_cache(_CACHE)
def cleanable(value: str, fault: Fault, plugin: str = "tags") -> Fault:
    """The fault of a tag's value, with the setting of `plugin` that would clean it, where anything would be left."""
    if not (cleaned := clean(value, TAG_VALUES)):
        return fault
    return Fault(fault.reason, f"{fault.remedy}; set `clean = true` in [plugins.{plugin}] to get {cleaned!r}")


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
