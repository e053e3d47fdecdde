"""When a run has to be over: reads what people write for it, and asks for the stop in time.

What the run doesn't reach stays open in its file, as after any other stop: `resume` goes on with it, and so does the
next `sync`, which looks at what exists anyway.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from types import TracebackType

import anyio
from anyio.abc import TaskGroup

from bulkprof.errors import ExitCode, UsageError
from bulkprof.stop import Stop

MARGIN_S = 5.0
"""Seconds before the deadline at which nothing new is sent any more, so that calls in flight can end in time."""
MARGIN_SHARE = 0.1
"""The margin is never more than this share of the whole time: a run of 10 seconds shall not lose half of them."""
LOOK_S = 30.0
"""Seconds after which the clock is read again: machines sleep, and clocks are set."""
_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5}(?:\.\d+)?)h)?(?:(\d{1,6}(?:\.\d+)?)m)?(?:(\d{1,7}(?:\.\d+)?)s)?")
_UNITS = ("days", "hours", "minutes", "seconds")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment, and the one shortly before it at which a run begins to stop."""

    at: datetime
    """With the time zone in which people are shown it."""
    stop_at: datetime

    @classmethod
    def parse(cls, text: str, now: datetime, zone: tzinfo | None = None) -> Deadline:
        """Read a duration (`2h`, `90m`, `1h30m`), a clock time (`06:00`: the next one), or an ISO date and time.

        Times without an offset are those of `zone`, by default the machine's. Raises `UsageError`.
        """
        wanted = text.strip()
        at = _after(wanted, now, zone) or _next(wanted, now, zone) or _moment(wanted, zone)
        if at is None:
            raise UsageError(
                f"--deadline {text!r}: must be a duration such as 2h, 90m or 30s, a clock time such as 06:00, or a "
                "date and time such as 2027-01-31T06:00"
            )
        if at <= now:
            raise UsageError(f"--deadline {text!r}: is over already")
        margin = min(timedelta(seconds=MARGIN_S), (at - now) * MARGIN_SHARE)
        return cls(at, at - margin)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S %z}"


def _after(text: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    parts = _DURATION.fullmatch(text.replace(" ", ""))
    if parts is None or not any(parts.groups()):
        return None
    given = {unit: float(part) for unit, part in zip(_UNITS, parts.groups(), strict=True) if part}
    # Added in UTC: two hours are two hours, also in the night in which clocks change.
    return (now.astimezone(UTC) + timedelta(**given)).astimezone(zone)


def _next(text: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    parts = _CLOCK.fullmatch(text)
    if parts is None:
        return None
    try:
        hour, minute, second = (int(part or 0) for part in parts.groups())
        clock = time(hour, minute, second)
    except ValueError:
        return None
    today = now.astimezone(zone).date()
    days = (datetime.combine(today + timedelta(days=ahead), clock) for ahead in (0, 1, 2))
    return next(at for day in days if (at := _placed(day, zone)) > now)


def _moment(text: str, zone: tzinfo | None) -> datetime | None:
    # A date alone would mean its first second, which is hardly ever meant.
    if not re.search(r"\d[T ]\d", text):
        return None
    try:
        return _placed(datetime.fromisoformat(text), zone)
    except ValueError:
        return None


def _placed(at: datetime, zone: tzinfo | None) -> datetime:
    """`at` with a time zone; one without is the machine's, or `zone`."""
    if at.tzinfo is None and zone is not None:
        return at.replace(tzinfo=zone)
    return at.astimezone(zone)


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class DeadlineWatch:
    """Asks for the stop when the deadline comes near, while its block runs. An async context manager."""

    def __init__(
        self,
        deadline: Deadline,
        stop: Stop,
        *,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
    ) -> None:
        self._deadline = deadline
        self._stop = stop
        self._now = now
        self._sleep = sleep
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> None:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self.wait)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()
            # The block's own error goes on as it is: the group would wrap it.
            await self._tasks.__aexit__(None, None, None)

    async def wait(self) -> None:
        """Return when the stop is asked for."""
        while (left := (self._deadline.stop_at - self._now()).total_seconds()) > 0:
            await self._sleep(min(left, LOOK_S))
        # Nothing went wrong: what is done is in order, and the rest is skipped.
        self._stop.request(ExitCode.ROWS_FAILED, f"the deadline ({self._deadline}) is reached")
