"""Slips in the columns of manifests, which would pass without a word.

- Columns that settings name, those of plugins and `[columns]`, and no manifest has. A row without the column is fine:
  its cell counts as empty. Where all rows lack it, what it was named for is done for none.
- Cells that rules read and that are plainly damaged: a rule would make a name or a tag of `#REF!`.
- Columns that no rule reads and that hold what a row doesn't say: an account in a column called `Konto`. What a column
  is called can't always be told from its name; what it holds can. A row without an account, a Region or a model gets
  the default one, and that is the wrong one where another column of the row has it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from bulkprof.config import ColumnNames, Defaults
from bulkprof.config.columns import plain_column
from bulkprof.limits import ACCOUNT, Fault, damage_fault
from bulkprof.manifests.columns import KNOWN, MOST_NEW_NAMES, TAGS
from bulkprof.model import Problem, Request
from bulkprof.plugins.api import NeededField
from bulkprof.plugins.fields import column_of
from bulkprof.rules.hooks import cell_problem, is_said_by
from bulkprof.rules.regions import REGIONS
from bulkprof.text.damaged import are_undamaged
from bulkprof.text.looks import TAG_PREFIX, folded, visible
from bulkprof.text.printable import printable_lines

SHOWN = 10
"""How many columns are named, where others are looked for."""
_OF_ACCOUNTS = re.compile("acc|acct|aws|kont|compt|cuent|cont[aoe]|target|dest|tenant|аккаунт|账|帳|アカウント|계정")
"""Parts of what such columns are called: twelve digits alone may be the number of an order."""
_REGIONS = frozenset(REGIONS)
_PROVIDERS = "(?:ai21|amazon|anthropic|cohere|deepseek|luma|meta|mistral|openai|qwen|stability|twelvelabs|writer)"
"""Of models; a value of others is told as an unread column only."""
_MODEL = re.compile(
    r"arn:aws[a-z-]*:bedrock:\S*:(?:foundation-model|inference-profile)/\S+"
    rf"|(?:(?:us|us-gov|eu|apac|jp|au|ca|global)\.)?{_PROVIDERS}\.[\w.:-]*\d\S*"
)
_MAYBE = re.compile(rf"[0-9]{{12}}|[a-z]{{2,4}}-[a-z]+-|arn:aws|(?:[a-z-]{{2,6}}\.)?{_PROVIDERS}\.").match
"""How all such values begin: one look at each value sorts nearly all rows out."""
_REMEMBERED = 16_384
_BETWEEN = re.compile(r"[\s|,;]+")


class Overlooked:
    """Looks for columns that hold what a row doesn't say."""

    def __init__(self, read_by_rules: Collection[str] | None, defaults: Defaults) -> None:
        """`read_by_rules` is None where it isn't known which columns rules read; then none is unread."""
        self._read = None if read_by_rules is None else frozenset(map(folded, read_by_rules))
        self._defaults = {"account": defaults.account, "region": defaults.region, "model": defaults.model}
        self._harmless: set[str] = set()
        """Values that are none of these, since columns repeat theirs."""

    def problems(self, request: Request) -> Iterable[Problem]:
        """What is wrong with the row: a problem for each such column, unless it holds the default anyway."""
        values = request.attributes.values()
        if self._read is None or self._harmless.issuperset(values):
            return ()
        if any(map(_MAYBE, values)):
            return self._found(request, self._read)
        if len(self._harmless) > _REMEMBERED:
            self._harmless.clear()
        self._harmless.update(values)
        return ()

    def _found(self, request: Request, read: Collection[str]) -> Iterator[Problem]:
        given = {"account": request.accounts, "region": request.regions, "model": request.models}
        missing = [column for column in given if not given[column]]
        for column, value in request.attributes.items():
            if folded(column) in read:
                continue
            for known in missing:
                if value not in self._defaults[known] and _holds(known, column, value):
                    reason = f"looks like the row's {known}, which the column {known} doesn't say"
                    remedy = f"call this column {known}; if it means something else, fill {known}, or remove this one"
                    yield cell_problem(request, column, value, Fault(reason, remedy))


def damaged_cells(request: Request, read_by_rules: Collection[str]) -> Iterator[Problem]:
    """What is plainly damaged among the row's cells that rules read; `read_by_rules` are their columns, folded."""
    if are_undamaged(request.attributes.values()):
        return
    for column, value in request.attributes.items():
        if folded(column) in read_by_rules and (fault := damage_fault(value)):
            yield cell_problem(request, column, value, fault)


def _holds(known: str, column: str, value: str) -> bool:
    parts = _BETWEEN.split(value)
    if known == "region":
        return _REGIONS.issuperset(parts)
    if known == "model":
        return all(map(_MODEL.fullmatch, parts))
    return all(map(ACCOUNT.fullmatch, parts)) and _OF_ACCOUNTS.search(folded(column)) is not None


class Found(NamedTuple):
    """What the manifests of a run have, as far as rules could read it."""

    attributes: Collection[str]
    """The columns for rules, in the order of the manifests."""
    fields: Collection[str]
    """Known columns, tags that rows may give (`tag:KEY`), and columns that plugins gave them."""
    names_are_made: bool = True
    """Whether rows had no name, so that rules have to make it."""

    @property
    def columns(self) -> list[str]:
        """The columns for rules, with those of plugins."""
        others = (each for each in self.fields if each not in (*KNOWN, TAGS) and not each.startswith(TAG_PREFIX))
        return [*self.attributes, *others]


class Missing(NamedTuple):
    """A column that the config names and no manifest has."""

    setting: str
    """Where the config names it: `[plugins.tags] columns`."""
    header: str
    """What the sheet should call it."""
    column: str
    """What rules call it: another name only for `[columns]`."""
    plugin: str = ""
    """The plugin that needs it; empty for `[columns]`."""
    tags: frozenset[str] = frozenset()
    """The tags that are made from it."""

    def explains(self, problem: Problem) -> bool:
        """Whether a row has `problem` because of it."""
        of_tag = problem.column.removeprefix(TAG_PREFIX) if problem.column.startswith(TAG_PREFIX) else ""
        return (bool(self.plugin) and is_said_by(self.plugin, problem)) or of_tag in self.tags


def missing_columns(needed: Iterable[tuple[str, NeededField]], naming: ColumnNames, found: Found) -> Sequence[Missing]:
    """Hold what plugins need and what `[columns]` names against what the manifests have. Return what none has."""
    if len(found.columns) >= MOST_NEW_NAMES:
        # Not all of them are remembered, so none can be said to lack.
        return ()
    there = {plain_column(column) for column in (*found.attributes, *found.fields)}
    # A manifest that bulkprof wrote has the column under its own name.
    mapped = [
        Missing(f"[columns] {visible(column)}", headers[0], column)
        for column, headers in naming.headers.items()
        if plain_column(column) not in there
    ]
    needs = [
        Missing(f"[plugins.{plugin}] {each.setting}", column, column, plugin, each.tags)
        for plugin, each, column in _lacking(needed, found)
    ]
    return list(dict.fromkeys([*mapped, *needs]))


def missing_lines(missing: Sequence[Missing], found: Found) -> str:
    """What is missing, for people: a line for each."""
    mapped = {folded(each.column) for each in missing if not each.plugin}
    return printable_lines(
        f"{each.setting}: no manifest has the column {each.header!r}; {_remedy(each.header, found.columns)}"
        for each in missing
        # What a plugin reads under a mapped name is missing for the same reason.
        if not (each.plugin and folded(each.column) in mapped)
    )


def _lacking(needed: Iterable[tuple[str, NeededField]], found: Found) -> Iterator[tuple[str, NeededField, str]]:
    """What is needed, by which plugin, and the column that it is read from, where that isn't there."""
    columns = set(map(folded, found.columns))
    for plugin, each in needed:
        column = column_of(each.field)
        if column is None or folded(column) in columns or _is_given(each, found.fields):
            continue
        if found.names_are_made or not each.names:
            yield plugin, each, column


def _is_given(needed: NeededField, fields: Collection[str]) -> bool:
    """Whether the manifests give all tags themselves that would be made from it."""
    return bool(needed.tags) and all(f"{TAG_PREFIX}{key}" in fields for key in needed.tags)


def _remedy(column: str, columns: Iterable[str]) -> str:
    by_case = {each.lower(): each for each in columns}
    if near := difflib.get_close_matches(column.lower(), by_case, n=1):
        return f"did you mean {visible(by_case[near[0]])!r}?"
    shown = ", ".join(map(visible, islice(by_case.values(), SHOWN)))
    return f"add it, filled or not, or take it out of the config (for rules, they have {shown or 'no column'})"
