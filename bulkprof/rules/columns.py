"""Slips in the columns of manifests, which would pass without a word.

- Columns that settings of plugins name and no manifest has. A row without the column is fine: its cell counts as empty.
  Where all rows lack it, what it was named for is done for none.
- Cells that rules read and that are plainly damaged: a rule would make a name or a tag of `#REF!`.
- Columns that no rule reads and that hold what a row doesn't say: an account in a column called `Konto`. What a column
  is called can't always be told from its name; what it holds can. A row without an account, a Region or a model gets
  the default one, and that is the wrong one where another column of the row has it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from bulkprof.config import Defaults
from bulkprof.errors import ConfigError
from bulkprof.limits import ACCOUNT, Fault, damage_fault
from bulkprof.manifests.columns import MOST_NEW_NAMES
from bulkprof.model import Problem, Request
from bulkprof.plugins.api import NeededField
from bulkprof.plugins.fields import column_of
from bulkprof.rules.hooks import cell_problem
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
        self._read = read_by_rules
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
            if column in read:
                continue
            for known in missing:
                if value not in self._defaults[known] and _holds(known, column, value):
                    reason = f"looks like the row's {known}, which the column {known} doesn't say"
                    remedy = f"call this column {known}; if it means something else, fill {known}, or remove this one"
                    yield cell_problem(request, column, value, Fault(reason, remedy))


def damaged_cells(request: Request, read_by_rules: Collection[str]) -> Iterator[Problem]:
    """What is plainly damaged among the row's cells that rules read."""
    if are_undamaged(request.attributes.values()):
        return
    for column, value in request.attributes.items():
        if column in read_by_rules and (fault := damage_fault(value)):
            yield cell_problem(request, column, value, fault)


def _holds(known: str, column: str, value: str) -> bool:
    parts = _BETWEEN.split(value)
    if known == "region":
        return _REGIONS.issuperset(parts)
    if known == "model":
        return all(map(_MODEL.fullmatch, parts))
    return all(map(ACCOUNT.fullmatch, parts)) and _OF_ACCOUNTS.search(folded(column)) is not None


def check_needed(
    needed: Iterable[tuple[str, NeededField]], attributes: Collection[str], fields: Collection[str]
) -> None:
    """Hold what plugins need against what the manifests have. Raises `ConfigError` that names each missing column.

    `attributes` are the manifests' columns for rules, `fields` the tags that rows may give (`tag:KEY`), and columns
    that plugins added.
    """
    columns = _columns(attributes, fields)
    if len(columns) >= MOST_NEW_NAMES:
        # Not all of them are remembered, so none can be said to lack.
        return
    missing = [
        f"[plugins.{plugin}] {each.setting}: no manifest has the column {column!r}; {_remedy(column, columns)}"
        for plugin, each, column in lacking(needed, attributes, fields)
    ]
    if missing:
        raise ConfigError(printable_lines(dict.fromkeys(missing)))


def lacking(
    needed: Iterable[tuple[str, NeededField]], attributes: Collection[str], fields: Collection[str]
) -> Iterator[tuple[str, NeededField, str]]:
    """What is needed, by which plugin, and the column that it is read from, where that isn't there."""
    columns = _columns(attributes, fields)
    for plugin, each in needed:
        column = column_of(each.field)
        if column is not None and column not in columns and not _is_given(each, fields):
            yield plugin, each, column


def _columns(attributes: Collection[str], fields: Collection[str]) -> list[str]:
    return [*attributes, *(field for field in fields if not field.startswith(TAG_PREFIX))]


def _is_given(needed: NeededField, fields: Collection[str]) -> bool:
    """Whether the manifests give all tags themselves that would be made from it."""
    return bool(needed.tags) and all(f"{TAG_PREFIX}{key}" in fields for key in needed.tags)


def _remedy(column: str, columns: Iterable[str]) -> str:
    by_case = {each.lower(): each for each in columns}
    if near := difflib.get_close_matches(column.lower(), by_case, n=1):
        return f"did you mean {visible(by_case[near[0]])!r}?"
    shown = ", ".join(map(visible, islice(by_case.values(), SHOWN)))
    return f"add it, filled or not, or take it out of the config (for rules, they have {shown or 'no column'})"
