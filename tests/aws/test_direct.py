"""Calls past the SDK's endpoint code: the same requests and the same responses as through it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bulkprof.aws.credentials.keys import Grant, Keys, SharedCredentials
from bulkprof.aws.sdk import Sdk
from bulkprof.aws.transport.direct import ANSWER
from tests.aws import wire
from tests.aws.both import CALLS, grant, noting, ours, theirs


@pytest.mark.parametrize("call", CALLS)
async def test_like_the_sdk(call: str) -> None:
    service, method, values, answer = CALLS[call]
    requests: list[bytes] = []
    async with wire.serving(noting(requests, answer)) as port:
        by_us = await ours(port, service, method, values)
        by_the_sdk = await theirs(port, service, method, values)
    assert by_us == _as_far_as(by_us, by_the_sdk)
    mine, plain = map(_essence, requests)
    assert mine == plain


async def test_accounts_share_a_client_and_sign_each_for_itself() -> None:
    """Also side by side: a call that waits doesn't go out under the name of the one that overtook it."""
    signed: list[str] = []
    both = asyncio.Event()

    async def noted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await wire.request(reader)).decode()
        signed.append(head.partition("Credential=")[2].partition("/")[0])
        writer.write(wire.response(200, b'{"modelSummaries":[]}'))
        await writer.drain()
        writer.close()

    def keys(name: str) -> SharedCredentials:
        async def grant(_: Keys | None) -> Grant:
            # Each waits for the other one to have begun.
            asked.append(name)
            if len(asked) == 2:
                both.set()
            await both.wait()
            return Grant(Keys(name, wire.SECRET, None))

        return SharedCredentials(grant)

    asked: list[str] = []
    async with wire.serving(noted) as port:
        sdk = Sdk(wire.environment(port), timeout_s=5.0)
        one, two = [await sdk.client("bedrock", "us-east-1", keys(name)) for name in ("ONE", "TWO")]
        assert one.client is two.client
        await asyncio.gather(*(calls.call("list_foundation_models") for calls in (one, two, one)))
        elsewhere = await sdk.client("bedrock", "eu-west-1", keys("ONE"))
        assert elsewhere.client is not one.client
        await sdk.http.close()
    assert sorted(signed) == ["ONE", "ONE", "TWO"]


async def test_the_sdk_sends_nothing_by_itself() -> None:
    """Were a later SDK to disregard the answer that stands in for it, a creation must not go out twice."""
    seen = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        await wire.saying(wire.response(201, b"{}"), then_close=True)(reader, writer)

    async with wire.serving(count) as port:
        sdk = Sdk(wire.environment(port), timeout_s=5.0)
        calls = await sdk.client("bedrock", "us-east-1", SharedCredentials(grant))
        calls.client.meta.events.unregister("before-call", unique_id=ANSWER)
        with pytest.raises(RuntimeError, match="the SDK sends by itself"):
            await calls.call("list_foundation_models")
        await sdk.http.close()
    assert seen == 0


def _essence(request: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """The request line, the headers that AWS reads, and the body."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    pairs = (header.partition(b": ") for header in headers)
    read = {name.lower(): value for name, _, value in pairs}
    return (
        line,
        {name: read[name] for name in (b"host", b"content-type", b"content-length", b"x-amz-target") if name in read},
        body,
    )


def _as_far_as(known: Any, said: Any) -> Any:
    """What the SDK says, without the members that bulkprof doesn't read."""
    if isinstance(known, dict):
        return {key: _as_far_as(known[key], value) for key, value in said.items() if key in known}
    if isinstance(known, list):
        return [_as_far_as(one, other) for one, other in zip(known, said, strict=True)]
    return said
