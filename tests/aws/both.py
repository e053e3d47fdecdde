"""The same calls by bulkprof and by the SDK alone, to a server that records them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import ClientError

from bulkprof.aws.credentials.keys import Grant, Keys, SharedCredentials
from bulkprof.aws.sdk import Sdk
from tests.aws import wire

ARN = wire.ARN.encode()
PROFILE = (
    b'{"inferenceProfileArn":"%b","inferenceProfileId":"i","inferenceProfileName":"n","models":[{"modelArn":"m"}]}'
    % ARN
)
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


def noting(requests: list[bytes], answer: bytes) -> wire.Handler:
    """Record each request, and send the response."""

    async def noted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await wire.request(reader))
        writer.write(answer)
        await writer.drain()
        writer.close()

    return noted


async def ours(port: int, service: str, method: str, values: dict[str, Any], path: str = "") -> dict[str, Any]:
    environment = wire.environment(port)
    environment["AWS_ENDPOINT_URL"] += path
    sdk = Sdk(environment, timeout_s=5.0)
    try:
        calls = await sdk.client(service, "us-east-1", SharedCredentials(grant))
        return await answered(partial(calls.call, method), values)
    finally:
        await sdk.http.close()


async def theirs(port: int, service: str, method: str, values: dict[str, Any], path: str = "") -> dict[str, Any]:
    session = aioboto3.Session("AKIACANARY", wire.SECRET, wire.TOKEN, region_name="us-east-1")
    config = AioConfig(retries={"mode": "standard", "total_max_attempts": 1})
    endpoint = f"http://127.0.0.1:{port}{path}"
    async with session.client(service, endpoint_url=endpoint, config=config) as client:
        return await answered(getattr(client, method), values)


async def answered(call: Callable[..., Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the call's response, or its error's, without members that aren't compared."""
    try:
        answer: dict[str, Any] = dict(await call(**values))
    except ClientError as error:
        answer = {"kind": type(error).__name__} | {key: error.response[key] for key in ("Error", "ResponseMetadata")}
    for retries in ("RetryAttempts", "MaxAttemptsReached"):
        answer["ResponseMetadata"].pop(retries, None)
    return answer


async def grant(_: Keys | None) -> Grant:
    return Grant(Keys("AKIACANARY", wire.SECRET, wire.TOKEN))
