"""Reading an organization, over the sandbox's HTTP: one walk, callers that may read it, and broken responses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar, cast

import pytest

from bulkprof.aws import AwsSessions, OrganizationApi, OrganizationWalk
from bulkprof.aws.organization import Page
from bulkprof.config import Organization, Run
from bulkprof.errors import AccessDeniedError, AmbiguousError, ThrottledError
from bulkprof.model import Directory, Target
from bulkprof.sandbox import Rate, Sandbox, SandboxSettings
from tests.aws import wire

T = TypeVar("T")
CALLER, HUB, WEB, DATA, OLD = "123456789012", "555555555555", "111111111111", "222222222222", "333333333333"
VIA = f"arn:aws:iam::{HUB}:role/Hub"
ACCOUNTS: list[dict[str, Any]] = [
    {"id": HUB, "name": "hub"},
    {"id": WEB, "name": "web", "ou": "Workloads/Prod/Web", "tags": {"env": "prod"}},
    {"id": DATA, "name": "data", "ou": "Workloads/Prod"},
    {"id": OLD, "name": "old", "ou": "Workloads", "status": "SUSPENDED", "tags": {"env": "prod"}},
    # More than a page of accounts, and of accounts and units in one unit.
    *({"name": f"many-{number}", "ou": f"Many/{number}"} for number in range(22)),
    *({"name": f"more-{number}", "ou": "Many"} for number in range(22)),
]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(rate=Rate(10_000, 10_000))) as running:
        yield running


async def once(operation: str, send: Callable[[], Awaitable[T]]) -> T:
    return await send()


def entering(sandbox: Sandbox, organization: Organization | None = None, **more: str) -> AwsSessions:
    environment = {**sandbox.environment(), **more}
    return AwsSessions(organization or Organization(), Run(timeout_s=5), environment=environment)


async def read(sandbox: Sandbox, *units: str, tags: bool = False, via: str | None = None) -> Directory:
    async with entering(sandbox, Organization(via=via)) as sessions:
        return await OrganizationWalk(await sessions.organization(), once).directory(units, tags=tags)


def calls(sandbox: Sandbox) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in sandbox.ledger().calls:
        found[entry.operation] = found.get(entry.operation, 0) + entry.count
    found.pop("GetCallerIdentity")
    return found


async def test_all_accounts_in_one_paged_walk(sandbox: Sandbox) -> None:
    sandbox.make_organization(ACCOUNTS)
    found = await read(sandbox)
    assert len(found.statuses) == 49
    assert {account for account, status in found.statuses.items() if status != "ACTIVE"} == {OLD}
    assert (found.units, found.tags) == ({}, {})
    assert calls(sandbox) == {"ListAccounts": 3}


async def test_units_with_all_that_is_in_them_each_looked_at_once(sandbox: Sandbox) -> None:
    organization = sandbox.make_organization(ACCOUNTS)
    workloads, prod, many = map(organization.unit_id, ("Workloads", "Workloads/Prod", "Many"))
    async with entering(sandbox) as sessions:
        walk = OrganizationWalk(await sessions.organization(), once)
        found = await walk.directory([prod, workloads, "ou-ab12-aaaaaaaa"], tags=False)
        assert found.units == {prod: {WEB, DATA}, workloads: {WEB, DATA, OLD}}
        # For the unit that doesn't exist, only the first of its two calls is made.
        expected = {"ListAccounts": 3, "ListAccountsForParent": 4, "ListOrganizationalUnitsForParent": 3}
        assert calls(sandbox) == expected
        assert (await walk.directory([prod], tags=False)).units == {prod: {WEB, DATA}}
        assert calls(sandbox) == expected
        assert len((await walk.directory([many], tags=False)).units[many]) == 44
        assert calls(sandbox)["ListOrganizationalUnitsForParent"] == 3 + 2 + 22


async def test_tags_of_active_accounts(sandbox: Sandbox) -> None:
    sandbox.make_organization(ACCOUNTS[:4])
    found = await read(sandbox, tags=True)
    assert {account: tags for account, tags in found.tags.items() if tags} == {WEB: {"env": "prod"}}
    assert calls(sandbox) == {"ListAccounts": 1, "ListTagsForResource": 4}


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
async def test_any_region_will_do(sandbox: Sandbox, region: str) -> None:
    sandbox.make_organization(ACCOUNTS[:1])
    async with entering(sandbox, AWS_REGION=region) as sessions:
        walk = OrganizationWalk(await sessions.organization(), once)
        assert len((await walk.directory([], tags=False)).statuses) == 2


async def test_who_may_not_ask_is_told_who_may(sandbox: Sandbox) -> None:
    sandbox.make_organization([*ACCOUNTS, {"id": CALLER, "name": "ci"}], management_account=HUB)
    with pytest.raises(AccessDeniedError, match=r"management account or a delegated administrator.*`via`") as caught:
        await read(sandbox)
    assert (caught.value.operation, caught.value.where) == ("organizations:ListAccounts", CALLER)


async def test_a_caller_outside_of_any_organization(sandbox: Sandbox) -> None:
    sandbox.make_organization(ACCOUNTS, management_account=HUB)
    with pytest.raises(AccessDeniedError, match=r"can't be read.*name accounts by their ids") as caught:
        await read(sandbox)
    assert caught.value.code == "AWSOrganizationsNotInUseException"


async def test_a_denied_call_in_the_middle_of_the_walk_is_one_error(sandbox: Sandbox) -> None:
    sandbox.make_organization(ACCOUNTS)
    sandbox.set_denied(actions=["organizations:ListTagsForResource"])
    with pytest.raises(AccessDeniedError, match="ListTagsForResource"):
        await read(sandbox, tags=True)


async def test_through_a_hub_role(sandbox: Sandbox) -> None:
    sandbox.make_organization(ACCOUNTS, management_account=HUB)
    assert len((await read(sandbox, via=VIA)).statuses) == 48
    assert sandbox.ledger().count("AssumeRole", account=CALLER) == 1
    assert sandbox.ledger().count("ListAccounts", account=HUB) == 3


async def test_members_are_entered_from_the_hub(sandbox: Sandbox) -> None:
    async with entering(sandbox, Organization(role="Member", via=VIA)) as sessions:
        for account in (WEB, DATA):
            for region in ("us-east-1", "eu-west-1"):
                assert await (await sessions.bedrock(Target(account, region))).list_page() == ([], None)
        # The caller's own account and the hub's need no member role.
        for account in (CALLER, HUB):
            await (await sessions.bedrock(Target(account, "us-east-1"))).list_page()
        assert sessions.trust_needed() == f"sts:AssumeRole for {VIA}"
    ledger = sandbox.ledger()
    assert (ledger.count("AssumeRole", account=CALLER), ledger.count("AssumeRole", account=HUB)) == (1, 2)
    assert [ledger.count("ListInferenceProfiles", account=account) for account in (CALLER, HUB, WEB)] == [1, 1, 2]


async def test_a_hub_session_that_ran_out_is_renewed(sandbox: Sandbox) -> None:
    async with entering(sandbox, Organization(role="Member", via=VIA)) as sessions:
        await sessions.bedrock(Target(WEB, "us-east-1"))
        sandbox.set_faults([{"operation": "AssumeRole", "kind": "expired_token", "times": 1}])
        await sessions.bedrock(Target(DATA, "us-east-1"))
    # Of the hub: once at the start, and once more after the refusal.
    assert sandbox.ledger().count("AssumeRole", "ok", account=CALLER) == 2


async def test_a_hub_that_cannot_be_entered_is_named(sandbox: Sandbox) -> None:
    sandbox.set_denied(accounts=[HUB])
    async with entering(sandbox, Organization(role="Member", via=VIA)) as sessions:
        with pytest.raises(AccessDeniedError, match=f": can't assume {VIA}: ") as caught:
            await sessions.bedrock(Target(WEB, "us-east-1"))
        assert caught.value.where == HUB
        with pytest.raises(AccessDeniedError, match=f": can't assume {VIA}: "):
            await sessions.organization()
        await sessions.bedrock(Target(CALLER, "us-east-1"))


@pytest.mark.parametrize("body", [b'{"Accounts":[{"Id":"1', b"{}", b'{"Accounts":[{"Id":"111111111111"}]}', b"[]"])
async def test_a_broken_answer_is_no_small_organization(body: bytes) -> None:
    identity = (
        b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a</Arn>"
        b"<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        of_organizations = "x-amz-target" in wire.headers(await wire.request(reader))
        writer.write(wire.response(200, body if of_organizations else identity))
        await writer.drain()
        writer.close()

    async with wire.serving(respond) as port:
        environment = wire.environment(port)
        async with AwsSessions(Organization(), Run(timeout_s=5), environment=environment) as sessions:
            calls = await sessions.organization()
            with pytest.raises(AmbiguousError):
                await calls.accounts()


async def test_units_that_are_within_each_other_are_each_looked_at_once() -> None:
    """They may be moved while the organization is walked."""
    asked: list[str] = []

    class Circle:
        async def accounts(self, token: str | None) -> Page:
            return Page(((WEB, "ACTIVE"),), None)

        async def accounts_of(self, unit: str, token: str | None) -> Page:
            asked.append(unit)
            return Page(((WEB, "ACTIVE"),), None)

        async def units_of(self, unit: str, token: str | None) -> Page:
            return Page((({"a": "b", "b": "a"}[unit], "name"),), None)

    walk = OrganizationWalk(cast("OrganizationApi", Circle()), once)
    assert (await walk.directory(["a"], tags=False)).units == {"a": frozenset({WEB})}
    assert asked == ["a", "b"]


async def test_throttles_are_the_callers_to_repeat(sandbox: Sandbox) -> None:
    sandbox.make_organization(ACCOUNTS)
    sandbox.set_faults([{"operation": "ListAccounts", "kind": "throttle", "times": 2}])
    seen: list[str] = []

    async def stubborn(operation: str, send: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await send()
            except ThrottledError:
                seen.append(operation)

    async with entering(sandbox) as sessions:
        walk = OrganizationWalk(await sessions.organization(), stubborn)
        assert len((await walk.directory([], tags=False)).statuses) == 49
    assert seen == ["organizations:ListAccounts"] * 2
