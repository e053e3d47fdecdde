"""Columns that plugins' settings name and no manifest of a run has: a slip, which would pass without a word.

A row without the column is fine: its cell counts as empty. Where all rows lack it, nobody gets what it was named for.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from bulkprof.errors import ConfigError
from bulkprof.manifests.news import MOST
from bulkprof.plugins.api import NeededField
from bulkprof.plugins.fields import column_of
from bulkprof.text.looks import TAG_PREFIX, visible
from bulkprof.text.printable import printable_lines

SHOWN = 10


def check_needed(
    needed: Iterable[tuple[str, NeededField]], attributes: Collection[str], fields: Collection[str]
) -> None:
    """Hold what plugins need against what the manifests have. Raises `ConfigError` that names each missing column.

    `attributes` are the manifests' columns for rules, `fields` the tags that rows may give (`tag:KEY`), and columns
    that plugins added.
    """
    columns = _columns(attributes, fields)
    if len(columns) >= MOST:
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
