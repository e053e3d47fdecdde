"""Broken responses of STS and Organizations, which the SDK parses."""

from __future__ import annotations

import asyncio
import json

import pytest

import bulkprof.errors as e
from bulkprof.aws import AwsSessions
from bulkprof.config import Organization, Run
from bulkprof.model import Target
from tests.aws import wire
from tests.aws.storable import can_be_stored

STS: dict[str, tuple[int, bytes]] = {
    "a portal": (200, wire.PORTAL),
    "nothing": (200, b""),
    "JSON": (200, b"{}"),
    "another element": (200, b"<a/>"),
    "no members": (200, b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"),
    "empty members": (
        200,
        b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId/><SecretAccessKey>s</SecretAccessKey>"
        b"<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
        b"</AssumeRoleResponse>",
    ),
    "a time that is none": (
        200,
        b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>s"
        b"</SecretAccessKey><SessionToken>t</SessionToken><Expiration>soon</Expiration></Credentials>"
        b"</AssumeRoleResult></AssumeRoleResponse>",
    ),
    "deep": (200, b"<a>" * 50_000),
    "an error that is a portal": (403, wire.PORTAL),
    "an error of nothing": (400, b""),
    "an error that is JSON": (400, b'{"message":"no"}'),
}


@pytest.mark.parametrize("case", STS)
@pytest.mark.parametrize("operation", ["GetCallerIdentity", "AssumeRole"])
async def test_sts(operation: str, case: str) -> None:
    identity = (
        b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a</Arn><UserId>u"
        b"</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await wire.request(reader)
        odd = operation.encode() in asked
        writer.write(wire.response(*STS[case]) if odd else wire.response(200, identity))
        await writer.drain()
        writer.close()

    async with (
        wire.serving(answer) as port,
        AwsSessions(Organization(role="r"), Run(timeout_s=5), environment=wire.environment(port)) as sessions,
    ):
        with pytest.raises(e.AwsError) as caught:
            await sessions.bedrock(Target("111122223333", "us-east-1"))
    can_be_stored(caught.value)
    assert caught.value.operation == operation


ORGANIZATION: dict[str, object] = {
    "null": {"Accounts": None},
    "text": {"Accounts": "111122223333"},
    "an entry that is null": {"Accounts": [None]},
    "an id that is a number": {"Accounts": [{"Id": 111122223333, "Status": "ACTIVE"}]},
    "an id that is none": {"Accounts": [{"Id": "../..", "Status": "ACTIVE"}]},
    "no status": {"Accounts": [{"Id": "111122223333"}]},
    "a token that is a list": {"Accounts": [], "NextToken": ["a"]},
    "a list": [],
}


@pytest.mark.parametrize("case", ORGANIZATION)
async def test_organizations(case: str) -> None:
    body = wire.response(200, json.dumps(ORGANIZATION[case]).encode())
    identity = (
        b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a</Arn>"
        b"<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await wire.request(reader)
        writer.write(body if b"ListAccounts" in asked else wire.response(200, identity))
        await writer.drain()
        writer.close()

    async with (
        wire.serving(answer) as port,
        AwsSessions(Organization(), Run(timeout_s=5), environment=wire.environment(port)) as sessions,
    ):
        api = await sessions.organization()
        with pytest.raises(e.AmbiguousError):
            await api.accounts()
