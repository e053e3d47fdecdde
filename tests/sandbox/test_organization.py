"""The organization: fixed ids, nested units, suspended accounts, and who may read it."""

from __future__ import annotations

from typing import Any

import pytest

ACCOUNTS = [
    {"id": "111111111111", "name": "web", "ou": "Workloads/Prod", "tags": {"team": "web"}},
    {"id": "222222222222", "name": "data", "ou": "Workloads/Test", "email": "data@example.com"},
    {"id": "333333333333", "name": "old", "status": "SUSPENDED"},
    *({"name": f"many-{number}", "ou": "Workloads"} for number in range(40)),
]


def test_accounts_are_listed_in_pages_of_twenty(make: Any) -> None:
    sandbox, aws = make()
    sandbox.make_organization(ACCOUNTS)
    client = aws("organizations")
    pages = list(client.get_paginator("list_accounts").paginate())
    assert [len(page["Accounts"]) for page in pages] == [20, 20, 4]
    accounts = {account["Id"]: account for page in pages for account in page["Accounts"]}
    assert len(accounts) == 44
    assert accounts["333333333333"]["Status"] == "SUSPENDED"
    assert accounts["222222222222"]["Email"] == "data@example.com"
    assert "123456789012" in accounts


def test_units_nest_and_hold_their_own_accounts_only(make: Any) -> None:
    sandbox, aws = make()
    organization = sandbox.make_organization(ACCOUNTS)
    client = aws("organizations")
    root = client.list_roots()["Roots"][0]["Id"]

    def units(parent: str) -> dict[str, str]:
        found = client.list_organizational_units_for_parent(ParentId=parent)["OrganizationalUnits"]
        return {unit["Name"]: unit["Id"] for unit in found}

    workloads = units(root)["Workloads"]
    assert units(workloads).keys() == {"Prod", "Test"}
    prod = organization.unit_id("Workloads/Prod")
    assert units(workloads)["Prod"] == prod
    assert [found["Name"] for found in client.list_accounts_for_parent(ParentId=prod)["Accounts"]] == ["web"]
    assert client.list_parents(ChildId="111111111111")["Parents"] == [{"Id": prod, "Type": "ORGANIZATIONAL_UNIT"}]
    assert client.list_parents(ChildId=workloads)["Parents"] == [{"Id": root, "Type": "ROOT"}]
    assert client.list_tags_for_resource(ResourceId="111111111111")["Tags"] == [{"Key": "team", "Value": "web"}]


def test_only_the_management_account_may_look(make: Any) -> None:
    sandbox, aws = make()
    sandbox.make_organization(ACCOUNTS)
    member = aws("organizations", keys=aws.assume("111111111111"))
    assert aws.code_of(member.list_accounts) == "AccessDeniedException"
    assert member.describe_organization()["Organization"]["MasterAccountId"] == "123456789012"
    stranger = aws("organizations", keys=aws.assume("999999999999"))
    assert aws.code_of(stranger.list_accounts) == "AWSOrganizationsNotInUseException"
    assert aws.code_of(lambda: aws.assume("333333333333")) == "AccessDenied"


def test_what_is_not_there_is_said_so(make: Any) -> None:
    sandbox, aws = make()
    sandbox.make_organization(ACCOUNTS)
    client = aws("organizations")
    assert (
        aws.code_of(lambda: client.list_accounts_for_parent(ParentId="ou-none-12345678")) == "ParentNotFoundException"
    )
    assert aws.code_of(lambda: client.list_parents(ChildId="999999999999")) == "ChildNotFoundException"
    assert aws.code_of(lambda: client.describe_account(AccountId="999999999999")) == "AccountNotFoundException"
    assert aws.code_of(lambda: client.list_tags_for_resource(ResourceId="999999999999")) == "TargetNotFoundException"
    assert aws.code_of(lambda: client.list_accounts(MaxResults=21)) == "InvalidInputException"


@pytest.mark.parametrize(
    ("account", "complaint"),
    [
        ({"id": "123"}, "got"),
        ({"name": "a", "id": "123"}, "12 digits"),
        ({"name": "a", "status": "GONE"}, "status is one of"),
        ({"name": "a", "colour": "red"}, "got"),
        ({"name": "a", "id": "111111111111"}, "twice"),
    ],
)
def test_accounts_that_make_no_sense_are_refused(make: Any, account: dict[str, Any], complaint: str) -> None:
    sandbox, _ = make()
    with pytest.raises(ValueError, match=complaint):
        sandbox.make_organization([ACCOUNTS[0], account])
