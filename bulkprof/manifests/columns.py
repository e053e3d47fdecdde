"""What a manifest's columns mean, found out once for each header (or set of JSON keys), not once for each row.

Names are compared as they look: invisible characters, case, width and blanks around make no difference. A column that
looks like a known one and isn't is a problem, since taking it for an attribute would drop what it says: a `modle`
column would make profiles of the default model, an `Account (ID)` column would make them in the wrong account.

`[columns]` in the config may say what a sheet's own headers mean. What it says isn't doubted: it is no misspelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bulkprof.config import ColumnNames
from bulkprof.errors import ConfigError
from bulkprof.limits import Fault, tag_key_fault
from bulkprof.manifests.likely import is_label, likely_column
from bulkprof.text.looks import TAG_PREFIX, folded, odd_letter, seen, tag_key, visible
from bulkprof.text.printable import printable_lines

PROFILE = ("name", "model", "description", "account", "region")
"""What says which profile is wanted."""
KNOWN = (*PROFILE, "disown")
MOST_NEW_NAMES = 1_000
"""Names of one manifest to remember; hand-written ones have a few, hostile JSON as many as rows."""
TAGS = "tags"
"""The key under which JSON and plugin readers may hold all tags as one object."""
AS_WRITTEN = ColumnNames()
"""Where the config says nothing of a sheet's own headers."""


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
    ignored: frozenset[int] = frozenset()
    """The columns that the config leaves out."""

    def has(self, column: str) -> bool:
        """Whether there is the known column `column`."""
        return column in KNOWN and int(getattr(self, column)) >= 0

    def called(self, index: int) -> str:
        """Return what problems and rules call a column, whatever its header is: `account`, `tag:Team`, `team`."""
        known = {getattr(self, column): column for column in KNOWN} | {self.tag_object: TAGS}
        tags = {place: f"{TAG_PREFIX}{key}" for place, key in self.tags}
        return (known | tags | dict(self.attributes)).get(index, self.names[index])

    def without_faults(self) -> Columns:
        """The same, when the faults have been told already."""
        return replace(self, faults=())

    @property
    def known(self) -> tuple[str, ...]:
        """The known columns that there are, one that holds all tags among them."""
        return (*filter(self.has, KNOWN), *([TAGS] if self.tag_object >= 0 else []))


def is_known(name: str) -> bool:
    """Whether a column of this name is a known one, or a tag."""
    return folded(name) in KNOWN or tag_key(name) is not None


def understand(names: Sequence[str], naming: ColumnNames = AS_WRITTEN, *, tag_object: bool = True) -> Columns:
    """Tell known columns, tags and attributes apart, and find what can't be right.

    `naming` is what the config says of headers; `tag_object` says whether a column `tags` may hold all tags.
    """
    known: dict[str, int] = {}
    tags: list[tuple[int, str]] = []
    attributes: list[tuple[int, str]] = []
    labels: list[tuple[int, int]] = []
    faults: list[ColumnFault] = []
    meanings: dict[str, list[int]] = {}
    meant = list(map(naming.meaning, names))
    for index, column in enumerate(meant):
        plain = folded(column or "")
        if plain in KNOWN or (tag_object and plain == TAGS):
            known.setdefault(plain, index)
    for index, column in enumerate(meant):
        if column is None:
            continue
        fault: ColumnFault | None = None
        name = names[index]
        if (meaning := folded(column)) in known:
            pass
        elif (key := tag_key(column)) is not None:
            meaning = TAG_PREFIX + key
            tags.append((index, key))
            problem = tag_key_fault(key)
            fault = ColumnFault(name, problem) if problem else None
        else:
            attributes.append((index, seen(column)))
            # No cell of a table holds several tags, whatever the config says.
            likely = "" if naming.names(name) and meaning != TAGS else likely_column(column)
            if likely in known and is_label(column):
                labels.append((known[likely], index))
            elif likely or not meaning:
                fault = _not_known(name, likely, names[known[likely]] if likely in known else "", index)
        if fault:
            faults.append(fault)
        meanings.setdefault(meaning, []).append(index)
    meanings.pop("", None)
    for meaning, indices in meanings.items():
        if len(indices) > 1:
            columns = [meant[index] or "" for index in indices]
            called = seen(columns[0]) if meaning not in known else meaning
            faults.append(_repeated(called, [names[index] for index in indices], naming))
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
        ignored=frozenset(index for index, column in enumerate(meant) if column is None),
    )


def check_targets(naming: ColumnNames) -> None:
    """Raise `ConfigError` for columns in `[columns]` that look like a misspelt known one."""
    wrong = [
        f"[columns] {visible(column)}: is not a known column; did you mean {_example(likely)}?"
        for column in naming.headers
        if not is_known(column) and folded(column) != TAGS
        if (likely := likely_column(column)) and not is_label(column)
    ]
    if wrong:
        raise ConfigError(printable_lines(wrong))


def _repeated(meaning: str, written: Sequence[str], naming: ColumnNames) -> ColumnFault:
    differ = f" ({', '.join(map(visible, written))})" if len(set(written)) > 1 else ""
    several = "; several values go in one cell, separated by |" if meaning in ("model", "account", "region") else ""
    if any(map(naming.names, written)):
        # That one can stay in the sheet.
        remedy = 'keep one, or leave one out: ignore = ["…"] under [columns] in the config'
        return ColumnFault(
            meaning, Fault(f"is what {len(written)} columns mean{differ or f' ({written[0]} twice)'}", remedy)
        )
    return ColumnFault(meaning, Fault(f"is the name of {len(written)} columns{differ}", f"keep one{several}"))


def _not_known(name: str, likely: str, beside: str, index: int) -> ColumnFault:
    """A column without a name, or one that may be meant for `likely`, which the column `beside` is, if there is one."""
    if not likely:
        return ColumnFault(f"column {index + 1}", Fault("has no name", "name it in the header, or remove it"))
    letter = odd_letter(name)
    why = f": its letter {letter} only looks like a plain one" if letter else ""
    if beside:
        reason = f"may mean {likely}, as the column '{visible(beside)}' does{why}"
        return ColumnFault(name, Fault(reason, "keep one of the two, or rename the one that is an attribute"), likely)
    mapped = ""
    if likely != TAG_PREFIX:
        column = likely if likely in KNOWN else f'"{likely}"'
        mapped = f' If so, rename it, or write {column} = "{visible(name)}" under [columns] in the config.'
    remedy = f"did you mean {_example(likely)}?{mapped} If not, rename it: it looks too much like it"
    return ColumnFault(name, Fault(f"is not a known column{why}", remedy), likely if likely != TAG_PREFIX else "")


def _example(likely: str) -> str:
    return "tag:KEY" if likely == TAG_PREFIX else likely


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
