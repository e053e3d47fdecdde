"""`cost-tags` end to end: which keys are active, activation, backfill, the payer's account, and after each run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bulkprof.sandbox import Hypotheses, Sandbox
from bulkprof.workflows.money import payer
from tests.cli.driver import CommandLine
from tests.e2e.others import OURS, Others

PAYER = "999988887777"
PAYERS_ROLE = f'payer_role = "arn:aws:iam::{PAYER}:role/Costs"\n'
ROLE = 'role = "Onboarding"\n'
THIS_MONTH = f"{datetime.now(UTC):%Y-%m}"


@pytest.fixture
def team(commands: CommandLine, sandbox: Sandbox) -> CommandLine:
    manifest = commands.manifest("search,s,1", "rank,r,1", header="name,tag:Team,tag:CostCenter")
    assert commands.apply(manifest) == {"created": 2}
    return commands


def statuses(ended: Any) -> dict[str, str]:
    return {tag["key"]: tag["status"] for tag in ended.json()["tags"]}


def test_keys_become_active_and_stay_so(team: CommandLine, sandbox: Sandbox) -> None:
    ended = team("cost-tags")
    assert ended.code == 0
    assert [line for line in ended.out.splitlines() if "Team" in line and "inactive" in line and "2" in line]
    assert "the bill doesn't count by CostCenter, Team; --activate lets it" in ended.err
    ended = team("cost-tags", "--activate", "--keys", "Team")
    assert ended.code == 0
    assert "activated: Team; it takes up to a day to show in the bill" in ended.err
    assert statuses(team("cost-tags", "--json")) == {"Team": "active", "CostCenter": "inactive"}
    assert team("cost-tags", "--json", "--activate").json()["activated"] == ["CostCenter"]
    before = sandbox.ledger().count("UpdateCostAllocationTagsStatus")
    assert team("cost-tags", "--json", "--activate").json()["activated"] == []
    assert sandbox.ledger().count("UpdateCostAllocationTagsStatus") == before


def test_own_tags_and_those_of_aws_are_looked_at_when_asked_for(team: CommandLine, others: Others) -> None:
    assert "bulkprof:estate" not in statuses(team("cost-tags", "--json"))
    assert statuses(team("cost-tags", "--json", "--own-tags"))["bulkprof:estate"] == "inactive"
    others.create("by-hand", {**OURS, "Stage": "prod"})
    assert "Stage" not in statuses(team("cost-tags", "--json"))
    live = team("cost-tags", "--json", "--live").json()
    assert {tag["key"]: tag["profiles"] for tag in live["tags"]} == {"Team": 2, "CostCenter": 2, "Stage": 1}


def test_accounts_that_can_not_be_read_are_told(team: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_denied(accounts={"111122223333"})
    ended = team("cost-tags", "--live", "--accounts", "123456789012,111122223333", "--json")
    assert ended.code == 3
    assert list(ended.json()["unreachable"]) == ["111122223333/us-east-1"]
    assert statuses(ended) == {"Team": "inactive", "CostCenter": "inactive"}


def test_what_billing_has_not_seen_waits(team: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_hypotheses(Hypotheses(billing_lag_s=86_400))
    ended = team("cost-tags", "--activate", "--keys", "Team,Team")
    assert ended.code == 3
    assert "not seen by billing yet" in ended.out
    assert "error: can't be activated yet: Team; billing sees a key within a day of its first profile" in ended.err
    assert team("cost-tags", "--json", "--activate").json()["waiting"] == ["Team", "CostCenter"]


def test_keys_are_activated_twenty_at_once_and_refused_one_by_one(
    commands: CommandLine, sandbox: Sandbox, others: Others
) -> None:
    for number in range(11):
        others.create(f"team-{number}", {f"k{number}-{key}": "1" for key in range(49)} | OURS)
    ended = commands("cost-tags", "--live", "--activate", "--json")
    assert ended.code == 3
    found = ended.json()
    assert (len(found["activated"]), len(found["errors"])) == (500, 39)
    assert sandbox.ledger().count("UpdateCostAllocationTagsStatus") == 27
    assert sandbox.ledger().count("ListCostAllocationTags") == 6
    assert f"error: {found['errors'][0]['key']} stays inactive: At most 500 cost allocation tags" in ended.err


def test_past_costs_are_counted_again_once_a_day(team: CommandLine) -> None:
    ended = team("cost-tags", "--backfill", THIS_MONTH)
    assert ended.code == 0
    assert f"past costs are counted again from {THIS_MONTH}-01 on: processing" in ended.err
    ended = team("cost-tags", "--backfill", THIS_MONTH, "--json")
    assert ended.code == 3
    assert "already in progress; AWS takes one in 24 hours: try again later" in ended.json()["backfill_error"]
    assert "error: no backfill was started" in ended.err


def test_only_the_payers_account_can(team: CommandLine, sandbox: Sandbox) -> None:
    sandbox.make_organization([{"id": "123456789012", "name": "hub"}], management_account=PAYER)
    ended = team("cost-tags", "--json")
    assert ended.code == 1
    assert "Linked account doesn't have access" in ended.json()["error"]
    assert "Only the payer (management) account can: set `payer_role` in [organization]" in ended.err
    assert ended.err.count("\n") == 1
    config = (team.folder / "bulkprof.toml").read_text()
    team.config("", base=config.replace(ROLE, ROLE + PAYERS_ROLE))
    assert statuses(team("cost-tags", "--json")) == {"Team": "inactive", "CostCenter": "inactive"}
    team.config("", base=config.replace(ROLE, ROLE + PAYERS_ROLE.replace(PAYER, "111122223333")))
    ended = team("cost-tags")
    assert "has to be a role of the payer account, which 111122223333 isn't" in ended.err


def test_a_missing_permission_is_named(team: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_denied(actions={"ce:List*"})
    ended = team("cost-tags")
    assert ended.code == 1
    assert "Allow ce:ListCostAllocationTags: bulkprof iam-policy --cost-tags prints what is needed" in ended.err


def test_each_run_activates_what_the_config_says(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config('[costs]\nactivate = ["Team", "Later"]\n')
    manifest = commands.manifest("search,s", header="name,tag:Team")
    ended = commands("apply", manifest, "--yes")
    assert ended.code == 0
    assert "cost allocation tags activated: Team" in ended.err
    assert "that billing hasn't seen yet: Later; a later run activates them" in ended.err
    ended = commands("sync", manifest, "--yes")
    assert "activated" not in ended.err
    assert sandbox.ledger().count("UpdateCostAllocationTagsStatus") == 1
    assert statuses(commands("cost-tags", "--json")) == {"Team": "active", "Later": "unseen"}
    commands("plan", manifest)
    assert sandbox.ledger().count("ListCostAllocationTags") == 3


def test_a_run_is_in_order_whatever_billing_says(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config('[costs]\nactivate = ["Team"]\n')
    sandbox.set_denied(actions={"ce:*"})
    ended = commands("apply", commands.manifest("search,s", header="name,tag:Team"), "--yes")
    assert ended.code == 0
    assert ended.err.count("warning: [costs] activate: 123456789012 ListCostAllocationTags: AccessDenied") == 1
    assert ended.err.count("warning") == 1


def test_the_end_of_a_run_does_not_wait_for_ever(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payer, "PATIENCE_S", 0.1)
    sandbox.set_faults([{"kind": "throttle", "operation": "ListCostAllocationTags"}])
    commands.config('[costs]\nactivate = ["Team"]\n')
    ended = commands("apply", commands.manifest("search,s", header="name,tag:Team"), "--yes")
    assert ended.code == 0
    assert "warning: [costs] activate: no answer in 0 s; the next run tries again" in ended.err


def test_a_key_that_aws_refuses_after_a_run_is_a_warning(
    commands: CommandLine, others: Others, sandbox: Sandbox
) -> None:
    for number in range(11):
        others.create(f"team-{number}", {f"k{number}-{key}": "1" for key in range(49)} | OURS)
    assert commands("cost-tags", "--live", "--activate", "--json").code == 3
    commands.config('[costs]\nactivate = ["Team"]\n')
    ended = commands("apply", commands.manifest("search,s", header="name,tag:Team"), "--yes")
    assert ended.code == 0
    assert "warning: [costs] activate: Team stays inactive: At most 500" in ended.err


def test_nothing_to_look_at(commands: CommandLine, sandbox: Sandbox) -> None:
    ended = commands("cost-tags")
    assert ended.code == 64
    assert "no run of estate 'tests'" in ended.err
    assert commands.apply(commands.manifest("search")) == {"created": 1}
    ended = commands("cost-tags")
    assert ended.code == 64
    assert "carry no tags but bulkprof's own; --own-tags looks at those, too" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backfill", "2999-01"], "--backfill 2999-01: is in the future"),
        (["--backfill", "2001-01"], "AWS counts past costs again for 12 at most"),
        (["--backfill", "09/2026"], "write a month as YYYY-MM, such as 2026-09"),
        (["--live", "abc"], "--live asks AWS, not run abc"),
        (["--accounts", "111122223333"], "say where --live looks; a run has --keys"),
        (["--keys", "Team,"], "one of its values is empty"),
        (["--sandbox-rate", "3"], "only for a sandbox"),
    ],
)
def test_wrong_flags(commands: CommandLine, arguments: list[str], said: str) -> None:
    commands("apply", commands.manifest("search,s", header="name,tag:Team"), "--yes", "--sandbox")
    ended = commands("cost-tags", *arguments)
    assert (ended.code, said in ended.err) == (64, True), ended.err


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('[costs]\nactivate = "aws:createdBy"\n', "tag keys that begin with 'aws:' belong to AWS"),
        ('[costs]\nactivate = ["Team", "Team"]\n', "'Team' stands in it twice"),
    ],
)
def test_keys_that_can_not_be_activated(commands: CommandLine, config: str, said: str) -> None:
    commands.config(config)
    ended = commands("cost-tags")
    assert (ended.code, said in ended.err) == (1, True), ended.err
