"""From a raw row to a request: every bad cell of the row at once.

This runs for each row of each manifest, so it is laid out for speed: what depends on the columns is worked out once
for each set of them, what depends on a cell's text is remembered by the text, and rows that hold more than strings
(JSON's lists, numbers and objects) are flattened first, so that the rest sees strings only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bulkprof.config import ColumnNames
from bulkprof.limits import (
    NAME,
    NAME_LENGTH,
    TAGS_PER_PROFILE,
    Fault,
    account_fault,
    cleanable,
    damage_fault,
    description_fault,
    in_a_cell,
    name_fault,
    region_fault,
    tag_count_fault,
    tag_key_fault,
    tag_value_fault,
    tag_values_are_sound,
)
from bulkprof.manifests.columns import AS_WRITTEN, Columns, NewNames, understand
from bulkprof.manifests.flatten import BadCell, flatten, shortened
from bulkprof.manifests.workbooks.places import Sheet, located
from bulkprof.model import EMPTY, Problem, RawRow, Request
from bulkprof.plugins.fields import Attributes
from bulkprof.text.damaged import are_undamaged
from bulkprof.text.looks import visible

SEPARATOR = "|"
_PLANS = 1_000
"""Sets of columns to remember; a CSV file has one, hand-written JSON a few, hostile JSON as many as rows."""
_WHERES = 16_384
"""Combinations of models, accounts and Regions to remember."""
_YES = frozenset({"true", "yes", "y", "1", "x"})
_NO = frozenset({"", "false", "no", "n", "0"})
_NEITHER = Fault("is neither yes nor no", "write true where the profile is to be let go of, and nothing elsewhere")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row (or a whole file: line 0) that can't be used.

    `problems` is empty for a row that is sound itself but stands below a header with problems; those were
    told once, in the place of the header.
    """

    problems: tuple[Problem, ...]
    request: Request | None = None
    """The row nevertheless, so that rules can tell what else is wrong with it."""
    mendable: bool = True
    """Whether all that is wrong are values that a rule may put right before they count: then the row may be used."""


class _Several(NamedTuple):
    values: tuple[str, ...]
    bad: tuple[BadCell, ...]


class _Where(NamedTuple):
    models: tuple[str, ...]
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    bad: tuple[BadCell, ...]


class Cells:
    """Reads the rows of one manifest."""

    def __init__(self, label: str, naming: ColumnNames = AS_WRITTEN) -> None:
        """`naming` is what the config says of the headers of sheets."""
        self._label = label
        self._sheet: Sheet | None = None
        self._naming = naming
        self._plans: dict[tuple[str, ...], Columns] = {}
        self._known: dict[tuple[str, str, str], _Where] = {}
        self.attributes = NewNames()
        """The columns that are attributes."""
        self.tags = NewNames()
        """The keys of the tags that rows could give."""
        self.known_columns = NewNames()
        """The known columns that there are."""
        self.header_is_bad = False
        """Set once the reader told problems of the header: columns are not complained about again."""

    @property
    def sheet(self) -> Sheet | None:
        """The sheet of a workbook that the rows come from: their file is named after it."""
        return self._sheet

    @sheet.setter
    def sheet(self, sheet: Sheet) -> None:
        self._sheet, self._label = sheet, sheet.label

    def read(self, row: RawRow) -> Request | Rejected:
        """The row as a request, or all that is wrong with it."""
        cells = row.cells
        names = tuple(cells)
        columns = self._plans.get(names) or self._plan(names)
        bad: list[BadCell] = []
        lists: Mapping[int, Sequence[str]] = {}
        object_tags: Mapping[str, str] = {}
        # The last one is where the index -1 of a missing column leads.
        try:
            values = [*map(str.strip, cells.values()), ""]
        except TypeError:
            values, lists, object_tags = flatten(columns, list(cells.values()), bad)
            values.append("")

        name = values[columns.name]
        if name and (len(name) > NAME_LENGTH or not NAME.fullmatch(name)) and (fault := name_fault(name)):
            fault = damage_fault(name) or fault
            bad.append(BadCell("name", name, fault, held=True))
        description = values[columns.description]
        if description and (fault := description_fault(description)):
            fault = damage_fault(description) or fault
            bad.append(BadCell("description", description, fault, held=True))
        disown = columns.disown >= 0 and _is_yes("disown", values[columns.disown], bad)
        where = values[columns.model], values[columns.account], values[columns.region]
        models, accounts, regions, wrong = self._known.get(where) or self._split(where)
        if wrong:
            bad += wrong
        if lists:
            models, accounts, regions = _listed(columns, lists, (models, accounts, regions), bad)

        tags = {key: value for index, key in columns.tags if (value := values[index])}
        if not (tag_values_are_sound(tags.values()) and are_undamaged(tags.values())):
            # A key with a fault was told of with its column.
            bad += [
                BadCell(f"tag:{key}", value, fault, held=True)
                for key, value in tags.items()
                if not tag_key_fault(key) and (fault := _tag_fault(value))
            ]
        if columns.tag_object >= 0:
            tags = _merged(tags, object_tags, values[columns.tag_object], bad)
            if not self.tags.known.issuperset(object_tags):
                self.tags.note(object_tags)
        if len(tags) > TAGS_PER_PROFILE and (fault := tag_count_fault(tags)):
            bad.append(BadCell("tags", "", fault, held=True))
        if columns.labels:
            bad += _unsaid(columns, values, lists)
        if columns.faults:
            return self._rejected(row, columns, bad)
        request = Request(
            self._label,
            row.line,
            name or _unread_name(bad),
            models,
            description or None,
            accounts,
            regions,
            tags or EMPTY,
            Attributes({column: value for index, column in columns.attributes if (value := values[index])}),
            disown=disown,
            row=row.row,
        )
        return self._rejected(row, columns, bad, request) if bad else request

    def _split(self, where: tuple[str, str, str]) -> _Where:
        """The values of the cells `model`, `account` and `region`, remembered."""
        models, accounts, regions = map(_several, ("model", "account", "region"), where)
        found = _Where(models.values, accounts.values, regions.values, (*models.bad, *accounts.bad, *regions.bad))
        if len(self._known) >= _WHERES:
            self._known.clear()
        self._known[where] = found
        return found

    def _plan(self, names: tuple[str, ...]) -> Columns:
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        columns = understand(names, self._naming)
        if self.header_is_bad:
            columns = columns.without_faults()
        self._plans[names] = columns
        self.attributes.note(name for _, name in columns.attributes)
        self.tags.note(key for _, key in columns.tags)
        self.known_columns.note(columns.known)
        return columns

    def _rejected(self, row: RawRow, columns: Columns, bad: list[BadCell], request: Request | None = None) -> Rejected:
        found = [(each.column, "", each.fault) for each in columns.faults]
        found += [(cell.column, cell.value, cell.fault) for cell in bad]
        problems = [
            Problem(fault.reason, self._label, row.line, visible(column), value, fault.remedy, row=row.row)
            for column, value, fault in found
        ]
        if self._sheet:
            letters = {self._label: self._sheet.letters}
            problems = [located(problem, letters) for problem in problems]
        return Rejected(tuple(problems), request, all(cell.held for cell in bad))


def _unread_name(bad: Sequence[BadCell]) -> str | None:
    """A name for a row whose own can't be read: rules look through its other cells, and mustn't make it one."""
    return next((cell.value or "?" for cell in bad if cell.column == "name"), None)


def _tag_fault(value: str) -> Fault | None:
    """What is wrong with a tag's value; where `clean` mends it, that is said."""
    if fault := damage_fault(value):
        return fault
    fault = tag_value_fault(value)
    return cleanable(value, fault) if fault else None


def _is_yes(column: str, text: str, bad: list[BadCell]) -> bool:
    """Whether a cell says yes; what is neither yes nor no is added to `bad`."""
    word = text.lower()
    if word not in _YES and word not in _NO:
        bad.append(BadCell(column, text, _NEITHER))
    return word in _YES


_CHECKS: Mapping[str, Callable[[str], Fault | None]] = {"account": account_fault, "region": region_fault}


def _several(column: str, text: str) -> _Several:
    """The values of a cell that may hold several, separated by `|`."""
    if not text:
        return _Several((), ())
    return _check_several(column, text, [part.strip() for part in text.split(SEPARATOR)])


def _check_several(column: str, text: str, values: Sequence[str]) -> _Several:
    bad: list[BadCell] = []
    check = _CHECKS.get(column)
    for index, value in enumerate(values):
        if not value:
            bad.append(BadCell(column, text, Fault("one of its values is empty", f"remove the stray {SEPARATOR!r}")))
        elif value in values[:index]:
            bad.append(BadCell(column, text, Fault(f"{value!r} stands in it twice", "write each value once")))
        elif fault := damage_fault(value):
            bad.append(BadCell(column, value, fault, held=True))
        elif check and (fault := check(value)):
            bad.append(BadCell(column, value, in_a_cell(value, fault, check), held=True))
    return _Several(tuple(filter(None, dict.fromkeys(values))), tuple(dict.fromkeys(bad)))


def _listed(
    columns: Columns,
    lists: Mapping[int, Sequence[str]],
    found: tuple[tuple[str, ...], ...],
    bad: list[BadCell],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The values of model, account and region where a row gave them as lists."""
    values = list(found)
    for place, (column, index) in enumerate(
        (("model", columns.model), ("account", columns.account), ("region", columns.region))
    ):
        if index in lists:
            parts = [part.strip() for text in lists[index] for part in text.split(SEPARATOR)]
            checked = _check_several(column, shortened(list(lists[index])), parts)
            values[place] = checked.values
            bad.extend(checked.bad)
    return values[0], values[1], values[2]


def _unsaid(columns: Columns, values: Sequence[str], lists: Mapping[int, object]) -> Iterator[BadCell]:
    """Known columns that are empty where the one with names for what they hold isn't: `account`, `Account name`."""
    for known, label in columns.labels:
        if values[label] and not values[known] and known not in lists:
            reason = f"is empty, and the column '{visible(columns.names[label])}' beside it isn't"
            remedy = "say it here, too, or rename that column: nothing is read from it"
            yield BadCell(columns.called(known), "", Fault(reason, remedy))


def _merged(
    columns_tags: dict[str, str], object_tags: Mapping[str, str], text: str, bad: list[BadCell]
) -> dict[str, str]:
    """The tags of `tag:KEY` columns and of the object under `tags`, which may not say the same key twice."""
    if text:
        fault = Fault("tags can't be one text", 'write one column for each, tag:KEY, or in JSON {"Team": "a"}')
        bad.append(BadCell("tags", text, fault))
    bad.extend(
        BadCell(f"tag:{key}", object_tags[key], Fault("stands both under tags and in a column", "keep one"))
        for key in columns_tags.keys() & object_tags.keys()
    )
    return {**columns_tags, **object_tags}
