"""The calls of plugins, over the sandbox's HTTP: in which account, how fast, and what is kept of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bulkprof.aws import AwsSessions
from bulkprof.config import Organization, Run
from bulkprof.delivery.paced import PacedCalls
from bulkprof.errors import AccessDeniedError, AmbiguousError, AwsError, RegionError, SignInNeededError
from bulkprof.pacing import pacer
from bulkprof.pacing.pacers import Pacers
from bulkprof.pacing.rates import RateStore
from bulkprof.plugins import RunContext
from bulkprof.sandbox import Fault, Rate, Sandbox, SandboxSettings

OWN, OTHER = "123456789012", "222222222222"
PUT = "ssm:PutParameter"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(rate=Rate(1000, 1000))) as running:
        yield running


@pytest.fixture
async def sessions(sandbox: Sandbox) -> AsyncIterator[AwsSessions]:
    settings = Run(timeout_s=5)
    async with AwsSessions(Organization(role="Onboarding"), settings, environment=sandbox.environment()) as opened:
        yield opened


@pytest.fixture
def pacers(tmp_path: Path) -> Pacers:
    return Pacers(RateStore(tmp_path), 0.0)


@pytest.fixture
def calls(sessions: AwsSessions, pacers: Pacers) -> PacedCalls:
    return PacedCalls(sessions, pacers, Run(attempts=2), tell=pytest.fail)


@pytest.mark.parametrize(("account", "expected"), [(None, OWN), (OWN, OWN), (OTHER, OTHER)])
async def test_the_account_that_is_asked_for(calls: PacedCalls, account: str | None, expected: str) -> None:
    async with calls.open("sts", account=account) as sts:
        assert (await sts.call("GetCallerIdentity"))["Account"] == expected


async def test_the_rate_that_was_learned_is_kept_for_the_service(
    sandbox: Sandbox, calls: PacedCalls, pacers: Pacers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacer, "START_PACE", 1000.0)
    # A busy machine sends too slowly for a rate to be met.
    sandbox.set_faults([Fault("throttle", operation=PUT, nth=8)])
    async with calls.open("ssm", region="eu-west-1", account=OTHER) as ssm:
        for number in range(15):
            await ssm.call("PutParameter", Name=f"/a/{number}", Value="x", Type="String")
    assert sandbox.ledger().count(PUT, "ok", account=OTHER, region="eu-west-1") == 15
    assert sandbox.ledger().count(PUT, "throttled") == 1
    assert pacers.keep() is None
    store = RateStore(tmp_path)
    assert store.load() is None
    assert store.rate(OTHER, "eu-west-1", PUT) is not None


async def test_each_attempt_is_sent_once_and_given_up(sandbox: Sandbox, calls: PacedCalls) -> None:
    sandbox.set_faults([Fault("unavailable", operation=PUT)])
    async with calls.open("ssm") as ssm:
        with pytest.raises(AmbiguousError, match=f"{OWN}/us-east-1 PutParameter: ServiceUnavailableException"):
            await ssm.call("PutParameter", Name="/a", Value="x", Type="String")
    assert sandbox.ledger().count(PUT) == 2


async def test_an_error_says_its_code(sandbox: Sandbox, calls: PacedCalls) -> None:
    async with calls.open("ssm") as ssm:
        with pytest.raises(AwsError) as caught:
            await ssm.call("GetParameter", Name="/none")
    assert (caught.value.code, caught.value.operation) == ("ParameterNotFound", "GetParameter")


async def test_an_account_that_cannot_be_entered(sandbox: Sandbox, calls: PacedCalls) -> None:
    sandbox.set_denied(accounts=[OTHER])
    with pytest.raises(AccessDeniedError, match=OTHER):
        async with calls.open("ssm", account=OTHER):
            pass


async def test_an_operation_that_there_is_not(calls: PacedCalls) -> None:
    async with calls.open("ssm") as ssm:
        with pytest.raises(ValueError, match=r"ssm has no operation put_parameter; write it as AWS does"):
            await ssm.call("put_parameter")


async def test_without_a_region(sandbox: Sandbox, pacers: Pacers) -> None:
    environment = {**sandbox.environment(), "AWS_REGION": "", "AWS_DEFAULT_REGION": ""}
    async with AwsSessions(Organization(), Run(), environment=environment) as sessions:
        with pytest.raises(RegionError, match="set AWS_REGION, or `region` in the plugin's settings"):
            async with PacedCalls(sessions, pacers, Run(), tell=pytest.fail).open("ssm"):
                pass


async def test_own_credentials_that_ran_out_are_said(sandbox: Sandbox, calls: PacedCalls) -> None:
    sandbox.set_faults([Fault("expired_token", operation=PUT)])
    async with calls.open("ssm") as ssm:
        for _ in range(2):
            with pytest.raises(SignInNeededError, match="sign in again"):
                await ssm.call("PutParameter", Name="/a", Value="x", Type="String")


def test_a_run_that_is_made_by_hand_has_no_calls() -> None:
    context = RunContext("run-1", "apply", "org", "2026-11-23T00:00:00+00:00", client=None)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="belongs to no run"):
        context.paced("ssm")
