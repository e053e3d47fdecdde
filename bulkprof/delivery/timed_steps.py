"""Awaiting foreign code, and measuring for how long it blocked the event loop.

A coroutine runs in steps, from one `await` that has to wait to the next. While a step runs, nothing else of the
process does: no call is sent, no response read, no signal handled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any


class TimedSteps:
    """An awaitable that awaits another one; `longest_s` is how long the longest step of that took so far."""

    def __init__(self, awaitable: Awaitable[Any], clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self._awaitable = awaitable
        self._clock = clock
        self.longest_s = 0.0

    def __await__(self) -> Generator[Any, Any, Any]:
        """Pass everything on, in both directions, and time each step."""
        steps = self._through().__await__()
        step: Callable[[Any], Any] = steps.send
        value: Any = None
        while True:
            began = self._clock()
            try:
                wish = step(value)
            except StopIteration as end:
                return end.value
            finally:
                self.longest_s = max(self.longest_s, self._clock() - began)
            try:
                step, value = steps.send, (yield wish)
            except BaseException as error:  # noqa: BLE001 - a cancellation, or whatever else was thrown in, is passed on
                step, value = steps.throw, error

    async def _through(self) -> Any:
        # A coroutine takes `send` and `throw`, whatever kind of awaitable it awaits.
        return await self._awaitable
