"""Work of an event loop for functions that block, in programs that may have a loop already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio

T = TypeVar("T")


def waited_for(work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` on an event loop of its own, and return what it returns. Blocks."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return anyio.run(work)
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(anyio.run, work).result()
