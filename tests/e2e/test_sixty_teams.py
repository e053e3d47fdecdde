"""Sixty teams in two accounts, with parameters and events: onboarded, moved to another model, three of them pruned."""

from __future__ import annotations

import pytest

from bulkprof.delivery import sinks
from bulkprof.sandbox import Fault, Sandbox
from tests.cli.driver import CommandLine
from tests.e2e.others import Others

ACCOUNTS = ("123456789012", "444455556666")
TEAMS = [f"team-{n:02}" for n in range(60)]
CONFIG = """\
[plugins.ssm]
parameter = "/bedrock/{tag:Team}/{name}"
where = "target"
[plugins.eventbridge]
"""


def write(commands: CommandLine, teams: list[str], model: str) -> str:
    rows = [f"{team},{model},{'|'.join(ACCOUNTS)},{team}" for team in teams]
    return commands.manifest(*rows, header="name,model,account,tag:Team")


def parameters(sandbox: Sandbox, account: str) -> dict[str, str]:
    pages = Others(sandbox, account).client("ssm").get_paginator("get_parameters_by_path")
    found = pages.paginate(Path="/bedrock", Recursive=True)
    return {each["Name"]: each["Value"] for page in found for each in page["Parameters"]}


def wanted(commands: CommandLine, account: str) -> dict[str, str]:
    lines = [line for line in commands.results() if line["account"] == account and line["outcome"] != "deleted"]
    return {f"/bedrock/{line['name']}/{line['name']}": line["arn"] for line in lines}


def test_all_of_it_moves_and_all_of_it_goes(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "backoff", lambda attempt: 0.01)
    commands.config(CONFIG)

    def changes() -> int:
        return sandbox.ledger().count("ssm:PutParameter") + sandbox.ledger().count("ssm:DeleteParameters")

    assert commands.apply(write(commands, TEAMS, "amazon.nova-lite-v1:0")) == {"created": 120}
    first = {account: wanted(commands, account) for account in ACCOUNTS}
    assert {account: parameters(sandbox, account) for account in ACCOUNTS} == first
    assert {len(of_one) for of_one in first.values()} == {60}

    # The second account's parameters can't be written on the night on which all models change.
    sandbox.set_faults([Fault("access_denied", operation="ssm:PutParameter", account=ACCOUNTS[1])])
    manifest = write(commands, TEAMS[3:], "amazon.nova-pro-v1:0")
    flags = ("--prune", "--replace", "--allow-replacements", "200", "--allow-deletions", "10")
    summary = commands.summary("sync", manifest, *flags)
    assert (summary["outcomes"]["replaced"], summary["outcomes"]["deleted"]) == (114, 6)
    second = {account: wanted(commands, account) for account in ACCOUNTS}
    assert parameters(sandbox, ACCOUNTS[0]) == second[ACCOUNTS[0]]
    assert parameters(sandbox, ACCOUNTS[1]) == first[ACCOUNTS[1]]
    sandbox.set_faults([])
    assert commands("runs", "redeliver", summary["run_id"], "--json").json()["delivered"] == ["ssm"]
    assert {account: parameters(sandbox, account) for account in ACCOUNTS} == second

    before = changes()
    assert commands.apply(manifest) == {"unchanged": 114}
    assert changes() == before
