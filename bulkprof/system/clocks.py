"""How long ago another process of this machine gave a sign of life, by a clock that can't be set.

The time of day jumps: it is set by hand, by NTP, and at the resumption of a virtual machine. Seconds since the system's
start don't. They compare only within one boot, so each moment is kept with the boot's id.
"""

from __future__ import annotations

import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

HEARTBEAT_S = 1.0
"""Seconds between two signs of life of a run at work."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Linux's, the same in all containers of a machine."""


def moment(ago_s: float = 0.0) -> list[Any] | None:
    """Return now, or a moment before, as a JSON value to keep; None where the system has no such clock."""
    if sys.platform == "linux" and (boot := _boot_id()):
        return [boot, time.clock_gettime(time.CLOCK_BOOTTIME) - ago_s]
    return None


def seconds_since(then: Any) -> float | None:
    """Return the seconds since a moment that was kept; None on another boot, or where none was kept."""
    now = moment()
    if now is None or not isinstance(then, list) or len(then) != 2 or then[0] != now[0]:
        return None
    kept = then[1]
    return max(0.0, now[1] - kept) if isinstance(kept, int | float) else None


@cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
