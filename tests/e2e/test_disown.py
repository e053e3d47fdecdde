"""Profiles that the estate lets go of: by a column of the manifest, or by name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import anyio
import pytest

import bulkprof
from bulkprof.errors import RunInterruptedError, UsageError
from bulkprof.sandbox import Fault, Sandbox
from bulkprof.ui import Progress
from tests.cli.driver import CommandLine, Ended, outcomes_of, read_csv
from tests.e2e.others import OURS, Others

ONE, TWO = "111122223333", "222233334444"
TEAM = {"bulkprof:keys": "Team"}


def arns(sandbox: Sandbox, name: str) -> list[str]:
    return [profile.arn for profile in sandbox.ledger().live if profile.name == name]


def test_a_row_that_is_disowned_for_a_night_and_then_gone(
    commands: CommandLine, sandbox: Sandbox, others: Others
) -> None:
    commands.manifest("search,Search,", "ranking,Ranking,", header="name,tag:Team,disown")
    assert commands.apply("teams.csv") == {"created": 2}
    (arn,) = arns(sandbox, "search")
    others.tag(arn, Foreign="kept")
    # Whatever else its row says by now.
    commands.manifest("search,Other,yes", "ranking,Ranking,no", "made,Made,true", header="name,tag:Team,disown")
    plan = commands("plan", "teams.csv", "--prune")
    assert "~ search  disowned: tags -bulkprof:estate, -bulkprof:keys  teams.csv:2" in plan.out
    assert outcomes_of(commands.summary("sync", "teams.csv", "--prune")) == {"updated": 1, "unchanged": 2}
    assert others.tags(arn) == {"Team": "Search", "Foreign": "kept"}
    assert arns(sandbox, "made") == []
    for _ in range(2):
        assert outcomes_of(commands.summary("sync", "teams.csv", "--prune")) == {"unchanged": 3}
        commands.manifest("ranking,Ranking,no", "other,Other,true", "made,Made,true", header="name,tag:Team,disown")
    assert others.tags(arn) == {"Team": "Search", "Foreign": "kept"}
    # A manifest that wants it again takes it over again.
    commands.manifest("search,Search", "ranking,Ranking", header="name,tag:Team")
    assert commands.apply("teams.csv") == {"adopted": 1, "unchanged": 1}


def test_what_failed_is_disowned_by_the_failed_rows(commands: CommandLine, sandbox: Sandbox, others: Others) -> None:
    assert commands.apply(commands.manifest("search", "ranking")) == {"created": 2}
    commands.manifest("search,true", "ranking,", header="name,disown")
    sandbox.set_faults([Fault("access_denied", "UntagResource")])
    assert commands("apply", "teams.csv", "--yes", "--failed", "failed.csv").code == 3
    (row,) = read_csv(commands.folder / "failed.csv")
    assert (row["name"], row["disown"]) == ("search", "true")
    sandbox.set_faults([])
    assert commands.apply("failed.csv") == {"updated": 1}
    assert others.tags(arns(sandbox, "search")[0]) == {}


@pytest.fixture
def estate(commands: CommandLine, sandbox: Sandbox) -> Sandbox:
    """Two profiles in each of two accounts."""
    rows = [f"{name},{account},{name}" for account in (ONE, TWO) for name in ("search", "ranking")]
    assert commands.apply(commands.manifest(*rows, header="name,account,tag:Team")) == {"created": 4}
    return sandbox


def disown(commands: CommandLine, *more: str) -> Ended:
    return commands("disown", *more, "--accounts", f"{ONE},{TWO}", "--json", "--yes")


def test_profiles_are_disowned_by_name(commands: CommandLine, estate: Sandbox) -> None:
    ended = disown(commands, "search", "--results", "results.jsonl")
    assert (ended.code, ended.json()["command"]) == (0, "disown")
    assert (
        "a manifest that still wants them adopts them again: take them out, or write true into their column"
        in ended.err
    )
    assert (ended.json()["desired"], outcomes_of(ended.json())) == (2, {"updated": 2})
    assert {(line["account"], line["outcome"]) for line in commands.results()} == {(ONE, "updated"), (TWO, "updated")}
    tags = {profile.name: dict(profile.tags) for profile in estate.ledger().live}
    assert tags == {"search": {"Team": "search"}, "ranking": {"Team": "ranking", **TEAM, **OURS}}
    assert outcomes_of(disown(commands, "search").json()) == {"unchanged": 2}
    # Pruning knows them no more.
    commands.manifest(*(f"ranking,{account},ranking" for account in (ONE, TWO)), header="name,account,tag:Team")
    assert outcomes_of(commands.summary("sync", "teams.csv", "--prune")) == {"unchanged": 2}


def test_a_name_that_no_profile_has_is_an_error(commands: CommandLine, estate: Sandbox) -> None:
    ended = disown(commands, "search", "serach")
    assert (ended.code, ended.json()["error"]) == (
        64,
        "no profile in 2 targets is called 'serach'; nothing was changed. Choose others by --accounts and --regions",
    )
    assert estate.ledger().count("UntagResource") == 0
    assert "'a//b': '/' at positions 2 and 3" in disown(commands, "a//b").err
    assert commands("disown").code == 64
    assert commands("disown", "search", "--prune").code == 64
    with pytest.raises(UsageError, match="disown deletes and replaces nothing"):
        anyio.run(bulkprof.disown, ["search"], bulkprof.Options(prune=True))
    with pytest.raises(UsageError, match="name the profiles to disown"):
        anyio.run(bulkprof.disown, [])


def test_it_is_shown_asked_about_and_capped(commands: CommandLine, estate: Sandbox) -> None:
    ended = commands("disown", "search", "--accounts", ONE)
    assert (ended.code, "without a terminal; add --yes" in ended.err) == (64, True)
    assert "~ search  disowned: tags -bulkprof:estate, -bulkprof:keys" in ended.out
    assert "      - tag:bulkprof:estate 'tests'\n      - tag:bulkprof:keys 'Team'\n" in ended.out
    # It reads no manifest, so it doesn't know what others want.
    assert "--prune would delete" not in ended.out
    commands.config("\n[caps.updates]\npercent = 0\ncount = 1\n")
    assert "allow it in this run: --allow-updates 2" in disown(commands, "search").err
    assert estate.ledger().count("UntagResource") == 0
    assert disown(commands, "search", "--allow-updates", "2").code == 0


def test_an_account_that_cannot_be_entered_is_told(commands: CommandLine, estate: Sandbox) -> None:
    estate.set_faults([Fault("access_denied", "ListInferenceProfiles", account=TWO)])
    ended = disown(commands, "search")
    assert (ended.code, outcomes_of(ended.json())) == (3, {"updated": 1, "failed": 1})


class Stops(bulkprof.Ui):
    """Stops the run where a step begins, or its plan is shown."""

    def __init__(self, at: str) -> None:
        self.stop, self.at = bulkprof.Stop(), at

    def note_step(self, what: str) -> None:
        if what == self.at:
            self.stop.request()

    async def confirm(self, plan: bulkprof.Plan) -> bool:
        self.note_step("plan")
        return True

    def progress(
        self, what: str, total: int, left: Callable[[], float | None] | None = None
    ) -> AbstractContextManager[Progress]:
        self.note_step(what)
        return super().progress(what, total, left)


def test_it_is_resumed_where_it_was_stopped(commands: CommandLine, estate: Sandbox) -> None:
    options = bulkprof.Options(config=bulkprof.load_config(Path("bulkprof.toml")), accounts=[ONE, TWO])
    early, late = Stops("observing targets"), Stops("plan")
    with pytest.raises(RunInterruptedError, match="interrupted before anything was changed"):
        anyio.run(bulkprof.disown, "search", options, early, early.stop)
    assert outcomes_of(commands("resume", "--yes", "--json").json()) == {"updated": 2}
    assert anyio.run(bulkprof.disown, "ranking", options, late, late.stop).exit_code == 130
    assert estate.ledger().count("UntagResource") == 2
    assert outcomes_of(commands("resume", "--yes", "--json").json()) == {"updated": 2}
