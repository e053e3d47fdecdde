"""How long a profile that was replaced is kept beside its successor: a tag on it says until when. Pure.

The tag is set before the successor is made, so that of two profiles of one name the one without it is the successor,
whatever happened to the run that made it. Times are UTC to the minute, written so that they sort as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ")


def stamp(at: datetime) -> str:
    """`at` as the tag writes it: `2026-12-03T02:15Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


@dataclass(frozen=True, slots=True)
class Retirement:
    """What a run knows of profiles that were replaced. The default knows of none, and keeps none."""

    tag: str = ""
    """The tag's key."""
    now: str = ""
    """When the run began, as a stamp."""
    until: str = ""
    """What the tag says of a profile that this run replaces; empty where it is deleted at once."""

    @classmethod
    def starting(cls, now: datetime, tag: str, grace: timedelta) -> Retirement:
        """For a run that begins `now` and keeps what it replaces for `grace`."""
        return cls(tag, stamp(now), stamp(now + grace) if grace else "")

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags that a profile gets which this run replaces. One that is deleted at once is a left-over at once."""
        return {self.tag: self.until or self.now} if self.tag else {}

    def marks(self, tags: Mapping[str, str]) -> bool:
        """Whether a profile with these tags was replaced, and is kept for a while."""
        return bool(self.tag) and self.tag in tags

    def is_over(self, tags: Mapping[str, str]) -> bool:
        """Whether that while is over. Other text than a time is never taken for one."""
        until = tags.get(self.tag, "")
        return bool(_STAMP.fullmatch(until)) and until <= self.now
