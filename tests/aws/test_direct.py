"""What goes around the SDK's engine room: the same requests and the same answers as through it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import aioboto3
import pytest
from aiobotocore.config import AioConfig
from botocore.exceptions import ClientError

from bulkprof.aws.credentials import Grant, Keys, SharedCredentials
from bulkprof.aws.direct import ANSWER
from bulkprof.aws.sdk import Sdk
from tests.aws import wire

ARN = wire.ARN.encode()
PROFILE = (
    b'{"inferenceProfileArn":"%b","inferenceProfileId":"i","inferenceProfileName":"n","models":[{"modelArn":"m"}]}'
)
PROFILE %= ARN
CALLS: Mapping[str, tuple[str, str, dict[str, Any], bytes]] = {
    "a creation": (
        "bedrock",
        "create_inference_profile",
        {
            "inferenceProfileName": "team-é",
            "modelSource": {"copyFrom": wire.SOURCE},
            "clientRequestToken": "t",
            "tags": [{"key": "a b", "value": ""}],
        },
        wire.response(201, b'{"inferenceProfileArn":"%b","status":null,"new":1}' % ARN, X_Amzn_RequestId="r"),
    ),
    "a list": (
        "bedrock",
        "list_inference_profiles",
        {"typeEquals": "APPLICATION", "maxResults": 1000, "nextToken": "a/b+c= d"},
        wire.response(200, b'{"inferenceProfileSummaries":[%b],"nextToken":"","new":[[]]}' % PROFILE),
    ),
    "a deletion": (
        "bedrock",
        "delete_inference_profile",
        {"inferenceProfileIdentifier": wire.ARN},
        wire.response(200, X_Other="1"),
    ),
    "RPC": (
        "resourcegroupstaggingapi",
        "get_resources",
        {"ResourceTypeFilters": ["bedrock:application-inference-profile"], "ResourcesPerPage": 100},
        wire.response(200, b'{"ResourceTagMappingList":[{"ResourceARN":"%b","Tags":[]}]}' % ARN),
    ),
    "an error named in a header": (
        "bedrock",
        "get_inference_profile",
        {"inferenceProfileIdentifier": wire.ARN},
        wire.response(404, b'{"message":"gone"}', X_Amzn_ErrorType="ResourceNotFoundException:http://x/"),
    ),
    "an error named in the body": (
        "service-quotas",
        "get_service_quota",
        {"ServiceCode": "bedrock", "QuotaCode": "L-1"},
        wire.response(400, b'{"__type":"ns#NoSuchResourceException","Message":"none"}'),
    ),
    "an error without a name": (
        "bedrock",
        "list_foundation_models",
        {},
        wire.response(429, b"{}", Retry_After="2"),
    ),
}


@pytest.mark.parametrize("call", CALLS)
async def test_like_the_sdk(call: str) -> None:
    service, method, values, answer = CALLS[call]
    requests: list[bytes] = []

    async def noted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await wire.request(reader))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with wire.serving(noted) as port:
        ours = await _ours(port, service, method, values)
        theirs = await _theirs(port, service, method, values)
    assert ours == _as_far_as(ours, theirs)
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
        calls = await sdk.client("bedrock", "us-east-1", SharedCredentials(_grant))
        calls.client.meta.events.unregister("before-call", unique_id=ANSWER)
        with pytest.raises(RuntimeError, match="the SDK sends by itself"):
            await calls.call("list_foundation_models")
        await sdk.http.close()
    assert seen == 0


async def _ours(port: int, service: str, method: str, values: dict[str, Any]) -> dict[str, Any]:
    sdk = Sdk(wire.environment(port), timeout_s=5.0)
    try:
        calls = await sdk.client(service, "us-east-1", SharedCredentials(_grant))
        return await _answer(partial(calls.call, method), values)
    finally:
        await sdk.http.close()


async def _theirs(port: int, service: str, method: str, values: dict[str, Any]) -> dict[str, Any]:
    session = aioboto3.Session("AKIACANARY", wire.SECRET, wire.TOKEN, region_name="us-east-1")
    config = AioConfig(retries={"mode": "standard", "total_max_attempts": 1})
    endpoint = f"http://127.0.0.1:{port}"
    async with session.client(service, endpoint_url=endpoint, config=config) as client:
        return await _answer(getattr(client, method), values)


async def _answer(call: Callable[..., Any], values: dict[str, Any]) -> dict[str, Any]:
    """What the call says, or what its error says, without what nobody reads."""
    try:
        answer: dict[str, Any] = dict(await call(**values))
    except ClientError as error:
        answer = {"kind": type(error).__name__} | {key: error.response[key] for key in ("Error", "ResponseMetadata")}
    for retries in ("RetryAttempts", "MaxAttemptsReached"):
        answer["ResponseMetadata"].pop(retries, None)
    return answer


def _as_far_as(known: Any, said: Any) -> Any:
    """What the SDK says, without the members that bulkprof doesn't read."""
    if isinstance(known, dict):
        return {key: _as_far_as(known[key], value) for key, value in said.items() if key in known}
    if isinstance(known, list):
        return [_as_far_as(one, other) for one, other in zip(known, said, strict=True)]
    return said


async def _grant(_: Keys | None) -> Grant:
    return Grant(Keys("AKIACANARY", wire.SECRET, wire.TOKEN))


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
