"""The config's `[columns]`: what the headers of people's own sheets mean, and which of them mean nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bulkprof.limits import tag_key_fault
from bulkprof.text.looks import TAG_PREFIX, folded, seen, tag_key

IGNORE = "ignore"
"""The key that lists headers which are left out."""


class ColumnNames:
    """What the headers of sheets mean. Headers are compared as they look, without regard to case."""

    def __init__(self, table: Mapping[str, Sequence[str]] | None = None) -> None:
        """`table` is `[columns]`: headers by the column that they mean, and those under `ignore`."""
        self._table = dict(table or {})
        self._meanings: dict[str, str | None] = {
            folded(header): None if column == IGNORE else column
            for column, headers in self._table.items()
            for header in headers
        }

    @property
    def headers(self) -> Mapping[str, Sequence[str]]:
        """The headers of sheets, by the column that they mean."""
        return {column: headers for column, headers in self._table.items() if column != IGNORE}

    def meaning(self, header: str) -> str | None:
        """Return the column that `header` means: itself where nothing is said of it; None where it is left out."""
        return self._meanings.get(folded(header), header)

    def names(self, header: str) -> bool:
        """Whether something is said of `header`."""
        return folded(header) in self._meanings


def plain_column(column: str) -> str:
    """`column` as it is compared: without regard to case, but for the keys of tags."""
    key = tag_key(column)
    return folded(column) if key is None else f"{TAG_PREFIX}{key}"


def check_columns(table: Mapping[str, Sequence[str]]) -> None:
    """Raise `ValueError` where `[columns]` says something twice, or names a tag that AWS wouldn't take."""
    columns: dict[str, str] = {}
    meanings: dict[str, str] = {}
    for column, headers in table.items():
        if not seen(column) or not (headers or column == IGNORE) or not all(map(seen, headers)):
            raise ValueError(f"{column!r}: write the header that the sheet has for this column; it can't be empty")
        key = tag_key(column)
        if key is not None and (fault := tag_key_fault(key)):
            raise ValueError(f"{column}: {fault.reason}; {fault.remedy}")
        if (before := columns.setdefault(plain_column(column), column)) != column:
            raise ValueError(f"{before!r} and {column!r} are the same column; keep one, with a list of its headers")
        for header in headers:
            if (before := meanings.setdefault(folded(header), column)) != column:
                raise ValueError(f"the header {header!r} stands under {before!r} and under {column!r}; keep one")
