"""The wish to stop a run, which all of its tasks look out for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import anyio

from bulkprof.errors import ExitCode, SignInNeededError

SHORT_S = 0.2
"""Seconds of a pause that a stop may wait for."""


class StopRequestedError(Exception):
    """The run is to stop: a task that waits gives up its work, which stays open in the run file."""


class Stop:
    """The wish to stop, shared by a run's tasks: nothing new starts once it is set."""

    def __init__(self) -> None:
        self._event = anyio.Event()
        self.exit_code: int = ExitCode.INTERRUPTED
        """What the command ends with: 128 and the signal, or the limit or lock behind the wish."""
        self.reason: str = ""
        """Why, for people, where it isn't them who wish it."""

    def request(self, exit_code: int = ExitCode.INTERRUPTED, reason: str = "") -> None:
        """Ask for the stop; the first to ask counts."""
        if not self._event.is_set():
            self.exit_code = exit_code
            self.reason = reason
            self._event.set()

    def for_want_of_credentials(self, error: SignInNeededError) -> StopRequestedError:
        """Ask for the stop since nothing can be sent any more, and return what to raise: no row fails of it."""
        self.request(ExitCode.COULD_NOT_RUN, str(error))
        return StopRequestedError()

    @property
    def by_signal(self) -> bool:
        """Whether a user stopped it, rather than the run itself: then sinks aren't told."""
        return self.exit_code > 128

    @property
    def requested(self) -> bool:
        """Whether the run is to stop."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return when the stop is requested."""
        await self._event.wait()

    async def pause(self, seconds: float) -> None:
        """Sleep, but not through a stop: raises `StopRequestedError` then."""
        if seconds > 0 and not self.requested:
            if seconds <= SHORT_S:
                # Looking out for the stop meanwhile costs more than the call that the pause is for.
                await anyio.sleep(seconds)
            else:
                with anyio.move_on_after(seconds):
                    await self.wait()
        if self.requested:
            raise StopRequestedError


class LateStop(Stop):
    """Another stop, `seconds` later: for work that is half done, and better brought to its end than left so."""

    def __init__(self, stop: Stop, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._stop = stop
        self._seconds = seconds
        self._clock = clock
        self._due: float | None = None

    @property
    def requested(self) -> bool:
        """Whether the other stop was requested so long ago."""
        return self._left_s() <= 0

    async def wait(self) -> None:
        """Return when it is time."""
        await self._stop.wait()
        await anyio.sleep(max(0.0, self._left_s()))

    def _left_s(self) -> float:
        if not self._stop.requested:
            return math.inf
        if self._due is None:
            # Where the lock is lost, another run may be at work on the same already.
            self._due = self._clock() + (0.0 if self._stop.exit_code == ExitCode.LOCKED else self._seconds)
        return self._due - self._clock()
