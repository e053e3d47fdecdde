"""Reads a profile's fields by the names that settings use.

Every plugin whose settings name columns reads them through `field_reader`, so that
`account`, `tag:KEY` or `team` mean the same everywhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from bulkprof.model import DesiredProfile
from bulkprof.text.looks import folded, seen, tag_key

FieldReader = Callable[[DesiredProfile], str]
"""Returns the value of a profile's field; empty if the row doesn't give it."""

_OWN_FIELDS: dict[str, FieldReader] = {
    "name": lambda profile: profile.name,
    "model": lambda profile: profile.model,
    "account": lambda profile: profile.target.account,
    "region": lambda profile: profile.target.region,
    "description": lambda profile: profile.description or "",
}


def field_reader(field: str) -> FieldReader:
    """Return the reader of `field`, to be made once and called for each profile.

    `name`, `model` (as the manifest writes it), `account`, `region` and `description` are the profile's own, `tag:KEY`
    is a tag that the profile has by now, and anything else is a column of its row. Only in a tag's key, case counts.
    """
    own = _OWN_FIELDS.get(folded(field))
    if own is not None:
        return own
    key = tag_key(field)
    if key is not None:
        return lambda profile: profile.tags.get(key, "")
    column = seen(field)

    def read(profile: DesiredProfile) -> str:
        attributes = profile.request.attributes
        if not isinstance(attributes, Attributes):
            # A row that a plugin made of its own.
            attributes = Attributes(attributes)
        value: str = attributes.get(column, "")
        return value

    return read


class Attributes(dict[str, str]):
    """A row's columns for rules, which are found in any case: `attributes["team"]` is the column `Team`."""

    def __missing__(self, name: str) -> str:
        if (column := self._alike(name)) is None:
            raise KeyError(name)
        return self[column]

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of this name."""
        return super().__contains__(name) or (isinstance(name, str) and self._alike(name) is not None)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the column's value, or `default` where there is no such column."""
        value = super().get(name)
        if value is None and (column := self._alike(name)) is not None:
            value = self[column]
        return default if value is None else value

    def _alike(self, name: str) -> str | None:
        wanted = folded(name)
        return next((column for column in self if folded(column) == wanted), None)


def column_of(field: str) -> str | None:
    """Return the manifest's column that `field_reader(field)` reads; None for the profile's own fields and its tags."""
    return None if folded(field) in _OWN_FIELDS or tag_key(field) is not None else seen(field)


def missing_field(profile: DesiredProfile, field: str) -> str:
    """Return the message for a profile that lacks `field`, which is needed."""
    if field in ("account", "region"):
        return f"needs the {field}: give it in the column {field!r} or in the config under [defaults]"
    given = [*profile.request.attributes, *(f"tag:{key}" for key in profile.tags)]
    near = difflib.get_close_matches(field, given, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"needs a value in the column {field!r}{hint}"
