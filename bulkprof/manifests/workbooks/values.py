"""A cell's value as people see it in a spreadsheet."""

from __future__ import annotations

import datetime

Value = str | float | bool | datetime.date | datetime.time | datetime.timedelta
"""What the libraries return for a cell: datetimes are dates, integers floats."""


class Moment(str):
    """A date or time as text: where a name should be, it is what a spreadsheet made of one (`MAR1`)."""

    __slots__ = ()


def shown(value: Value) -> str:
    """Return a value as text: numbers without a needless `.0`, dates as ISO 8601 has them, `TRUE` and `FALSE`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        # Spreadsheets keep 15 digits. A number that has more shows as one that lost some: `1.23456789012346E+17`.
        return f"{value + 0.0:.15G}"
    return Moment(_moment(value))


def _moment(value: datetime.date | datetime.time | datetime.timedelta) -> str:
    if isinstance(value, datetime.datetime):
        value = (value + datetime.timedelta(microseconds=500_000)).replace(microsecond=0)
        day = value.date().isoformat()
        return f"{day} {_clock(value.hour, value.minute, value.second)}" if value.time() != datetime.time() else day
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        value = datetime.timedelta(
            hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
        )
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    return sign + _clock(seconds // 3600, seconds // 60 % 60, seconds % 60)


def _clock(hours: int, minutes: int, seconds: int) -> str:
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")
