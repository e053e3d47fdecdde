"""Which entries a catalog has (`--where tag:Team=search`), and in which files (`'litellm/{tag:Team}.yaml'`)."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bulkprof.catalog.entries import FIELDS, CatalogEntry, in_order

_NO_PATH = re.compile(r"[^\w.@+=-]+")


def known_field(name: str) -> str:
    """Return the field's name. Raises `ValueError` that lists the fields."""
    if name in FIELDS or (name.startswith("tag:") and len(name) > len("tag:")):
        return name
    raise ValueError(f"{name!r} is no field; the fields are {', '.join(FIELDS)} and tag:KEY")


@dataclass(frozen=True, slots=True)
class Where:
    """A filter: fields and the value that each must have."""

    wanted: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises `ValueError` for fields that don't exist."""
        for name in self.wanted:
            known_field(name)

    @classmethod
    def parse(cls, conditions: Iterable[str]) -> Where:
        """Read conditions such as `tag:Team=search`. Raises `ValueError` for one that is none."""
        wanted: dict[str, str] = {}
        for condition in conditions:
            # A value may hold an equals sign; a tag whose key holds one can't be chosen by.
            name, separator, value = condition.partition("=")
            if not separator or not value:
                raise ValueError(f"{condition!r}: write a field and its value, such as tag:Team=search")
            if wanted.setdefault(known_field(name), value) != value:
                raise ValueError(f"{condition!r}: {name} can't be {wanted[name]!r} as well")
        return cls(wanted)

    def chosen(self, entries: Iterable[CatalogEntry]) -> list[CatalogEntry]:
        """Return the entries that fit, in a catalog's order."""
        fit = [entry for entry in entries if all(entry.get(name) == value for name, value in self.wanted.items())]
        return in_order(fit)

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.wanted.items())


class PathTemplate:
    """Where a catalog's files go: a path with fields in braces, one file for each of their values."""

    def __init__(self, text: str) -> None:
        """Raises `ValueError` for fields that don't exist."""
        self.text = text
        # A tag's field holds a colon, which the standard library takes for a format: `tag` with the format `KEY`.
        self._parts: list[tuple[str, str]] = []
        for plain, first, specification, conversion in string.Formatter().parse(text):
            name = f"{first}:{specification}" if specification else first or ""
            if conversion:
                raise ValueError(f"{{{name}!{conversion}}} can't be used; leave !{conversion} out")
            self._parts.append((plain, known_field(name) if first is not None else ""))

    @property
    def fields(self) -> list[str]:
        """The fields in it."""
        return [name for _, name in self._parts if name]

    def path(self, entry: CatalogEntry) -> str:
        """Return an entry's path, or an empty string where it lacks a field.

        A value never adds a folder, nor does it hide a file: what isn't usual in a file's name becomes a hyphen, and
        dots at its start go.
        """
        found = []
        for plain, name in self._parts:
            found.append(plain)
            if name:
                if not (part := _part(entry.get(name))):
                    return ""
                found.append(part)
        return "".join(found)

    def files(
        self, entries: Iterable[CatalogEntry], gone: Iterable[CatalogEntry] = ()
    ) -> tuple[dict[str, list[CatalogEntry]], list[str]]:
        """Return the entries of each path, and a line for each entry that has none.

        The path of a profile that is `gone` is among them also if no other profile has it: what was written there
        before holds ARNs that can't be called any more. Raises `ValueError` where two values would share a file,
        since one would pass for the other.
        """
        found: dict[str, list[CatalogEntry]] = {} if self.fields else {"".join(plain for plain, _ in self._parts): []}
        values: dict[str, tuple[str, ...]] = {}
        left_out = []
        for entry in entries:
            if not (path := self.path(entry)):
                missing = next(name for name in self.fields if not _part(entry.get(name)))
                left_out.append(f"{entry.place} {entry.name}: has no {missing} to name a file of {self.text!r} by")
                continue
            value = tuple(entry.get(name) for name in self.fields)
            if (first := values.setdefault(path, value)) != value:
                raise ValueError(f"{' '.join(first)!r} and {' '.join(value)!r} would both be {path}")
            found.setdefault(path, []).append(entry)
        for entry in gone:
            if path := self.path(entry):
                found.setdefault(path, [])
        return found, left_out


def _part(value: str) -> str:
    """Return a value as a part of a path; empty for one of which nothing is left."""
    return _NO_PATH.sub("-", value).lstrip("-.").rstrip("-")
