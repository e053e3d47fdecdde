"""How long a server asks to wait before it is asked again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After header asks to wait: a number, or a date, compared to the Date header.

    The names of the headers are in small letters. None where it asks for nothing.
    """
    value = str(headers.get("retry-after") or "").strip()
    try:
        seconds = float(value)
    except ValueError:
        until, now = http_date(value), http_date(str(headers.get("date") or ""))
        return max((until - now).total_seconds(), 0.0) if until and now else None
    # float() also takes "nan" and "inf".
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def http_date(value: str) -> datetime | None:
    """Return the time in a Date header or the like; None for a value that isn't a date."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        # OverflowError: a year of twenty digits, say.
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
