"""Parts that other processes read: results in order, and what makes them useless."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import aclosing
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from bulkprof.manifests.parallel import interpreters, parts
from bulkprof.manifests.parallel.parts import Part
from bulkprof.manifests.parallel.shares import ShareLostError, Shares, read_shares, share_out
from bulkprof.stop import Stop, StopRequestedError

spans: Callable[[Part], Iterable[Any]] = attrgetter("span")
"""Gives the three numbers of a part's span, as a function that any process knows."""


@pytest.fixture
def shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shares:
    """Five parts of a manifest for two processes."""
    monkeypatch.setattr(interpreters, "FROM_BYTES", 1)
    monkeypatch.setattr(parts, "SIZE", 1000)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    manifest = tmp_path / "a.jsonl"
    manifest.write_text("{}\n" * 1500)
    found = share_out([str(manifest)], None, 8)
    assert found
    assert (found.processes, len(found.parts)) == (2, 5)
    return found


async def taken(shares: Shares, read: Callable[[Part], Iterable[Any]] = spans, stop: Stop | None = None) -> list[Any]:
    async with aclosing(read_shares(shares, read, stop or Stop())) as results:
        return [result async for result in results]


async def test_results_come_in_the_order_of_the_parts(shares: Shares) -> None:
    assert await taken(shares) == [number for part in shares.parts for number in part.span]


async def test_what_cannot_be_pickled_is_not_sent(shares: Shares) -> None:
    with pytest.raises(ShareLostError, match="can't be sent to other processes"):
        await taken(shares, lambda part: part.span)


async def test_a_function_that_fails_there_is_told(shares: Shares) -> None:
    with pytest.raises(ShareLostError, match="has failed"):
        await taken(shares, attrgetter("missing"))


async def test_a_manifest_that_changed_meanwhile_is_noticed(shares: Shares) -> None:
    async with aclosing(read_shares(shares, spans, Stop())) as results:
        await anext(results)
        os.utime(shares.files[0], ns=(0, 0))
        with pytest.raises(ShareLostError, match="changed"):
            [result async for result in results]


async def test_nothing_is_taken_after_a_stop(shares: Shares) -> None:
    stop = Stop()
    stop.request()
    with pytest.raises(StopRequestedError):
        await taken(shares, stop=stop)
