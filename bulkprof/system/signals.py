"""Signals that reach an event loop: anyio's way, and another one on Windows, whose loop takes no signal handlers."""

from __future__ import annotations

import asyncio
import math
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager

import anyio


def received(*numbers: signal.Signals) -> AbstractContextManager[AsyncIterator[int]]:
    """Return a context manager that listens to these signals from its beginning on, and gives each that comes."""
    return by_handlers(*numbers) if sys.platform == "win32" else anyio.open_signal_receiver(*numbers)


@contextmanager
def by_handlers(*numbers: signal.Signals) -> Iterator[AsyncIterator[int]]:
    """Do the same with handlers of Python itself, which hand signals over to the loop. In the main thread only."""
    loop = asyncio.get_running_loop()
    sender, receiver = anyio.create_memory_object_stream[int](math.inf)

    def hand_over(number: int, _: object) -> None:
        loop.call_soon_threadsafe(sender.send_nowait, number)

    with sender, receiver:
        before = {number: signal.signal(number, hand_over) for number in numbers}
        try:
            yield receiver
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
