"""The caller's keys: in time, not past a stop, in order, and with words for what went wrong."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, CredentialRetrievalError, EndpointConnectionError

from bulkprof.aws.credentials.assume_role import AssumedRole
from bulkprof.aws.credentials.caller import CallerKeys, never
from bulkprof.aws.credentials.errors import PROVIDERS, cant_be_had
from bulkprof.aws.credentials.keys import Keys, SharedCredentials
from bulkprof.aws.credentials.provider_chain import start_program
from bulkprof.config import Organization
from bulkprof.errors import (
    AwsError,
    InvalidRequestError,
    KeysNotAwaitedError,
    RegionError,
    SignInNeededError,
    ThrottledError,
    UnreachableError,
)
from bulkprof.totals import CallCount

SECRET = "canary-secret"


class Found:
    """The SDK's credentials object."""

    method = "custom-process"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def get_frozen_credentials(self) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Hanging:
    """Never finds anything, and notes when it is given up."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.given_up = False

    async def __call__(self, *, afresh: bool = False) -> Any:
        self.begun.set()
        try:
            await never()
        finally:
            self.given_up = True


def finding(answer: Any) -> Any:
    async def find(*, afresh: bool = False) -> Any:
        return Found(answer)

    return find


async def test_they_come() -> None:
    grant = await CallerKeys(finding(ReadOnlyCredentials("A", "s", "t"))).fetch(None)
    assert grant.keys == Keys("A", "s", "t")


async def test_they_do_not_come_in_time() -> None:
    find = Hanging()
    with pytest.raises(SignInNeededError, match=r"didn't come within 0 s.*credential_process.*resume") as caught:
        await CallerKeys(find, limit_s=0.01).fetch(None)
    assert caught.value.code == "CredentialsTimeout"
    assert find.given_up


async def test_a_stop_doesnt_wait_for_them() -> None:
    find, stop = Hanging(), asyncio.Event()

    async def stopping() -> None:
        await stop.wait()

    fetching = asyncio.create_task(CallerKeys(find, stopping).fetch(None))
    await find.begun.wait()
    stop.set()
    with pytest.raises(KeysNotAwaitedError):
        await fetching
    assert find.given_up


async def test_cancelling_reaches_the_program() -> None:
    find = Hanging()
    fetching = asyncio.create_task(SharedCredentials(CallerKeys(find).fetch).keys())
    await find.begun.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert find.given_up


async def test_a_program_that_is_given_up_leaves_nothing_open() -> None:
    """What it has started holds its pipe open, and is no part of it."""
    before = open_files()
    program = await start_program("sh", "-c", "sleep 9 & sleep 9", stdout=PIPE, stderr=PIPE)
    waiting = asyncio.create_task(program.communicate())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert program.returncode is not None
    await asyncio.sleep(0)
    assert open_files() == before


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (KeyError(SECRET), SignInNeededError, "not as it should be (KeyError)"),
        (ValueError(f"bad value {SECRET}"), SignInNeededError, "not as it should be (ValueError)"),
        (FileNotFoundError(2, "No such file", "/a/token"), SignInNeededError, "/a/token: No such file"),
        (RuntimeError("refreshed credentials are still expired"), SignInNeededError, "have run out already"),
        (CredentialRetrievalError(provider="x", error_msg="a\nb"), SignInNeededError, "a b; run that command"),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "AssumeRole"),
            SignInNeededError,
            "AccessDenied: not you",
        ),
        (ClientError({"Error": {"Code": "Throttling"}}, "AssumeRole"), ThrottledError, ""),
        (EndpointConnectionError(endpoint_url="https://sts.example.com"), UnreachableError, "sts.example.com"),
        (TimeoutError(), AwsError, "no answer in time"),
    ],
)
async def test_whatever_a_renewal_raises(error: Exception, kind: type[AwsError], said: str) -> None:
    with pytest.raises(kind) as caught:
        await CallerKeys(finding(error)).fetch(None)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    if kind is SignInNeededError:
        assert PROVIDERS["custom-process"].name in caught.value.message


def test_each_place_of_the_sdk_has_a_name_and_a_remedy() -> None:
    from aiobotocore.credentials import create_credential_resolver
    from aiobotocore.session import AioSession

    methods = {provider.METHOD for provider in create_credential_resolver(AioSession()).providers}
    assert methods <= set(PROVIDERS)
    assert "set AWS_PROFILE" in cant_be_had(KeyError("x"), "a place of tomorrow").message


class Sts:
    def __init__(self, code: str, message: str) -> None:
        self.error = ClientError({"Error": {"Code": code, "Message": message}}, "AssumeRole")

    async def assume_role(self, **_: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("code", "message", "kind", "said"),
    [
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            InvalidRequestError,
            "`duration_s` in [organization] is 7200: lower it (3600 is always allowed)",
        ),
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            InvalidRequestError,
            "a role's session already, AWS allows 3600 at most",
        ),
        (
            "RegionDisabledException",
            "STS is not activated in this region for account:111122223333.",
            RegionError,
            "set AWS_REGION to a Region in which STS is active",
        ),
        ("ValidationError", "RoleSessionName is wrong", InvalidRequestError, "RoleSessionName is wrong"),
    ],
)
async def test_what_helps_where_a_role_is_refused(code: str, message: str, kind: type[AwsError], said: str) -> None:
    async def sts() -> Sts:
        return Sts(code, message)

    signer = SharedCredentials(CallerKeys(finding(ReadOnlyCredentials("A", "s", None))).fetch)
    role = AssumedRole(
        "arn:aws:iam::111122223333:role/r", Organization(duration_s=7200), None, sts, signer, CallCount()
    )
    with pytest.raises(kind) as caught:
        await role.fetch(None)
    assert said in caught.value.message
    assert ("duration_s" in caught.value.message) == ("Duration" in message)
