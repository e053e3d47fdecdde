"""One renewal however many ask, one refusal however many wait."""

from __future__ import annotations

import asyncio

import pytest

from bulkprof.aws.credentials.keys import Grant, Keys, SharedCredentials
from bulkprof.errors import AccessDeniedError, AwsError, ThrottledError, UnreachableError


class KeySource:
    """Hands out numbered keys, or whatever error is set, and holds each request until it is let go."""

    def __init__(self, lifetime_s: float | None = None) -> None:
        self.asked = 0
        self.refused: list[Keys | None] = []
        self.error: AwsError | None = None
        self.lifetime_s = lifetime_s
        self.go = asyncio.Event()
        self.go.set()

    async def fetch(self, refused: Keys | None) -> Grant:
        self.asked += 1
        self.refused.append(refused)
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return Grant(Keys(f"A{self.asked}", "secret", "token"), self.lifetime_s)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_one_renewal_for_a_hundred_lanes() -> None:
    source = KeySource()
    shared = SharedCredentials(source.fetch)
    first = await shared.keys()
    signed_with = shared.generation
    source.go.clear()

    async def lane() -> Keys:
        shared.expired(signed_with)
        return await shared.keys()

    lanes = [asyncio.create_task(lane()) for _ in range(100)]
    await asyncio.sleep(0)
    source.go.set()
    keys = await asyncio.gather(*lanes)
    assert source.asked == 2
    assert source.refused == [None, first]
    assert {key.access_key for key in keys} == {"A2"}
    # A lane whose old answer comes late doesn't throw the new keys away.
    shared.expired(signed_with)
    assert (await shared.keys()).access_key == "A2"
    assert source.asked == 2


async def test_one_refusal_for_a_hundred_lanes_and_a_while_after() -> None:
    clock = Clock()
    source = KeySource()
    source.error = AccessDeniedError("no", where="1")
    shared = SharedCredentials(source.fetch, clock=clock)
    found = await asyncio.gather(*(shared.keys() for _ in range(100)), return_exceptions=True)
    assert source.asked == 1
    assert {type(error) for error in found} == {AccessDeniedError}
    assert len({id(error) for error in found}) == 100
    clock.now = 31.0
    source.error = None
    assert (await shared.keys()).access_key == "A2"


async def test_a_throttled_renewal_is_no_throttled_call() -> None:
    source = KeySource()
    source.error = ThrottledError("slow", code="Throttling", operation="AssumeRole", retry_after=3.0)
    with pytest.raises(UnreachableError) as caught:
        await SharedCredentials(source.fetch).keys()
    assert (caught.value.code, caught.value.retry_after, caught.value.operation) == ("Throttling", 3.0, "AssumeRole")


@pytest.mark.parametrize(("lifetime", "fresh", "due"), [(3600.0, 3299.0, 3300.0), (90.0, 59.0, 60.0)])
async def test_renewed_ahead(lifetime: float, fresh: float, due: float) -> None:
    clock = Clock()
    source = KeySource(lifetime)
    shared = SharedCredentials(source.fetch, clock=clock)
    await shared.keys()
    clock.now = fresh
    assert (await shared.keys()).access_key == "A1"
    clock.now = due
    assert (await shared.keys()).access_key == "A2"


async def test_a_renewal_ahead_that_fails_leaves_keys_that_are_good() -> None:
    clock = Clock()
    source = KeySource(3600.0)
    shared = SharedCredentials(source.fetch, clock=clock)
    await shared.keys()
    source.error = UnreachableError("down")
    clock.now = 3400.0
    assert (await shared.keys()).access_key == "A1"
    assert (await shared.keys()).access_key == "A1"
    assert source.asked == 2
    clock.now = 3600.0
    with pytest.raises(UnreachableError):
        await shared.keys()


async def test_the_lane_that_renews_is_cancelled_and_the_next_takes_over() -> None:
    source = KeySource()
    source.go.clear()
    shared = SharedCredentials(source.fetch)
    first, second = asyncio.create_task(shared.keys()), asyncio.create_task(shared.keys())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    source.go.set()
    assert first.cancelled()
    assert (await second).access_key == "A2"


def test_keys_are_never_shown() -> None:
    assert "secret" not in repr(Grant(Keys("A", "secret", "token")))
