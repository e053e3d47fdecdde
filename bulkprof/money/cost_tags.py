"""Cost allocation tags: which of an estate's tag keys the bill counts by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

MOST_MONTHS: Final = 12
"""How many months back past costs can be counted by newly active keys."""


class TagStatus(StrEnum):
    """What billing makes of a tag key."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNSEEN = "unseen"
    """Billing hasn't seen it yet, so it can't be activated: that takes up to a day."""


class BillingTag(NamedTuple):
    """A key that billing has seen."""

    key: str
    active: bool
    last_used: str
    """The day on which a resource last had costs with it, ISO 8601; empty where AWS doesn't say."""


class Refusal(NamedTuple):
    """A key that AWS didn't activate."""

    key: str
    code: str
    message: str


class Backfill(NamedTuple):
    """A backfill that was asked for."""

    since: str
    status: str
    """AWS's word, such as `PROCESSING`."""


@dataclass(frozen=True, slots=True)
class CostTag:
    """One of the estate's tag keys."""

    key: str
    status: TagStatus
    profiles: int
    """How many of the estate's profiles carry it."""
    last_used: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "key": self.key,
            "status": str(self.status),
            "profiles": self.profiles,
            "last_used": self.last_used or None,
        }


def cost_tags(carried: Mapping[str, int], seen: Iterable[BillingTag]) -> list[CostTag]:
    """Return the keys of `carried`, which says how many profiles carry each, with what billing makes of them."""
    known: dict[str, BillingTag] = {}
    for tag in seen:
        # A key may be there twice, as AWS's own and as the user's.
        if tag.key not in known or tag.active:
            known[tag.key] = tag
    found = []
    for key, count in sorted(carried.items()):
        status, last_used = TagStatus.UNSEEN, ""
        if key in known:
            status = TagStatus.ACTIVE if known[key].active else TagStatus.INACTIVE
            last_used = known[key].last_used
        found.append(CostTag(key, status, count, last_used))
    return found


def backfill_since(text: str, today: date) -> date:
    """Return the first day of a month such as `2026-09`. Raises `ValueError` for one that AWS doesn't take."""
    if re.fullmatch(r"[0-9]{4}-(?:0[1-9]|1[0-2])", text) is None or text.startswith("0000"):
        raise ValueError("write a month as YYYY-MM, such as 2026-09")
    since = date.fromisoformat(f"{text}-01")
    if since > today:
        raise ValueError("is in the future")
    months = (today.year - since.year) * 12 + today.month - since.month
    if months > MOST_MONTHS:
        raise ValueError(f"is {months} months ago; AWS counts past costs again for {MOST_MONTHS} at most")
    return since
