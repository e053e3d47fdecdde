"""Lists that come in pages, with an end to them, whatever the server says: the one place where pages are walked.

A token that comes again leads in a circle, and a list that goes on past everything that may be there never ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from bulkprof.errors import AwsError

T = TypeVar("T")

MOST_PAGES: Final = 1_000
"""Pages of one list. Were there but one profile on each, those of AWS's default quota would fit."""
MOST_ITEMS: Final = 200_000
"""Entries of one list: two hundred times AWS's default quota of profiles."""


class Send(Protocol):
    """Sends one call, paced, counted and retried (`engine.lane.Lane.call`)."""

    async def __call__(self, operation: str, send: Callable[[], Awaitable[T]]) -> T:
        """Return what `send` returns; raises `AwsError` when retries are of no use."""
        ...


async def whole_list(
    call: Send,
    operation: str,
    page_after: Callable[[str | None], Awaitable[tuple[Sequence[T], str | None]]],
    key: Callable[[T], Hashable],
    *,
    most_pages: int = MOST_PAGES,
) -> list[T]:
    """Every entry of a list, page by page, each once: pages may overlap while something is made or deleted.

    `page_after` returns the page after a token (None: the first) and the next one's token (None: it was the
    last); `key` tells entries apart. Raises `AwsError` for a list without an end.
    """
    found: dict[Hashable, T] = {}
    seen: set[str] = set()
    token: str | None = None
    for _ in range(most_pages):
        # An empty page is no end: AWS may send one and still have more.
        page, token = await call(operation, partial(page_after, token))
        found.update((key(item), item) for item in page)
        if token is None:
            return list(found.values())
        if token in seen:
            raise AwsError("the list's pages lead in a circle", code="EndlessList", operation=operation)
        if len(found) > MOST_ITEMS:
            break
        seen.add(token)
    raise AwsError(
        f"the list goes on after {len(found):,} entries on {len(seen):,} pages, more than there can be",
        code="EndlessList",
        operation=operation,
    )
