"""What a catalog says of each profile. Formats turn entries into text; they do no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

FIELDS = ("name", "arn", "id", "account", "region", "source_arn", "model_id", "model", "description", "old_arn")
"""The fields of an entry besides its tags, by which entries are chosen and paths are made."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One profile that can be called."""

    name: str
    arn: str
    account: str
    region: str
    source_arn: str = ""
    """The foundation model or system profile that it was made from."""
    model_id: str = ""
    """The foundation model behind it (`anthropic.claude-…`), also through a system profile; empty where unknown."""
    model: str = ""
    """As the manifest says it: an alias, an id or an ARN."""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    old_arn: str = ""
    """The ARN that this run took out of use in its favour."""
    foreign: bool = False
    """Whether it is in another account than its callers."""
    role_arn: str = ""
    """The role that callers assume to call a foreign one; empty where the config names none."""

    @property
    def id(self) -> str:
        """The id that AWS gave it: the end of its ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def place(self) -> str:
        """Account and Region, as messages name them."""
        return f"{self.account}/{self.region}"

    def get(self, name: str) -> str:
        """Return the value of one of `FIELDS`, or of a tag (`tag:KEY`); a tag that it doesn't have is empty."""
        if name.startswith("tag:"):
            return self.tags.get(name.removeprefix("tag:"), "")
        return str(getattr(self, name))

    def as_json(self) -> dict[str, Any]:
        """Return all fields as JSON-ready values."""
        return {**{name: self.get(name) for name in FIELDS}, "tags": dict(self.tags)}


class CatalogText(NamedTuple):
    """Entries in one format."""

    text: str
    """A whole file, its last newline included."""
    left_out: Sequence[str] = ()
    """What the format can't say, a line for each: which profile, and why."""


CatalogFormat = Callable[[Sequence[CatalogEntry]], CatalogText]
"""Turns entries, sorted by name, account and Region, into a file's text. Pure; the same entries give the same text."""


def model_behind(source_arn: str, models: Mapping[str, str]) -> str:
    """Return the id of the foundation model behind a source, or an empty string where it isn't known.

    `models` holds the foundation model of each system profile, by id.
    """
    if ":foundation-model/" in source_arn:
        return source_arn.partition(":foundation-model/")[2]
    if ":inference-profile/" in source_arn:
        return models.get(source_arn.partition(":inference-profile/")[2], "")
    return ""


def unknown_model(entry: CatalogEntry) -> str:
    """Return the line that leaves out an entry for which a format needs the model's id."""
    return f"{entry.place} {entry.name}: the model behind it isn't known; a new run finds it out, or --live"


def in_order(entries: Sequence[CatalogEntry]) -> list[CatalogEntry]:
    """Return the entries as formats take them."""
    return sorted(entries, key=lambda entry: (entry.name, entry.account, entry.region, entry.arn))
