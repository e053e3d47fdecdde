"""Pruning stays within its caps, and never guesses: whatever is in doubt is not deleted."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkprof.sandbox import Fault, Sandbox, SandboxSettings
from tests.cli.driver import CONFIG, CommandLine, Ended
from tests.conftest import FAST

ONE, TWO, THREE = "111122223333", "222233334444", "333344445555"
HEADER = "name,account"


def rows(account: str, count: int, start: int = 0) -> list[str]:
    return [f"team-{number:03},{account}" for number in range(start, count)]


def prune(commands: CommandLine, *names: str, more: tuple[str, ...] = ()) -> Ended:
    return commands("sync", commands.manifest(*names, header=HEADER), "--prune", "--yes", "--json", *more)


def living(sandbox: Sandbox) -> Counter[str]:
    return Counter(profile.account for profile in sandbox.ledger().live)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves what it made for the others: the sandbox's journal, and bulkprof's state."""
    return tmp_path_factory.mktemp("estate")


@pytest.fixture
def sandbox(commands: CommandLine, kept: Path, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """As ever, but that a test with an estate starts with what is kept."""
    if "estate" in request.fixturenames:
        shutil.copytree(kept, commands.folder, dirs_exist_ok=True)
    with Sandbox(SandboxSettings(rate=FAST, state_file=commands.folder / "journal")) as running:
        commands.connect(running)
        yield running


@pytest.fixture
def estate(commands: CommandLine, sandbox: Sandbox, kept: Path) -> Counter[str]:
    """100 profiles: 60, 30 and 10 in three accounts."""
    if not living(sandbox):
        commands.manifest(*rows(ONE, 60), *rows(TWO, 30), *rows(THREE, 10), header=HEADER)
        assert commands.apply("teams.csv") == {"created": 100}
        shutil.copytree(commands.folder, kept, dirs_exist_ok=True)
    assert living(sandbox) == {ONE: 60, TWO: 30, THREE: 10}
    return living(sandbox)


def test_a_manifest_that_lost_most_of_its_rows(commands: CommandLine, sandbox: Sandbox, estate: Counter[str]) -> None:
    ended = prune(commands, *rows(ONE, 10), *rows(TWO, 30), *rows(THREE, 8))
    assert (ended.code, ended.json()["exit_code"]) == (4, 4)
    said = ended.json()["error"].splitlines()
    assert said[0].startswith("estate 'tests': the plan deletes 52 of 100 profiles, and at most 10 may go in one run ")
    assert said[1:] == [f"  {ONE}: 50 of 60, at most 15", f"  {THREE}: 2 of 10"]
    assert sandbox.ledger().count("DeleteInferenceProfile") == 0
    assert living(sandbox) == estate
    # Planning for later is stopped alike, and leaves no plan.
    planned = commands("plan", "teams.csv", "--prune", "--out", "plan.db")
    assert planned.code == 4
    assert not (commands.folder / "plan.db").exists()


def test_within_the_caps_it_is_done(commands: CommandLine, sandbox: Sandbox, estate: Counter[str]) -> None:
    ended = prune(commands, *rows(ONE, 60, start=5), *rows(TWO, 30, start=5), *rows(THREE, 10))
    assert ended.code == 0, ended.err
    assert ended.json()["outcomes"]["deleted"] == 10
    assert living(sandbox) == {ONE: 55, TWO: 25, THREE: 10}


def test_no_account_loses_most_of_its_own(commands: CommandLine, sandbox: Sandbox, estate: Counter[str]) -> None:
    """Nine of a hundred are within the cap of all, and nearly all of one account."""
    shrunken = [*rows(ONE, 60), *rows(TWO, 30), *rows(THREE, 10, start=9)]
    ended = prune(commands, *shrunken)
    assert ended.code == 4
    assert "too many of them in 1 account (the larger of 25 % and 5 of each account" in ended.err
    assert ended.json()["error"].splitlines()[1:] == [f"  {THREE}: 9 of 10, at most 5"]
    assert living(sandbox) == estate
    commands.config("\n[prune]\naccount_percent = 90\n")
    assert prune(commands, *shrunken).code == 0
    assert living(sandbox)[THREE] == 1


def test_caps_are_settings(commands: CommandLine, sandbox: Sandbox, estate: Counter[str]) -> None:
    wanted = [*rows(ONE, 10), *rows(TWO, 30), *rows(THREE, 10)]
    for caps in ("percent = 60", "percent = 0\ncount = 0", "account_percent = 90"):
        commands.config(f"\n[prune]\n{caps}\n")
        assert prune(commands, *wanted).code == 4
    assert living(sandbox) == estate
    commands.config("\n[prune]\npercent = 60\naccount_percent = 90\n")
    assert prune(commands, *wanted).code == 0
    assert living(sandbox) == {ONE: 10, TWO: 30, THREE: 10}


@pytest.mark.parametrize("fault", ["GetResources", "ListInferenceProfiles"])
def test_a_target_that_cannot_be_read_keeps_everything(
    commands: CommandLine, sandbox: Sandbox, estate: Counter[str], fault: str
) -> None:
    sandbox.set_faults(
        [Fault("access_denied", operation=operation, account=TWO) for operation in (fault, "ListTagsForResource")]
    )
    ended = prune(commands, *rows(ONE, 58), *rows(TWO, 28), *rows(THREE, 10))
    assert ended.code == 3, ended.err
    assert ended.json()["outcomes"]["failed"] == 28
    assert living(sandbox) == {ONE: 58, TWO: 30, THREE: 10}


def test_an_account_that_no_row_names_keeps_everything(
    commands: CommandLine, sandbox: Sandbox, estate: Counter[str]
) -> None:
    assert prune(commands, *rows(ONE, 60), *rows(TWO, 30)).code == 0
    assert living(sandbox) == estate
    assert prune(commands, *rows(ONE, 58), *rows(TWO, 28), more=("--accounts", TWO)).code == 0
    assert living(sandbox) == {ONE: 60, TWO: 28, THREE: 10}


def test_an_invalid_row_stops_all_deletions(commands: CommandLine, sandbox: Sandbox, estate: Counter[str]) -> None:
    for bad in ("team.bad,", "team-005,12", 'team-006,"'):
        wanted = [*rows(ONE, 58), *rows(TWO, 30), *rows(THREE, 10), bad]
        assert prune(commands, *wanted).code == 65
        ended = prune(commands, *wanted, more=("--skip-invalid",))
        assert ended.code == 4
        assert "would delete what they ask for" in ended.err
    assert living(sandbox) == estate


def test_a_manifest_that_is_missing_stops_all_deletions(
    commands: CommandLine, sandbox: Sandbox, estate: Counter[str]
) -> None:
    commands.manifest(*rows(ONE, 60), *rows(TWO, 30), header=HEADER)
    for extra in ((), ("--skip-invalid",)):
        ended = commands("sync", "teams.csv", "absent.csv", "--prune", "--yes", *extra)
        assert ended.code in {4, 65}
    assert living(sandbox) == estate


def test_only_what_carries_the_estate_counts_and_goes(commands: CommandLine, sandbox: Sandbox) -> None:
    """Two estates side by side: neither is counted for the other's caps, nor deleted by it."""
    commands.manifest(*rows(ONE, 40), header=HEADER)
    commands.config("", base=CONFIG.replace('"tests"', '"others"'))
    assert commands.apply("teams.csv") == {"created": 40}
    commands.config("")
    mine = [f"mine-{number},{ONE}" for number in range(12)]
    commands.manifest(*mine, header=HEADER)
    assert commands.apply("teams.csv") == {"created": 12}
    refused = prune(commands, *mine[:6])
    assert refused.code == 4
    assert "deletes 6 of 12 profiles" in refused.err
    assert prune(commands, *mine[:7]).code == 0
    assert living(sandbox) == {ONE: 47}
