"""Walking lists: to their end, each entry once, and out of those that have none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from operator import itemgetter
from typing import TypeVar

import pytest

from bulkprof.errors import AwsError
from bulkprof.pages import MOST_ITEMS, MOST_PAGES, whole_list

T = TypeVar("T")
Entry = tuple[str, int]


class Pages:
    """Answers pages as a function of their number, and counts them."""

    def __init__(self, page: Callable[[int], tuple[Sequence[Entry], str | None]]) -> None:
        self.asked: list[str | None] = []
        self._page = page

    async def after(self, token: str | None) -> tuple[Sequence[Entry], str | None]:
        self.asked.append(token)
        return self._page(len(self.asked))


async def _call(operation: str, send: Callable[[], Awaitable[T]]) -> T:
    assert operation == "ListThings"
    return await send()


async def _walk(pages: Pages) -> list[Entry]:
    return await whole_list(_call, "ListThings", pages.after, itemgetter(0))


async def test_pages_are_walked_to_the_end_also_over_empty_ones() -> None:
    answers: list[tuple[Sequence[Entry], str | None]] = [([("a", 1)], "x"), ([], "y"), ([("b", 2), ("c", 3)], None)]
    pages = Pages(lambda number: answers[number - 1])
    assert await _walk(pages) == [("a", 1), ("b", 2), ("c", 3)]
    assert pages.asked == [None, "x", "y"]


async def test_what_stands_on_two_pages_counts_once_as_it_was_last() -> None:
    answers: list[tuple[Sequence[Entry], str | None]] = [([("a", 1), ("b", 1)], "x"), ([("b", 2), ("c", 2)], None)]
    assert await _walk(Pages(lambda number: answers[number - 1])) == [("a", 1), ("b", 2), ("c", 2)]


@pytest.mark.parametrize("circle", [1, 3])
async def test_a_token_that_comes_again_ends_it(circle: int) -> None:
    pages = Pages(lambda number: ([("a", number)], str(number % circle)))
    with pytest.raises(AwsError, match="circle") as caught:
        await _walk(pages)
    assert (caught.value.code, caught.value.operation) == ("EndlessList", "ListThings")
    assert len(pages.asked) == circle + 1


async def test_more_pages_than_there_can_be_end_it() -> None:
    pages = Pages(lambda number: ([], str(number)))
    with pytest.raises(AwsError, match="goes on") as caught:
        await _walk(pages)
    assert caught.value.code == "EndlessList"
    assert len(pages.asked) == MOST_PAGES


async def test_more_entries_than_there_can_be_end_it() -> None:
    pages = Pages(lambda number: ([(f"{number}-{entry}", 0) for entry in range(50_000)], str(number)))
    with pytest.raises(AwsError, match="goes on"):
        await _walk(pages)
    assert len(pages.asked) == MOST_ITEMS // 50_000 + 1
