"""Ten accounts in nested units: rows and flags that choose among them, and accounts that can't be entered."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from bulkprof.sandbox import Sandbox
from bulkprof.sandbox.services.organization import Organization
from tests.cli.driver import CONFIG, CommandLine

CALLER = "123456789012"
WEB, SHOP, DATA, ML, OLD, TOOLS, LOGS, DENIED, LAB = (str(n) * 12 for n in range(1, 10))
ACCOUNTS: list[dict[str, Any]] = [
    {"id": WEB, "name": "web", "ou": "Workloads/Prod", "tags": {"env": "prod", "team": "Web Shop"}},
    {"id": SHOP, "name": "shop", "ou": "Workloads/Prod/Shop", "tags": {"env": "prod"}},
    {"id": DATA, "name": "data", "ou": "Workloads/Test", "tags": {"env": "test"}},
    {"id": ML, "name": "ml", "ou": "Workloads/Test"},
    {"id": OLD, "name": "old", "ou": "Workloads/Prod", "status": "SUSPENDED", "tags": {"env": "prod"}},
    {"id": TOOLS, "name": "tools", "ou": "Platform"},
    {"id": LOGS, "name": "logs", "ou": "Platform", "status": "PENDING_CLOSURE"},
    {"id": DENIED, "name": "denied", "ou": "Platform"},
    {"id": LAB, "name": "lab", "ou": "Lab"},
]
ACTIVE = {CALLER, WEB, SHOP, DATA, ML, TOOLS, DENIED, LAB}
HEADER = "name,account,region"
ALIASES = f"""
[organization.aliases]
shops = ["{WEB}", "{SHOP}"]
lab = "{LAB}"
"""


@pytest.fixture
def organization(commands: CommandLine, sandbox: Sandbox) -> Organization:
    commands.config(ALIASES)
    return sandbox.make_organization(ACCOUNTS)


def places(commands: CommandLine) -> Counter[str]:
    """How many profiles of the last run each account has."""
    return Counter(line["account"] for line in commands.results())


def asked(sandbox: Sandbox, operation: str) -> int:
    return sandbox.ledger().count(operation)


@pytest.mark.parametrize(
    ("selector", "accounts"),
    [
        (WEB, {WEB}),
        ("lab", {LAB}),
        (f"shops|{DATA}", {WEB, SHOP, DATA}),
        ("ou:Workloads/Prod", {WEB, SHOP}),
        ("ou:Workloads", {WEB, SHOP, DATA, ML}),
        ("ou:Workloads|ou:Workloads/Test|shops|lab", {WEB, SHOP, DATA, ML, LAB}),
        ("org:*", ACTIVE),
        ("tag:env=prod", {WEB, SHOP}),
        ("tag:team=Web Shop", {WEB}),
    ],
)
def test_selectors(
    commands: CommandLine, sandbox: Sandbox, organization: Organization, selector: str, accounts: set[str]
) -> None:
    written = "|".join(
        f"ou:{organization.unit_id(part.removeprefix('ou:'))}" if part.startswith("ou:") else part
        for part in selector.split("|")
    )
    commands.manifest(f"team-a,{written},", f"team-b,{written},eu-west-1|us-east-1", header=HEADER)
    assert commands.apply("teams.csv") == {"created": 3 * len(accounts)}
    assert places(commands) == dict.fromkeys(accounts, 3)
    assert {profile.account for profile in sandbox.ledger().live} == accounts
    looked = ":" in selector
    assert asked(sandbox, "ListAccounts") == looked
    assert asked(sandbox, "AssumeRole") == len(accounts - {CALLER})
    assert bool(asked(sandbox, "ListAccountsForParent")) == ("ou:" in selector)


def test_one_walk_for_a_run_and_its_calls_are_counted(
    commands: CommandLine, sandbox: Sandbox, organization: Organization
) -> None:
    workloads, prod = (f"ou:{organization.unit_id(path)}" for path in ("Workloads", "Workloads/Prod"))
    commands.manifest(f"a,{workloads},", f"b,{prod},", "c,tag:env=test,", "d,org:*,", f"e,{workloads},", header=HEADER)
    summary = commands.summary("apply", "teams.csv", "--not-accounts", f"{DENIED},{CALLER}")
    counted = {name: calls["sent"] for name, calls in summary["calls"].items() if name.startswith("organizations:")}
    assert counted == {
        "organizations:ListAccounts": 1,
        "organizations:ListAccountsForParent": 4,
        "organizations:ListOrganizationalUnitsForParent": 4,
        "organizations:ListTagsForResource": 8,
    }
    assert [asked(sandbox, name.partition(":")[2]) for name in counted] == list(counted.values())


def test_accounts_that_are_not_active_are_left_out_and_said_so_once(
    commands: CommandLine, organization: Organization
) -> None:
    commands.manifest("team-a,org:*,", f"team-b,{OLD}|{WEB},", header=HEADER)
    ended = commands("apply", "teams.csv", "--yes", "--json")
    assert (ended.code, ended.json()["outcomes"]["created"]) == (0, len(ACTIVE) + 1)
    told = [line for line in ended.err.splitlines() if "left out" in line]
    assert told == [f"left out 2 accounts that aren't active: {OLD} (SUSPENDED), {LOGS} (PENDING_CLOSURE)"]


@pytest.mark.parametrize(
    ("flags", "accounts", "regions"),
    [
        (["--accounts", "shops"], {WEB, SHOP}, 2),
        (["--accounts", "shops", "--accounts", "tag:env=test,lab"], {WEB, SHOP, DATA, LAB}, 2),
        (["--accounts", "ou:Workloads", "--not-accounts", "shops"], {DATA, ML}, 2),
        (["--not-accounts", "ou:Platform", "--not-accounts", f"lab,{CALLER}"], {WEB, SHOP, DATA, ML}, 2),
        (["--accounts", "lab", "--regions", "eu-west-1"], {LAB}, 1),
        (["--accounts", "lab", "--regions", "us-east-1,eu-west-1"], {LAB}, 2),
    ],
)
def test_filters(
    commands: CommandLine, organization: Organization, flags: list[str], accounts: set[str], regions: int
) -> None:
    flags = [f"ou:{organization.unit_id(flag[3:])}" if flag.startswith("ou:") else flag for flag in flags]
    commands.manifest("team-a,org:*,us-east-1|eu-west-1", header=HEADER)
    assert commands.apply("teams.csv", *flags) == {"created": regions * len(accounts)}
    assert places(commands) == dict.fromkeys(accounts, regions)


def test_filters_from_the_environment(
    commands: CommandLine, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.manifest("team-a,org:*,us-east-1|eu-west-1", header=HEADER)
    monkeypatch.setenv("BULKPROF_ACCOUNTS", "tag:team=Web Shop, lab")
    monkeypatch.setenv("BULKPROF_REGIONS", "eu-west-1")
    assert commands.apply("teams.csv") == {"created": 2}
    assert places(commands) == {WEB: 1, LAB: 1}
    monkeypatch.setenv("BULKPROF_NOT_ACCOUNTS", " ")
    ended = commands("apply", "teams.csv", "--yes")
    assert (ended.code, "BULKPROF_NOT_ACCOUNTS is set, but empty" in ended.err) == (64, True)


def test_filters_restrict_pruning_too(commands: CommandLine, sandbox: Sandbox, organization: Organization) -> None:
    commands.manifest("keep,shops|lab,", "gone,shops|lab,", header=HEADER)
    assert commands.apply("teams.csv") == {"created": 6}
    commands.manifest("keep,shops|lab,", header=HEADER)
    summary = commands.summary("sync", "teams.csv", "--prune", "--not-accounts", WEB)
    assert (summary["outcomes"]["deleted"], summary["outcomes"]["unchanged"]) == (2, 2)
    assert [profile.account for profile in sandbox.ledger().live if profile.name == "gone"] == [WEB]


@pytest.mark.parametrize(
    ("account", "flags", "ends"),
    [
        ("ou:ou-ab12-aaaaaaaa", [], (65, "teams.csv:2: account 'ou:ou-ab12-aaaaaaaa': is no unit of the organization")),
        ("tag:env=nowhere", [], (65, "account 'tag:env=nowhere': is a tag that no active account has")),
        ("shop", [], (65, "account 'shop': is neither an account id, nor a selector, nor an alias of the config; did")),
        ("org:*", ["--accounts", "tag:env=x"], (64, "--accounts 'tag:env=x': is a tag that no active account has")),
        ("org:*", ["--not-accounts", "tag:env=x"], (64, "--not-accounts 'tag:env=x': is a tag that no active")),
        ("org:*", ["--accounts", "shop"], (64, "--accounts 'shop': is neither")),
        ("org:*", ["--accounts", ""], (64, "one of its values is empty")),
        ("org:*", ["--regions", "us-west-2"], (64, "--regions us-west-2 leaves nothing")),
        ("shops", ["--accounts", "lab"], (64, "--accounts lab leaves nothing")),
        ("lab", ["--not-accounts", "lab"], (64, "--not-accounts lab leaves nothing")),
    ],
)
def test_what_chooses_nothing_is_an_error_and_never_all(
    commands: CommandLine,
    sandbox: Sandbox,
    organization: Organization,
    account: str,
    flags: list[str],
    ends: tuple[int, str],
) -> None:
    code, said = ends
    commands.manifest(f"team-a,{account},", header=HEADER)
    ended = commands("apply", "teams.csv", "--yes", *flags)
    assert (ended.code, said in ended.err) == (code, True), ended.err
    assert asked(sandbox, "CreateInferenceProfile") == asked(sandbox, "ListInferenceProfiles") == 0


def test_an_empty_unit_leaves_its_row_out(commands: CommandLine, organization: Organization) -> None:
    # The organization has it, but every account that was in it is closed.
    closed = f"ou:{organization.unit_id('Platform')}"
    commands.manifest(f"team-a,{closed},", "team-b,tag:env=nowhere,", "team-c,lab,", header=HEADER)
    ended = commands("apply", "teams.csv", "--yes", "--skip-invalid", "--accounts", "org:*")
    assert ended.code == 3
    assert ended.err.count("teams.csv:3: account 'tag:env=nowhere'") == 1


def test_a_default_selector(commands: CommandLine, organization: Organization) -> None:
    base = CONFIG.replace("[defaults]\n", '[defaults]\naccount = "tag:env=prod"\n')
    commands.config("", base=base)
    assert commands.apply(commands.manifest("team-a")) == {"created": 2}
    commands.config("", base=base.replace("env=prod", "env=none"))
    ended = commands("apply", "teams.csv", "--yes")
    assert (ended.code, ended.err.count("defaults.account: 'tag:env=none' is a tag")) == (1, 1)


def test_rows_that_meet_in_an_account_are_told_once(
    commands: CommandLine, sandbox: Sandbox, organization: Organization
) -> None:
    workloads = f"ou:{organization.unit_id('Workloads')}"
    commands.manifest(f"team-a,{workloads},", "team-a,org:*,", "team-b,org:*,", header=HEADER)
    ended = commands("apply", "teams.csv", "--yes")
    assert ended.code == 65
    assert f"teams.csv:3: name 'team-a': the same name in 4 targets ({WEB}/us-east-1, …) as teams.csv:2" in ended.err
    assert ended.err.count("the same name") == 1
    assert asked(sandbox, "ListInferenceProfiles") == 0


def test_validate_checks_the_form_and_asks_nobody(commands: CommandLine) -> None:
    commands.config(ALIASES + '\n[plugins.naming]\ntemplate = "x-{account}"\n')
    commands.manifest(",org:*|lab,", ",ou:ou-ab12-34cd56ef|tag:a=b,", header=HEADER)
    assert commands("validate", "teams.csv", "--json").json()["desired"] == 4
    commands.manifest("a,ou:Prod,", "b,labb,", "c,tag:x,", header=HEADER)
    ended = commands("validate", "teams.csv")
    assert (ended.code, ended.err.count("teams.csv:")) == (65, 3)
    assert "did you mean lab?" in ended.err


def test_names_may_hold_the_account(commands: CommandLine, organization: Organization) -> None:
    commands.config(ALIASES + '\n[plugins.naming]\ntemplate = "x-{account}"\n')
    commands.manifest(",tag:env=prod,", header=HEADER)
    assert commands.apply("teams.csv") == {"created": 2}
    assert {line["name"] for line in commands.results()} == {f"x-{WEB}", f"x-{SHOP}"}


def test_who_may_not_read_the_organization_is_told_what_to_do(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.make_organization([*ACCOUNTS, {"id": CALLER, "name": "ci"}], management_account="000000000001")
    commands.manifest("team-a,org:*,", header=HEADER)
    ended = commands("apply", "teams.csv", "--yes")
    assert ended.code == 1
    assert "management account or a delegated administrator" in ended.err
    assert ended.err.count("error: ") == 1


def test_through_a_hub_role(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.make_organization([*ACCOUNTS, {"id": CALLER, "name": "ci"}], management_account=TOOLS)
    commands.config("", base=CONFIG.replace('role = "', f'via = "arn:aws:iam::{TOOLS}:role/Hub"\nrole = "'))
    commands.manifest("team-a,org:*,", header=HEADER)
    assert commands.apply("teams.csv") == {"created": len(ACTIVE)}
    ledger = sandbox.ledger()
    assert ledger.count("ListAccounts", account=TOOLS) == ledger.count("ListAccounts") == 1
    # Neither the caller's own account nor the hub's is entered through the member role.
    assert ledger.count("AssumeRole", account=CALLER) == 1
    assert ledger.count("AssumeRole", account=TOOLS) == len(ACTIVE) - 2


def test_accounts_that_cannot_be_entered_are_one_block(
    commands: CommandLine, sandbox: Sandbox, organization: Organization
) -> None:
    sandbox.set_denied(accounts=[DENIED, LAB])
    commands.config(ALIASES, base=CONFIG.replace('role = "', 'external_id = "x-1"\nrole = "'))
    commands.manifest("team-a,org:*,us-east-1|eu-west-1", "team-b,org:*,", header=HEADER)
    ended = commands("apply", "teams.csv", "--yes", "--json")
    outcomes = ended.json()["outcomes"]
    assert (ended.code, outcomes["failed"], outcomes["created"]) == (3, 6, 3 * (len(ACTIVE) - 2))
    lines = ended.err.splitlines()
    (start,) = [number for number, line in enumerate(lines) if "can't be entered" in line]
    block = lines[start : start + 4]
    assert block[0].startswith("warning: 2 accounts can't be entered; the rows there fail")
    assert block[1] == f"  {DENIED}, {LAB}"
    assert "AccessDenied: can't assume arn:aws:iam::{account}:role/Onboarding" in block[2]
    assert block[3] == (
        f"  remedy: the role Onboarding must be there, and its trust policy must allow sts:AssumeRole for "
        f"arn:aws:iam::{CALLER}:user/sandbox with the external id of [organization], or leave them out: "
        f"--not-accounts {DENIED},{LAB}"
    )
    # Named in the block and in its remedy, and nowhere else: not once for each of their profiles.
    plan = "\n".join([*lines[:start], *lines[start + 4 : lines.index(next(x for x in lines if "Plan: " in x)) + 1]])
    assert (DENIED in plan, LAB in plan, "! 6 refused" in plan) == (False, False, True)
    assert not {profile.account for profile in sandbox.ledger().live} & {DENIED, LAB}


def test_too_many_of_them_stop_the_run_before_any_change(
    commands: CommandLine, sandbox: Sandbox, organization: Organization
) -> None:
    sandbox.set_denied(accounts=[WEB, SHOP, DATA, ML, LAB])
    commands.manifest("team-a,org:*,", header=HEADER)
    ended = commands("apply", "teams.csv", "--yes", "--failure-tolerance", "50%")
    assert ended.code == 4
    assert "5 accounts can't be entered" in ended.err
    assert asked(sandbox, "CreateInferenceProfile") == 0


def test_one_failure_across_most_accounts_stops_the_run(
    commands: CommandLine, sandbox: Sandbox, organization: Organization
) -> None:
    sandbox.set_denied(accounts=[WEB, SHOP, DATA, ML, LAB])
    commands.manifest("team-a,org:*,", header=HEADER)
    ended = commands("apply", "teams.csv", "--yes")
    assert (ended.code, asked(sandbox, "CreateInferenceProfile")) == (4, 0)
    assert "5 of 8 accounts can't be worked in for one reason (AssumeRole: AccessDenied)" in ended.err
    # It can be looked at, and gone on with.
    assert commands("plan", "teams.csv").code == 3
    assert commands.apply("teams.csv", "--failure-tolerance", "100%", code=3) == {"failed": 5, "created": 3}


def test_a_plan_is_carried_out_as_it_was_made(
    commands: CommandLine, sandbox: Sandbox, organization: Organization
) -> None:
    commands.manifest("team-a,org:*,", header=HEADER)
    assert commands("plan", "teams.csv", "--accounts", "shops", "--out", "plan.db").code == 0
    ended = commands("apply", "plan.db", "--yes", "--accounts", "lab")
    assert (ended.code, "was planned without --accounts lab" in ended.err) == (64, True)
    summary = json.loads(commands("apply", "plan.db", "--yes", "--json").out)
    assert summary["outcomes"]["created"] == 2
    assert {profile.account for profile in sandbox.ledger().live} == {WEB, SHOP}


def test_a_flag_that_no_row_asks_for_is_told(commands: CommandLine, organization: Organization) -> None:
    commands.manifest("team-a,shops,", header=HEADER)
    ended = commands("apply", "teams.csv", "--yes", "--accounts", "shops,lab", "--regions", "us-east-1,us-esat-1")
    assert ended.code == 0
    assert "warning: --accounts lab: no row asks for it" in ended.err
    assert "warning: --regions us-esat-1: no row asks for it" in ended.err
