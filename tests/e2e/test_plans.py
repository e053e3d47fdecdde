"""Plans that are kept and applied later, and runs that are taken up again."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest

from bulkprof.sandbox import Fault, Sandbox
from bulkprof.statuses import RunStatus
from bulkprof.store.run import RunFile
from tests.cli.driver import CommandLine, outcomes_of
from tests.e2e.others import Others


def test_a_kept_plan(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest("team-a", "team-b")
    ended = commands("plan", "teams.csv", "--out", "plan.db")
    assert (ended.code, ended.err.splitlines()[-1]) == (0, "next: bulkprof apply plan.db")
    assert not sandbox.ledger().profiles
    assert commands("plan", "teams.csv", "--out", "plan.db").code == 1
    # The plan holds the rows: what becomes of the manifest after it was approved changes nothing.
    commands.manifest("team-c")
    assert commands.apply("plan.db") == {"created": 2}
    assert sorted(profile.name for profile in sandbox.ledger().live) == ["team-a", "team-b"]
    again = commands("apply", "plan.db", "--yes")
    assert again.code == 64
    assert "plan.db: was applied already as run" in again.err
    assert len(sandbox.ledger().profiles) == 2


def test_a_plan_that_is_applied_where_nobody_knows_of_the_first_time(
    commands: CommandLine, sandbox: Sandbox, others: Others
) -> None:
    """Tokens that AWS remembers must not answer for what others have deleted since."""
    assert commands("plan", commands.manifest("team-a", "team-b"), "--out", "plan.db").code == 0
    assert commands.apply("plan.db") == {"created": 2}
    shutil.rmtree(commands.folder / ".bulkprof")
    others.delete(next(profile.arn for profile in sandbox.ledger().live if profile.name == "team-a"))
    assert commands.apply("plan.db") == {"created": 1, "unchanged": 1}
    assert sorted(profile.name for profile in sandbox.ledger().live) == ["team-a", "team-b"]


def test_a_plan_out_of_a_failure_is_no_plan(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands("plan", commands.manifest("team.a"), "--out", "plan.db").code == 65
    assert not (commands.folder / "plan.db").exists()


def test_a_plan_that_reality_overtook(commands: CommandLine, sandbox: Sandbox, others: Others) -> None:
    commands.manifest("made,1", "same,1", "changed,1", header="name,tag:Team")
    assert commands.apply("teams.csv") == {"created": 3}
    arns = {profile.name: profile.arn for profile in sandbox.ledger().live}
    commands.manifest("new,1", "made,1", "same,1", "changed,2", header="name,tag:Team")
    assert commands("plan", "teams.csv", "--out", "plan.db").code == 0
    # Somebody was quicker with one, and changed what the plan found in order.
    new = others.create("new", {"Team": "1", "bulkprof:estate": "tests"})
    others.tag(arns["same"], Team="0")
    assert commands.apply("plan.db", code=3) == {"unchanged": 2, "updated": 1, "failed": 1}
    found = {line["name"]: line for line in commands.results()}
    assert (found["new"]["outcome"], found["new"]["arn"]) == ("unchanged", new)
    assert (found["same"]["outcome"], found["same"]["error_code"]) == ("failed", "StalePlan")
    assert others.tags(arns["same"])["Team"] == "0"
    assert others.tags(arns["changed"])["Team"] == "2"


def test_a_plan_of_another_estate(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands("plan", commands.manifest("team-a"), "--out", "plan.db").code == 0
    commands.config("", base='estate = "another"\n')
    ended = commands("apply", "plan.db", "--yes")
    assert ended.code == 64
    assert "belongs to estate 'tests', and the config says 'another'" in ended.err
    assert not sandbox.ledger().profiles


def test_a_foreign_database_is_no_plan(commands: CommandLine, sandbox: Sandbox) -> None:
    (commands.folder / "foreign.db").write_bytes(b"SQLite format 3\x00" + bytes(4096))
    ended = commands("apply", "foreign.db", "--yes")
    assert ended.code == 1
    assert ended.err.startswith("error: foreign.db: ")
    assert sandbox.ledger().calls == ()


def test_a_declined_plan_can_be_approved_later(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands("plan", commands.manifest("team-a"), "--out", "plan.db").code == 0
    shutil.copy(commands.folder / "plan.db", commands.folder / "copy.db")
    # Without a terminal and without --yes it isn't approved, so it may be applied once more.
    assert commands("apply", "plan.db").code == 64
    assert not sandbox.ledger().profiles
    assert commands.apply("copy.db") == {"created": 1}


def test_failed_rows_are_made_by_the_next_run(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", name="team-b")])
    assert commands.apply(commands.manifest("team-a", "team-b"), code=3) == {"created": 1, "failed": 1}
    assert commands("resume", "--yes").code == 64
    sandbox.set_faults([])
    assert commands.apply("teams.csv") == {"created": 1, "unchanged": 1}
    assert sorted(profile.name for profile in sandbox.ledger().profiles) == ["team-a", "team-b"]


def test_a_run_that_was_killed_when_all_was_done_comes_to_its_end(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where only its rows say in which Region to ask who is calling."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    commands.config("", base='estate = "tests"\n[defaults]\nmodel = "amazon.nova-lite-v1:0"\n[run]\nsettle_s = 0\n')
    commands.manifest("team-a,eu-west-1", header="name,region")
    run_id = commands.summary("apply", "teams.csv")["run_id"]
    with closing(RunFile.open(commands.folder / ".bulkprof" / "runs" / f"{run_id}.db")) as run:
        run.note(status=RunStatus.RUNNING)
    assert outcomes_of(commands.summary("resume")) == {"created": 1}
    assert commands("resume", run_id, "--yes").code == 64
