"""A lookup file: tags by one field of the row, as `cost-centers.csv` has them by team."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from bulkprof.plugins import (
    DesiredProfile,
    Problem,
    RawRow,
    field_reader,
    missing_field,
    printable_lines,
    read_table,
)
from bulkprof_tags.settings import LookupSettings
from bulkprof_tags.values import fit, refusal

_NO_TAGS: Mapping[str, str] = {}


class Lookup:
    """A lookup file, read once and used for each profile. Raises `ValueError` that lists what is wrong, by line."""

    def __init__(self, settings: LookupSettings, directory: Path, *, clean: bool) -> None:
        self._settings = settings
        self._read_key = field_reader(settings.by)
        self._tags: dict[str, Mapping[str, str]] = {}
        self._clean = clean
        self._otherwise = settings.missing if isinstance(settings.missing, dict) else _NO_TAGS
        wrong = list(self._load(directory / settings.file))
        if wrong:
            raise ValueError(printable_lines(wrong))

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the tags in this file."""
        return frozenset(self._settings.tags)

    def tags_of(self, profile: DesiredProfile) -> Mapping[str, str]:
        """Return the tags of the profile's line, or those that the settings give if there is none."""
        found = self._tags.get(self._read_key(profile))
        return self._otherwise if found is None else found

    def problem(self, profile: DesiredProfile) -> Problem | None:
        """Return the problem of a profile without a line in the file, unless the settings allow that."""
        key = self._read_key(profile)
        if key in self._tags or self._settings.missing != "error":
            return None
        if self._settings.tags.keys() <= profile.request.tags.keys():
            # The row's own tags win over these, so the file isn't needed.
            return None
        file, field = self._settings.file, self._settings.by
        if not key:
            return Problem(f"the lookup in {file} {missing_field(profile, field)}")
        near = difflib.get_close_matches(key, self._tags, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "add one, or set `missing` for this lookup"
        return Problem(f"{file} has no such line", column=field, value=key, remedy=remedy)

    def _load(self, file: Path) -> Iterator[str]:
        """Read the file, and yield what is wrong as `FILE:LINE: message`."""
        settings = self._settings
        first_lines: dict[str, int] = {}
        try:
            for row in read_table(file, (settings.by, *settings.tags.values()), label=settings.file):
                if isinstance(row, Problem):
                    yield str(row)
                else:
                    yield from (f"{settings.file}:{row.line}: {wrong}" for wrong in self._add(row, first_lines))
        except OSError as error:
            yield f"{settings.file}: can't be read: {error.strerror} ({file})"

    def _add(self, row: RawRow, first_lines: dict[str, int]) -> Iterator[str]:
        """Add a line's tags, and yield what is wrong with it."""
        key = row.cells[self._settings.by]
        if not key:
            yield f"the column {self._settings.by!r} is empty"
        elif key in first_lines:
            yield f"{key!r} stands in line {first_lines[key]} already"
        else:
            first_lines[key] = row.line
            self._tags[key], wrong = self._tags_in(row.cells)
            yield from wrong

    def _tags_in(self, cells: Mapping[str, str]) -> tuple[Mapping[str, str], list[str]]:
        """Return a line's tags, without those of empty cells, and what AWS would refuse of them."""
        tags = {key: cells[column] for key, column in self._settings.tags.items() if cells[column]}
        if self._clean:
            tags = {key: fit(value) for key, value in tags.items()}
        refusals = {self._settings.tags[key]: refusal(value) for key, value in tags.items()}
        return tags, [f"{column}: {refused}" for column, refused in refusals.items() if refused]
