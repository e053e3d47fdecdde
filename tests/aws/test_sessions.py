"""Accounts, roles and clients, over the sandbox's HTTP."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bulkprof.aws import AwsSessions
from bulkprof.config import Organization, Run
from bulkprof.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsError,
    ExpiredCredentialsError,
    InvalidRequestError,
    RegionError,
    UnreachableError,
)
from bulkprof.model import Target
from bulkprof.profiles.operations import Operation
from bulkprof.sandbox import Rate, Sandbox, SandboxSettings
from tests.aws import wire

OTHER = "222222222222"
IN_ROLE = Organization(role="bulkprof-runner")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(rate=Rate(10_000, 10_000))) as running:
        yield running


def entering(sandbox: Sandbox, organization: Organization = IN_ROLE, **more: str) -> AwsSessions:
    return AwsSessions(organization, Run(timeout_s=5), environment={**sandbox.environment(), **more})


def sent(sandbox: Sandbox, operation: str) -> int:
    return sum(entry.count for entry in sandbox.ledger().calls if entry.operation == operation)


async def test_all_operations(sandbox: Sandbox) -> None:
    async with entering(sandbox) as sessions:
        caller = await sessions.identity()
        assert (caller.account, caller.partition, sessions.region) == ("123456789012", "aws", "us-east-1")
        targets = (Target("", ""), Target(caller.account, "us-east-1"), Target(OTHER, "eu-west-1"))
        for place, target in enumerate(targets):
            api = await sessions.bedrock(target)
            model = (await api.foundation_models())[0]
            assert (await api.system_profiles_page())[0][0].model_arns
            given = {
                "name": f"team {target.region}",
                "source_arn": model.arn,
                "description": "d 1",
                "token": f"t{place}",
            }
            arn = await api.create(tags={"a": "1"}, **given)
            assert arn.split(":")[4] == (target.account or caller.account)
            assert await api.create(tags={"a": "1"}, **given) == arn
            await api.tag(arn, {"b": "2"})
            await api.untag(arn, ["a"])
            assert await api.tags_of(arn) == {"b": "2"}
            assert (arn, {"b": "2"}) in (await api.tagged_page())[0]
            listed, more = await api.list_page()
            assert more is None
            found = await api.get(arn)
            assert found in listed
            assert (found.name, found.description, found.model_arns, found.tags) == (
                given["name"],
                "d 1",
                (model.arn,),
                None,
            )
            await api.delete(arn)
            await sessions.release(target)


async def test_one_role_session_for_all_regions_of_an_account(sandbox: Sandbox) -> None:
    async with entering(sandbox) as sessions:
        targets = [Target(OTHER, region) for region in ("us-east-1", "us-west-2", "eu-west-1")]
        apis = await asyncio.gather(*(sessions.bedrock(target) for target in targets * 5))
        assert len({id(api) for api in apis}) == 3
        await asyncio.gather(*(api.list_page() for api in apis))
    assert sent(sandbox, "AssumeRole") == 1


async def test_a_hundred_lanes_that_notice_at_once_renew_once(sandbox: Sandbox) -> None:
    async with entering(sandbox) as sessions:
        api = await sessions.bedrock(Target(OTHER, "us-east-1"))
        await api.list_page()
        sandbox.set_faults([{"operation": "ListInferenceProfiles", "kind": "expired_token", "times": 100}])
        refused = await asyncio.gather(*(api.list_page() for _ in range(100)), return_exceptions=True)
        assert {type(error) for error in refused} == {ExpiredCredentialsError}
        await asyncio.gather(*(api.list_page() for _ in range(100)))
    # The hundred refusals are of the same session, so one renewal is enough for all.
    assert sent(sandbox, "AssumeRole") == 2


async def test_without_a_role_other_accounts_are_a_clear_error(sandbox: Sandbox) -> None:
    async with entering(sandbox, Organization()) as sessions:
        with pytest.raises(AccessDeniedError, match=r"\[organization\]") as caught:
            await sessions.bedrock(Target(OTHER, "us-east-1"))
        assert caught.value.where == OTHER
        assert await (await sessions.bedrock(Target("", "us-east-1"))).list_page() == ([], None)


async def test_a_role_that_cant_be_assumed_leaves_others_alone(sandbox: Sandbox) -> None:
    sandbox.set_denied(accounts=[OTHER])
    async with entering(sandbox) as sessions:
        tries = [sessions.bedrock(Target(OTHER, region)) for region in ("us-east-1", "us-west-2")]
        for error in await asyncio.gather(*tries, return_exceptions=True):
            assert isinstance(error, AccessDeniedError)
            assert error.where == OTHER
            assert f"arn:aws:iam::{OTHER}:role/bulkprof-runner" in error.message
        assert await (await sessions.bedrock(Target("333333333333", "us-east-1"))).list_page() == ([], None)


@pytest.mark.parametrize(
    ("role", "arn"),
    [
        ("r", f"arn:aws:iam::{OTHER}:role/r"),
        ("/path/r", f"arn:aws:iam::{OTHER}:role/path/r"),
        ("arn:aws:iam::{account}:role/r", f"arn:aws:iam::{OTHER}:role/r"),
        ("arn:{partition}:iam::{account}:role/r", f"arn:aws:iam::{OTHER}:role/r"),
    ],
)
async def test_role_templates(sandbox: Sandbox, role: str, arn: str) -> None:
    sandbox.set_denied(accounts=[OTHER])
    async with entering(sandbox, Organization(role=role)) as sessions:
        with pytest.raises(AccessDeniedError) as caught:
            await sessions.bedrock(Target(OTHER, "us-east-1"))
    assert f"can't assume {arn}:" in caught.value.message


async def test_a_template_of_one_account_is_refused(sandbox: Sandbox) -> None:
    async with entering(sandbox, Organization(role="arn:aws:iam::111111111111:role/r")) as sessions:
        with pytest.raises(InvalidRequestError, match="account"):
            await sessions.bedrock(Target(OTHER, "us-east-1"))


async def test_no_region(sandbox: Sandbox) -> None:
    async with entering(sandbox, AWS_REGION="", AWS_DEFAULT_REGION="") as sessions:
        assert sessions.region == ""
        with pytest.raises(RegionError, match="AWS_REGION"):
            await sessions.identity()
        with pytest.raises(RegionError, match="AWS_REGION"):
            await sessions.bedrock(Target("", ""))
        # The target's own Region is enough to find out who calls.
        await (await sessions.bedrock(Target(OTHER, "us-east-1"))).list_page()


async def test_no_way_to_aws_is_one_error_for_all_that_wait() -> None:
    dead = wire.environment(1)
    async with AwsSessions(IN_ROLE, Run(), environment=dead) as sessions:
        found = await asyncio.gather(*(sessions.identity() for _ in range(20)), return_exceptions=True)
    assert {type(error) for error in found} == {UnreachableError}


async def test_the_environment_that_was_given_stands_alone(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL_BEDROCK": "http://127.0.0.1:1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_BEARER_TOKEN_BEDROCK": "bearer",
        "AWS_MAX_ATTEMPTS": "5",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    async with entering(sandbox) as sessions:
        await (await sessions.bedrock(Target(OTHER, "us-east-1"))).list_page()
        async with sessions.client("s3") as s3:
            assert (await s3.list_buckets())["Buckets"] == []


async def test_clients_of_any_service_in_any_account(sandbox: Sandbox) -> None:
    async with entering(sandbox) as sessions:
        for account, arn in ((None, "123456789012"), ("123456789012", "123456789012"), (OTHER, OTHER)):
            async with sessions.client("sts", account=account) as sts:
                assert (await sts.get_caller_identity())["Account"] == arn
    assert sent(sandbox, "AssumeRole") == 1
    async with entering(sandbox, Organization()) as sessions:
        with pytest.raises(AccessDeniedError, match="set `role` in"):
            async with sessions.client("sts", account=OTHER):
                pass


async def test_the_sdks_own_settings(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    async with AwsSessions(IN_ROLE, Run()) as sessions:
        assert sessions.region == "eu-west-1"
        await (await sessions.bedrock(Target("", ""))).list_page()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CredentialsError, match="AWS_PROFILE"):
        async with AwsSessions(IN_ROLE, Run()) as sessions:
            await sessions.identity()


async def test_no_credentials(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    async with AwsSessions(IN_ROLE, Run()) as sessions:
        with pytest.raises(CredentialsError, match="aws sso login"):
            await sessions.identity()


async def test_an_environment_without_keys_has_none(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    async with entering(sandbox, AWS_ACCESS_KEY_ID="") as sessions:
        with pytest.raises(CredentialsError, match="no AWS credentials"):
            await sessions.identity()


async def test_leaving_while_calls_wait_leaves_nothing_open() -> None:
    """An unclosed session or connection is a warning, and warnings fail the test."""
    async with wire.serving(wire.stalling) as port:
        async with asyncio.timeout(5):
            async with AwsSessions(Organization(), Run(), environment=wire.environment(port)) as sessions:
                api = await sessions.bedrock(Target("", "us-east-1"))
                calls = [asyncio.create_task(wire.create(api)) for _ in range(5)]
                await asyncio.sleep(0.05)
                for call in calls[:3]:
                    call.cancel()
                await asyncio.wait(calls[:3])
                assert all(call.cancelled() for call in calls[:3])
            for call in calls[3:]:
                with pytest.raises(AwsError):
                    await call


def test_importing_loads_no_sdk() -> None:
    code = "import sys, bulkprof.aws; print([m for m in sys.modules if m.startswith(('boto', 'aiob', 'aioh'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_operations_are_aws_names() -> None:
    assert {str(each) for each in Operation} >= {"CreateInferenceProfile", "ListInferenceProfiles", "GetResources"}


async def test_an_endpoint_with_a_password_is_refused_in_one_line() -> None:
    environment = wire.environment(1) | {"AWS_ENDPOINT_URL": "http://somebody:hunter2@127.0.0.1:1"}
    async with AwsSessions(Organization(), Run(), environment=environment) as sessions:
        with pytest.raises(AwsError, match="user name or password") as caught:
            await sessions.identity()
    assert "hunter2" not in str(caught.value)
