"""What one run may change is capped, whatever the change; a flag allows more of it in this run."""

from __future__ import annotations

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine, Ended

HEADER = "name,tag:Team,description"
TEAMS = 24
"""More than the 20 that are always allowed."""


def manifest(commands: CommandLine, team: str = "search", about: str = "made", *, names: int = TEAMS) -> str:
    return commands.manifest(*(f"team-{number:02},{team},{about}" for number in range(names)), header=HEADER)


def sync(commands: CommandLine, *more: str) -> Ended:
    return commands("sync", "teams.csv", "--yes", "--json", *more)


def changes(sandbox: Sandbox) -> int:
    return sum(map(sandbox.ledger().count, ("TagResource", "UntagResource", "DeleteInferenceProfile")))


@pytest.fixture
def estate(commands: CommandLine, sandbox: Sandbox) -> Sandbox:
    assert commands.apply(manifest(commands)) == {"created": TEAMS}
    return sandbox


def test_a_mistaken_tag_rule_is_stopped_before_the_first_change(commands: CommandLine, estate: Sandbox) -> None:
    manifest(commands, "search2")
    ended = sync(commands)
    assert (ended.code, ended.json()["exit_code"]) == (4, 4)
    assert ended.json()["error"].startswith(
        "estate 'tests': the plan changes or removes tags of 24 of 24 profiles, and at most 20 may be changed so in "
        "one run (the larger of 50 % and 20), not 100 %. Nothing was changed."
    )
    assert changes(estate) == 0
    assert commands("plan", "teams.csv", "--out", "plan.db").code == 4
    assert sync(commands, "--allow-updates", "23").code == 4
    # A plan that was allowed is carried out without another word.
    assert commands("plan", "teams.csv", "--allow-updates", "24", "--out", "plan.db").code == 0
    assert commands.apply("plan.db") == {"updated": TEAMS}
    commands.config("[caps.updates]\npercent = 100\n")
    manifest(commands, "search3")
    assert sync(commands).json()["outcomes"]["updated"] == TEAMS


def test_a_tag_more_is_no_loss(commands: CommandLine, estate: Sandbox) -> None:
    rows = (f"team-{number:02},search,CC-1,made" for number in range(TEAMS))
    commands.manifest(*rows, header="name,tag:Team,tag:CostCenter,description")
    assert commands.apply("teams.csv") == {"updated": TEAMS}


def test_replacements_and_deletions_are_allowed_for_one_run(commands: CommandLine, estate: Sandbox) -> None:
    manifest(commands, about="moved")
    ended = sync(commands, "--replace")
    assert ended.code == 4
    assert "the plan replaces 24 of 24 profiles, and at most 20 may be replaced in one run" in ended.err
    assert changes(estate) == 0
    commands.monkeypatch.setenv("BULKPROF_ALLOW_REPLACEMENTS", "24")
    assert sync(commands, "--replace").json()["outcomes"]["replaced"] == TEAMS
    manifest(commands, about="moved", names=10)
    assert "or allow it in this run: --allow-deletions 14" in sync(commands, "--prune").err
    assert sync(commands, "--prune", "--allow-deletions", "14").json()["outcomes"]["deleted"] == 14


def test_a_number_of_changes_is_not_negative(commands: CommandLine) -> None:
    ended = commands("sync", "teams.csv", "--allow-deletions", "-1")
    assert (ended.code, "--allow-deletions" in ended.err) == (64, True)
    assert commands("apply", "teams.csv", "--allow-deletions", "1").code == 64
