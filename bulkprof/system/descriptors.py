"""How many files and connections a process may have open at once, and how many calls that leaves room for.

What hits the limit in mid-run is what comes next, such as a results file or the run's own file. So the room is measured
before anything is sent, and calls get what the rest doesn't need.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bulkprof.config import Run
from bulkprof.errors import ConfigError

RESERVE = 16
"""For files that are opened on the way: other runs' files, results, what plugins use."""
LEAST = RESERVE + 16
"""Below so many that are free, not even a start makes sense."""
_SHARE = 6
"""Of what is left, calls and targets get a sixth each. Of both there may be as many again that have gone without an
answer, and connections are kept for a while after their calls."""
_MOST = 10_240
"""As far as the limit is raised: more than any run needs, and the most that macOS takes."""


def raise_limit() -> None:
    """Raise this process's limit as far as it may. Raises `ConfigError` where that leaves too little to begin with."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if (left := free()) < LEAST:
        raise _too_few(left)


def free() -> int:
    """Return how many more files can be opened now. Windows has no limit that could be asked for."""
    left = _MOST
    if sys.platform != "win32":
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            used = sum(1 for _ in Path("/dev/fd").iterdir())
        except OSError:
            used = LEAST
        if soft != resource.RLIM_INFINITY:
            left = soft - used
    return left


def fitting(settings: Run, *, sockets: int = 1) -> Run:
    """Return the settings, with no more calls and targets at once than there is room for.

    Each call takes so many `sockets`. Raises `ConfigError` where there is none.
    """
    left = free()
    most = (left - RESERVE) // (_SHARE * sockets)
    if most < 1:
        raise _too_few(left)
    calls, targets = min(settings.max_calls_in_flight, most), min(settings.max_targets_in_flight, most)
    return settings.model_copy(update={"max_calls_in_flight": calls, "max_targets_in_flight": targets})


def _too_few(left: int) -> ConfigError:
    return ConfigError(
        f"only {max(0, left)} more files can be opened (`ulimit -n`), too few for a run's connections; allow more: "
        "ulimit -n 1024"
    )
