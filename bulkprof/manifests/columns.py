"""What a manifest's columns mean, found out once for each header (or set of JSON keys), not once for each row.

Names are compared as they look: invisible characters, case, width and blanks around make no difference. A column that
looks like a known one and isn't is a problem, since taking it for an attribute would drop what it says: a `modle`
column would make profiles of the default model, an `Account (ID)` column would make them in the wrong account.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bulkprof.limits import Fault, tag_key_fault
from bulkprof.manifests.likely import is_label, likely_column
from bulkprof.text.looks import TAG_PREFIX, folded, odd_letter, seen, tag_key, visible

PROFILE = ("name", "model", "description", "account", "region")
"""What says which profile is wanted."""
KNOWN = (*PROFILE, "disown")
MOST_NEW_NAMES = 1_000
"""Names of one manifest to remember; hand-written ones have a few, hostile JSON as many as rows."""
TAGS = "tags"
"""The key under which JSON and plugin readers may hold all tags as one object."""


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
    disown: int
    tag_object: int
    tags: tuple[tuple[int, str], ...]
    attributes: tuple[tuple[int, str], ...]
    faults: tuple[ColumnFault, ...]
    labels: tuple[tuple[int, int], ...] = ()
    """Pairs of a known column and one with names for what it holds: `account` and `Account name`."""

    def has(self, column: str) -> bool:
        """Whether there is the known column `column`."""
        return column in KNOWN and int(getattr(self, column)) >= 0

    def without_faults(self) -> Columns:
        """The same, when the faults have been told already."""
        return replace(self, faults=())


def is_known(name: str) -> bool:
    """Whether a column of this name is a known one, or a tag."""
    return folded(name) in KNOWN or tag_key(name) is not None


def understand(names: Sequence[str], *, tag_object: bool = True) -> Columns:
    """Tell known columns, tags and attributes apart, and find what can't be right.

    `tag_object` says whether a column `tags` may hold them all.
    """
    known: dict[str, int] = {}
    tags: list[tuple[int, str]] = []
    attributes: list[tuple[int, str]] = []
    labels: list[tuple[int, int]] = []
    faults: list[ColumnFault] = []
    meanings: dict[str, list[int]] = {}
    for index, plain in enumerate(map(folded, names)):
        if plain in KNOWN or (tag_object and plain == TAGS):
            known.setdefault(plain, index)
    for index, name in enumerate(names):
        fault: ColumnFault | None = None
        if (meaning := folded(name)) in known:
            pass
        elif (key := tag_key(name)) is not None:
            meaning = TAG_PREFIX + key
            tags.append((index, key))
            problem = tag_key_fault(key)
            fault = ColumnFault(name, problem) if problem else None
        else:
            meaning = seen(name)
            attributes.append((index, meaning))
            likely = likely_column(name)
            if likely in known and is_label(name):
                labels.append((known[likely], index))
            elif likely or not meaning:
                fault = _not_known(name, likely, names[known[likely]] if likely in known else "", index)
        if fault:
            faults.append(fault)
        meanings.setdefault(meaning, []).append(index)
    meanings.pop("", None)
    repeated = ((meaning, indices) for meaning, indices in meanings.items() if len(indices) > 1)
    faults += [_repeated(meaning, [names[index] for index in indices]) for meaning, indices in repeated]
    return Columns(
        names=tuple(names),
        name=known.get("name", -1),
        model=known.get("model", -1),
        description=known.get("description", -1),
        account=known.get("account", -1),
        region=known.get("region", -1),
        disown=known.get("disown", -1),
        tag_object=known.get(TAGS, -1),
        tags=tuple(tags),
        attributes=tuple(attributes),
        faults=tuple(faults),
        labels=tuple(labels),
    )


def _repeated(meaning: str, written: Sequence[str]) -> ColumnFault:
    differ = f" ({', '.join(map(visible, written))})" if len(set(written)) > 1 else ""
    remedy = "keep one; several values of model, account and region go in one cell, separated by |"
    return ColumnFault(meaning, Fault(f"is the name of {len(written)} columns{differ}", remedy))


def _not_known(name: str, likely: str, beside: str, index: int) -> ColumnFault:
    """A column without a name, or one that may be meant for `likely`, which the column `beside` is, if there is one."""
    if not likely:
        return ColumnFault(f"column {index + 1}", Fault("has no name", "name it in the header, or remove it"))
    letter = odd_letter(name)
    why = f": its letter {letter} only looks like a plain one" if letter else ""
    if beside:
        reason = f"may mean {likely}, as the column '{visible(beside)}' does{why}"
        return ColumnFault(name, Fault(reason, "keep one of the two, or rename the one that is an attribute"), likely)
    example = "tag:KEY" if likely == TAG_PREFIX else likely
    remedy = f"did you mean {example}? If not, rename it: it looks too much like it"
    return ColumnFault(name, Fault(f"is not a known column{why}", remedy), likely if likely != TAG_PREFIX else "")


class NewNames:
    """Names that come up while rows are read, each told once."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self._new: list[str] = []

    def note(self, names: Iterable[str]) -> None:
        """Take in names, those that came up before among them."""
        for name in names:
            if name not in self.known and len(self.known) < MOST_NEW_NAMES:
                self.known.add(name)
                self._new.append(name)

    def take(self) -> Sequence[str]:
        """The names that came up since the last call, and not before."""
        new, self._new = self._new, []
        return new
