"""An asyncio event loop in virtual time: it jumps to its next timer, so that the real engine runs hours in seconds.

Nothing outside it may be waited for: worker threads do their work at once, on the loop.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from unittest.mock import patch

import anyio
import anyio.to_thread

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Passes the time that the loop would wait, instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is left that could ever happen: the program waits for something outside")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock is the sum of what it would have waited."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._virtual.now


async def _at_once(work: Callable[..., T], *arguments: object, **_: object) -> T:
    await asyncio.sleep(0)
    return work(*arguments)


def run_virtually(main: Callable[[], Awaitable[T]]) -> T:
    """Run `main` to its end in virtual time."""
    options: Mapping[str, Any] = {"loop_factory": VirtualLoop}
    with patch.object(anyio.to_thread, "run_sync", _at_once):
        return anyio.run(main, backend_options=dict(options))
