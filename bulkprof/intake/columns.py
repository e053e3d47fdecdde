"""What a manifest's columns mean, found out once for each header (or set of JSON keys), not once for each row.

A column that looks like a misspelt known one is a problem, since taking it for an attribute would drop what it says:
a `modle` column would make profiles of the default model, an `account_id` column would make them in the wrong account.
Whoever needs an attribute of such a name renames it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bulkprof.limits import Fault, tag_key_fault

KNOWN = ("name", "model", "description", "account", "region")
TAGS = "tags"
"""The key under which JSON and plugin readers may hold all tags as one object."""
TAG_PREFIX = "tag:"

_SYNONYMS = {
    "profilename": "name", "inferenceprofilename": "name",
    "modelid": "model", "modelname": "model", "modelarn": "model", "basemodel": "model",
    "desc": "description", "descr": "description",
    "acct": "account", "accnt": "account", "accountid": "account", "awsaccount": "account", "awsaccountid": "account",
    "accountnumber": "account", "regionname": "region", "awsregion": "region",
}  # fmt: skip
"""What people call the known columns, without case, blanks and separators."""
_WORDS = frozenset({"mode", "modal", "named", "amount", "religion", "legion"})
"""Words of their own that are a slip away from a known column."""
_TAG_LIKE = re.compile(r"tags?\s*[:_.=/ -]\s*(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class ColumnFault:
    """A column that can't be used as it is named."""

    column: str
    fault: Fault
    likely: str = ""
    """The name that it should have, where that can be told."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where to find what: indices into a row's cells; -1 stands for a column that isn't there."""

    names: tuple[str, ...]
    name: int
    model: int
    description: int
    account: int
    region: int
    tag_object: int
    tags: tuple[tuple[int, str], ...]
    attributes: tuple[tuple[int, str], ...]
    faults: tuple[ColumnFault, ...]

    def without_faults(self) -> Columns:
        """The same, when the faults have been told already."""
        return replace(self, faults=())


def understand(names: Sequence[str], *, tag_object: bool = True) -> Columns:
    """Tell known columns, tags and attributes apart, and find what can't be right.

    Known names and the prefix `tag:` count in any case. `tag_object` says whether a column `tags` may hold them all.
    """
    known: dict[str, int] = {}
    tags: list[tuple[int, str]] = []
    attributes: list[tuple[int, str]] = []
    faults: list[ColumnFault] = []
    cleaned = [name.strip() for name in names]
    present = {name.lower() for name in cleaned}
    meanings: list[str] = []
    for index, name in enumerate(cleaned):
        lowered = name.lower()
        is_tag = lowered.startswith(TAG_PREFIX)
        key = name[len(TAG_PREFIX) :]
        fault: ColumnFault | None = None
        if lowered in KNOWN or (tag_object and lowered == TAGS):
            known.setdefault(lowered, index)
        elif is_tag and key == key.strip():
            tags.append((index, key))
            problem = tag_key_fault(key)
            fault = ColumnFault(name, problem) if problem else None
        else:
            attributes.append((index, name))
            fault = _misspelt(name, present) if name else _unnamed(index)
        if fault:
            faults.append(fault)
        meanings.append(TAG_PREFIX + key if is_tag else lowered if lowered in KNOWN else name)
    faults.extend(_repeated(meanings))
    return Columns(
        names=tuple(names),
        name=known.get("name", -1),
        model=known.get("model", -1),
        description=known.get("description", -1),
        account=known.get("account", -1),
        region=known.get("region", -1),
        tag_object=known.get(TAGS, -1),
        tags=tuple(tags),
        attributes=tuple(attributes),
        faults=tuple(faults),
    )


def _unnamed(index: int) -> ColumnFault:
    return ColumnFault(f"column {index + 1}", Fault("has no name", "name it in the header, or remove it"))


def _repeated(meanings: Sequence[str]) -> list[ColumnFault]:
    counts = Counter(meaning for meaning in meanings if meaning)
    remedy = "keep one; several values of model, account and region go in one cell, separated by |"
    return [
        ColumnFault(meaning, Fault(f"is the name of {count} columns", remedy))
        for meaning, count in counts.items()
        if count > 1
    ]


def _misspelt(name: str, present: set[str]) -> ColumnFault | None:
    likely = likely_column(name)
    plain = _plain(name)
    # Beside a real `account` column, `account_id` is more likely meant to be an attribute.
    if not likely or (plain in _SYNONYMS and likely in present):
        return None
    example = likely if likely != TAG_PREFIX else "tag:KEY"
    return ColumnFault(
        name,
        Fault("is not a known column", f"did you mean {example}? If not, rename it: it looks too much like it"),
        likely if likely != TAG_PREFIX else "",
    )


@lru_cache(1024)
def likely_column(name: str) -> str:
    """The known column that `name` is likely meant to be, or nothing when it stands for itself."""
    tag = _likely_tag(name)
    plain = _plain(name)
    if tag or plain in _WORDS:
        return tag
    # Slips seldom hit the first letter, and `game` or `same` are words of their own.
    slips = (
        column
        for column in KNOWN
        if plain[:1] == column[0] and distance(plain, column) <= (2 if len(column) > 8 else 1)
    )
    return _SYNONYMS.get(plain) or next(slips, "")


def _likely_tag(name: str) -> str:
    """The tag column that `name` is likely meant to be; the bare prefix where it names no key."""
    tag = _TAG_LIKE.fullmatch(name)
    if tag:
        return TAG_PREFIX + tag[1].strip()
    head, colon, key = name.partition(":")
    if colon and distance(head.strip().lower(), "tag") <= 1:
        return TAG_PREFIX + key.strip()
    return TAG_PREFIX if _plain(name) in {"tag", "tags"} else ""


def _plain(name: str) -> str:
    return re.sub(r"[\s_.-]+", "", name).lower()


def distance(left: str, right: str) -> int:
    """How many slips make `left` of `right`: a letter more, less, other, or two letters swapped."""
    if abs(len(left) - len(right)) > 2:
        return 3
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        now = [i]
        for j, b in enumerate(right, 1):
            cost = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        before, row = row, now
    return row[-1]
