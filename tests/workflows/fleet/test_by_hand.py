"""shard, apply SHARE, resume SHARE and merge, as they are typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.errors import RunInterruptedError, UsageError
from bulkprof.locks.beside import FileLock
from bulkprof.sandbox import Sandbox
from bulkprof.statuses import RunStatus
from bulkprof.stop import Stop
from bulkprof.store.run import RunFile
from bulkprof.totals import Plan
from tests.cli.driver import CommandLine, add_up, outcomes_of
from tests.e2e.others import NOVA_PRO, Others

ACCOUNTS = ("111122223333", "444455556666", "777788889999")
HEADER = "name,account"


@pytest.fixture
def plan(commands: CommandLine, sandbox: Sandbox) -> str:
    """A plan of two profiles in each of three accounts."""
    rows = [f"{name},{account}" for account in ACCOUNTS for name in ("search", "docs")]
    assert commands("plan", commands.manifest(*rows, header=HEADER), "--out", "plan.db").code == 0
    return "plan.db"


def cut(commands: CommandLine, plan: str, *, count: int = 3, into: str = "shares") -> list[str]:
    """Cut a plan. Return the files of its shares."""
    ended = commands("shard", plan, "--into", into, "--count", str(count), "--yes", "--json")
    assert ended.code == 0, ended.err
    index = ended.json()
    assert index == json.loads((commands.folder / into / "index.json").read_text())
    return [f"{into}/{share['file']}" for share in index["shares"]]


def merged(commands: CommandLine, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Merge. Return the JSON summary, with every profile accounted for."""
    ended = commands("merge", *arguments, "--json", "--results", "results.jsonl")
    assert ended.code == code, ended.err
    summary: dict[str, Any] = ended.json()
    add_up(summary, commands.results())
    return summary


def status(commands: CommandLine, file: str) -> RunStatus:
    with RunFile.look_at(commands.folder / file) as share:
        return share.details().status


def test_a_plan_in_shares(commands: CommandLine, sandbox: Sandbox, plan: str) -> None:
    ended = commands("shard", plan, "--into", "shares", "--profiles", "3", "--yes")
    assert (ended.code, ended.err.splitlines()[-1]) == (0, "at the end: bulkprof merge plan.db shares")
    index = json.loads((commands.folder / "shares/index.json").read_text())
    assert set(index) == {"plan", "shares"}
    assert [set(share) for share in index["shares"]] == [{"file", "targets", "profiles", "estimate_s"}] * 2
    assert [(share["targets"], share["profiles"]) for share in index["shares"]] == [(2, 4), (1, 2)]
    elsewhere = commands.folder / "elsewhere"
    elsewhere.mkdir()
    for share in index["shares"]:
        shutil.move(commands.folder / "shares" / share["file"], elsewhere)
    commands.folder.joinpath("bulkprof.toml").rename("kept.toml")
    commands.monkeypatch.chdir(elsewhere)
    for share in index["shares"]:
        ended = commands("apply", share["file"], "--results", "results.csv", "--json")
        assert (ended.code, outcomes_of(ended.json())) == (0, {"created": share["profiles"]})
        assert ended.err.splitlines()[-1] == f"next: bulkprof report {share['file']}"
    # Nothing but the shares, their locks and what was asked for.
    assert {path.suffix for path in elsewhere.iterdir()} == {".db", ".lock", ".csv"}
    commands.monkeypatch.chdir(commands.folder)
    commands.folder.joinpath("kept.toml").rename("bulkprof.toml")
    assert outcomes_of(merged(commands, plan, "elsewhere")) == {"created": 6}
    assert len(sandbox.ledger().profiles) == 6
    # Once more: nothing is counted twice.
    assert outcomes_of(merged(commands, plan, "elsewhere")) == {"created": 6}
    calls = commands("report", "--json").json()["calls"]
    assert calls["CreateInferenceProfile"]["sent"] == 6 == sandbox.ledger().count("CreateInferenceProfile")
    assert commands.apply("teams.csv") == {"unchanged": 6}


def test_missing_shares_are_named_and_come_home_later(commands: CommandLine, plan: str) -> None:
    first, second, third = cut(commands, plan)
    assert commands("apply", first).code == commands("apply", third).code == 0
    summary = merged(commands, plan, first, second, code=3)
    assert outcomes_of(summary) == {"created": 2, "skipped": 4}
    ended = commands("merge", plan, first, second)
    assert f"{second} (share 2 of 3) is not finished: bulkprof resume {second}" in ended.err
    assert "4 profiles have no outcome yet; missing: share 3 of 3; merge again" in ended.err
    assert "or let a resume carry out here what is open" in ended.err
    assert commands("resume", second).code == 0
    run_id = summary["run_id"]
    assert outcomes_of(merged(commands, run_id, second, third)) == {"created": 6}


def test_what_is_open_can_be_carried_out_where_the_run_is(commands: CommandLine, sandbox: Sandbox, plan: str) -> None:
    first, *_ = cut(commands, plan)
    assert commands("apply", first).code == 0
    assert commands("merge", plan, first).code == 3
    assert outcomes_of(commands.summary("resume")) == {"created": 6}
    assert len(sandbox.ledger().profiles) == 6


def test_shares_of_another_plan_and_other_files(commands: CommandLine, plan: str) -> None:
    shares = cut(commands, plan)
    assert all(commands("apply", share).code == 0 for share in shares)
    assert commands("plan", commands.manifest("other", file="other.csv"), "--out", "other.db").code == 0
    (foreign,) = cut(commands, "other.db", count=5, into="others")
    commands.write("broken.db", "no share")
    ended = commands("merge", plan, *shares, foreign, "broken.db", "gone.db", plan, "--json")
    # All is home, and the command says that something else was given.
    assert (ended.code, outcomes_of(ended.json())) == (3, {"created": 6})
    for told in (
        f"{foreign}: is a share of plan ",
        "broken.db: is damaged (file is not a database)",
        "gone.db: no such run file",
        f"{plan}: is no share",
    ):
        assert f"warning: {told}" in ended.err
    ended = commands("merge", "other.db", *shares)
    assert (ended.code, "none of these is a share of plan" in ended.err) == (64, True)
    assert commands("merge", "other.db", "others").code == 3


def test_what_a_shell_finds_beside_shares_is_left_out(commands: CommandLine, plan: str) -> None:
    for share in cut(commands, plan, into="sha res"):
        assert commands("apply", share).code == 0
    found = sorted(map(str, (commands.folder / "sha res").iterdir()))
    assert {Path(name).suffix for name in found} == {".db", ".json", ".lock"}
    assert outcomes_of(merged(commands, plan, *found)) == {"created": 6}


def test_a_share_is_shown_as_what_it_is(commands: CommandLine, plan: str) -> None:
    first, *_ = cut(commands, plan, into="sha res")
    ended = commands("merge", plan, "sha res")
    assert f"(share 1 of 3) is not finished: bulkprof resume '{first}'" in ended.err
    # The run is there by now, and this share is not applied for that.
    assert (
        f"planned, and not applied: nothing was changed; next: bulkprof apply '{first}'"
        in commands("report", first).err
    )


def test_a_copy_of_a_share_that_was_lost_is_resumed_with_a_wait(commands: CommandLine, plan: str) -> None:
    commands.monkeypatch.setattr("bulkprof.workflows.fleet.share.HEARTBEAT_S", 0.01)
    share, *_ = cut(commands, plan)
    shutil.copy(commands.folder / share, commands.folder / "copy.db")
    assert commands("apply", share).code == 0
    ended = commands("resume", "copy.db", "--json")
    assert "until AWS's lists show what a copy of it may have sent" in ended.err
    assert (ended.code, outcomes_of(ended.json())) == (0, {"created": 2})
    assert "waiting" not in commands("resume", "copy.db").err


def test_one_share_twice(commands: CommandLine, sandbox: Sandbox, plan: str) -> None:
    shares = cut(commands, plan)
    for share in shares:
        assert commands("apply", share).code == 0
    shutil.copy(commands.folder / shares[0], commands.folder / "copy.db")
    # Done elsewhere once more, from a copy.
    ended = commands("apply", "copy.db", "--json")
    assert "copy.db: everything in it is done" in ended.err
    assert outcomes_of(ended.json()) == {"created": 2}
    ended = commands("merge", plan, *shares, "copy.db", "--json")
    assert (ended.code, outcomes_of(ended.json())) == (0, {"created": 6})
    assert "warning: copy.db: share 1 of 3 is given 2 times" in ended.err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("shard", "SHARE", "--into", "x", "--count", "2"), "is a share already; cut the plan that it is of"),
        (("shard", "absent.db", "--into", "x", "--count", "2"), "absent.db: no such file; `bulkprof plan --out"),
        (("shard", "teams.csv", "--into", "x", "--count", "2"), "is no plan; `bulkprof plan --out FILE` keeps one"),
        (("shard", "plan.db", "--into", "shares", "--count", "2"), "index.json: is there already, of another cut"),
        (("shard", "plan.db", "--into", "x"), "one of the two is needed, and not both"),
        (("sync", "SHARE"), "is a share, not a manifest; `bulkprof apply` takes it, alone"),
        (("apply", "SHARE", "teams.csv"), "is a share, not a manifest; `bulkprof apply` takes it, alone"),
        (("apply", "SHARE", "--regions", "us-east-1"), "a share is carried out whole"),
        (("apply", "SHARE", "--results-columns"), "results with them come from `bulkprof merge`"),
        (("merge", "SHARE", "SHARE"), "is a share, and not the plan: bulkprof merge PLAN SHARE..."),
        (("merge", "plan.db", "empty"), "empty: holds no shares (share-*.db)"),
    ],
)
def test_what_does_not_fit_is_told_in_a_line(
    commands: CommandLine, plan: str, command: tuple[str, ...], told: str
) -> None:
    share, *_ = cut(commands, plan)
    (commands.folder / "empty").mkdir()
    yes = () if command[0] == "merge" else ("--yes",)
    ended = commands(*(share if part == "SHARE" else part for part in command), *yes)
    assert (ended.code, told in ended.err) == (64, True), ended.err
    assert not (commands.folder / "x").exists()


def test_one_is_said_in_the_singular(commands: CommandLine, sandbox: Sandbox) -> None:
    rows = [f"search,{account}" for account in ACCOUNTS[:2]]
    assert commands("plan", commands.manifest(*rows, header=HEADER), "--out", "plan.db").code == 0
    ended = commands("shard", "plan.db", "--into", "shares", "--count", "2", "--yes")
    assert "share-0001.db: 1 target, 1 profile, about " in ended.err
    assert commands("apply", "shares/share-0001.db").code == 0
    merge = commands("merge", "plan.db", "shares")
    assert (merge.code, "1 profile has no outcome yet; " in merge.err) == (3, True), merge.err


def test_a_plan_is_approved_when_it_is_cut(commands: CommandLine, plan: str) -> None:
    ended = commands("shard", plan, "--into", "shares", "--count", "2")
    assert (ended.code, "add --yes" in ended.err) == (64, True)
    assert not (commands.folder / "shares").exists()


async def test_a_stop_while_the_user_is_asked_cuts_nothing(commands: CommandLine, plan: str) -> None:
    class Asked(bulkprof.Ui):
        async def confirm(self, plan: Plan) -> bool:
            stop.request()
            await stop.pause(60)
            return True

    stop = Stop()
    with pytest.raises(RunInterruptedError):
        await bulkprof.shard(plan, "shares", bulkprof.Options(config=bulkprof.load_config()), Asked(), stop, count=2)
    assert not (commands.folder / "shares").exists()


def test_a_plan_that_was_applied_is_not_cut_and_takes_no_shares(commands: CommandLine, plan: str) -> None:
    shares = cut(commands, plan)
    commands.apply(plan)
    ended = commands("shard", plan, "--into", "x", "--count", "2", "--yes")
    assert (ended.code, "plan.db: was applied already as run" in ended.err) == (64, True)
    ended = commands("merge", plan, *shares)
    assert (ended.code, "by itself and not by shares" in ended.err) == (64, True)


def test_a_stop_leaves_the_rest_of_a_share_open(commands: CommandLine, sandbox: Sandbox, plan: str) -> None:
    share, *_ = cut(commands, plan, count=1)
    ended = commands("apply", share, "--deadline", "0.001s")
    assert (ended.code, ended.err.splitlines()[-1]) == (3, f"to go on: bulkprof resume {share}")
    assert not sandbox.ledger().profiles
    ended = commands("report", share)
    assert f"planned, and not applied: nothing was changed; next: bulkprof apply {share}" in ended.err
    ended = commands("resume", share, "--json")
    assert (ended.code, outcomes_of(ended.json())) == (0, {"created": 6})


def test_a_share_is_worked_on_by_one_process(commands: CommandLine, plan: str) -> None:
    share, *_ = cut(commands, plan)
    with FileLock(commands.folder / share, "tests", run_id="run-1", command="apply"):
        ended = commands("apply", share)
    assert (ended.code, f"{share}: another process is at work on it: run run-1 (apply)" in ended.err) == (5, True)
    assert status(commands, share) is RunStatus.PLANNED


def test_the_settings_of_a_share_count(commands: CommandLine, sandbox: Sandbox, plan: str, others: Others) -> None:
    share, *_ = cut(commands, plan, count=1)
    commands.write("bulkprof.toml", 'estate = "of the worker"\n[plugins.nowhere]\n')
    ended = commands("apply", share)
    assert (ended.code, "bulkprof.toml isn't used: a share carries its settings" in ended.err) == (0, True)
    assert {profile.tags["bulkprof:estate"] for profile in sandbox.ledger().profiles} == {"tests"}


def test_a_share_whose_target_changed_since_the_plan(commands: CommandLine, sandbox: Sandbox, plan: str) -> None:
    """The same as with a plan: nothing is added to what was approved."""
    shares = cut(commands, plan)
    Others(sandbox, ACCOUNTS[0]).create("search", source=NOVA_PRO)
    ended = commands("apply", shares[0], "--json", "--results", "results.jsonl")
    assert (ended.code, outcomes_of(ended.json())) == (3, {"created": 1, "failed": 1})
    assert all(commands("apply", share).code == 0 for share in shares[1:])
    summary = merged(commands, plan, "shares", code=3)
    assert outcomes_of(summary) == {"created": 5, "failed": 1}


def test_the_canary_is_the_first_share(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config("\n[rollout]\ncanary = 1\n")
    rows = [f"search,{account}" for account in ACCOUNTS]
    assert commands("plan", commands.manifest(*rows, header=HEADER), "--out", "plan.db").code == 0
    ended = commands("shard", "plan.db", "--into", "shares", "--count", "2", "--yes", "--json")
    assert [share["targets"] for share in ended.json()["shares"]] == [1, 2]
    assert "share-0001.db is the canary: apply it first, and the others only if it exits with 0" in ended.err
    assert all(commands("apply", f"shares/share-000{number}.db").code == 0 for number in (1, 2))
    assert outcomes_of(merged(commands, "plan.db", "shares")) == {"created": 3}


def test_deletions_and_tags_by_share(commands: CommandLine, sandbox: Sandbox, plan: str) -> None:
    commands.apply("teams.csv")
    rows = [f"search,{account},red" for account in ACCOUNTS]
    manifest = commands.manifest(*rows, header=f"{HEADER},tag:Team", file="less.csv")
    ended = commands("plan", manifest, "--out", "less.db", "--prune", "--allow-deletions", "9")
    assert ended.code == 0, ended.err
    shares = cut(commands, "less.db", into="less")
    for share in shares:
        ended = commands("apply", share, "--json")
        assert (ended.code, outcomes_of(ended.json())) == (0, {"updated": 1, "deleted": 1})
    assert outcomes_of(merged(commands, "less.db", "less")) == {"updated": 3, "deleted": 3}
    alive = [profile.name for profile in sandbox.ledger().profiles if profile.deleted_at is None]
    assert alive == ["search"] * 3


def test_sinks_are_told_once(commands: CommandLine, plan: str) -> None:
    commands.write(
        "tells.py",
        """
from bulkprof.plugins import Sink, hookimpl

class Tells(Sink):
    name = "tells"
    async def deliver(self, outcomes):
        with open("told.txt", "a") as file:
            file.writelines(f"{outcome.name} {outcome.target.account}\\n" for outcome in outcomes)
    async def finish(self, run):
        with open("told.txt", "a") as file:
            file.write("the end\\n")

class Plugin:
    @hookimpl
    def bulkprof_sinks(self, run):
        return [Tells()]
""",
    )
    shares = cut(commands, plan)
    commands.config('\n[plugins.tells]\npath = "tells.py"\n')
    told = commands.folder / "told.txt"
    assert all(commands("apply", share).code == 0 for share in shares)
    assert commands("merge", plan, *shares[:2]).code == 3
    assert not told.exists()
    for _ in range(2):
        assert commands("merge", plan, *shares).code == 0
        lines = told.read_text().splitlines()
        assert sorted(lines[:-1]) == sorted(f"{name} {account}" for account in ACCOUNTS for name in ("search", "docs"))
        assert lines[-1] == "the end"


def test_shares_in_s3(commands: CommandLine, sandbox: Sandbox, plan: str, others: Others, tmp_path: Path) -> None:
    s3 = others.client("s3")
    s3.create_bucket(Bucket="example-shares")
    place, local = "s3://example-shares/tonight/", tmp_path / "share.db"
    ended = commands("shard", plan, "--into", place, "--count", "2", "--yes", "--json")
    assert ended.code == 0, ended.err
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="example-shares")["Contents"]]
    assert keys == ["tonight/index.json", "tonight/share-0001.db", "tonight/share-0002.db"]
    assert json.loads(s3.get_object(Bucket="example-shares", Key=keys[0])["Body"].read()) == ended.json()
    for key in keys[1:]:
        local.write_bytes(s3.get_object(Bucket="example-shares", Key=key)["Body"].read())
        assert commands("apply", "share.db").code == 0
        s3.put_object(Bucket="example-shares", Key=key, Body=local.read_bytes())
    s3.put_object(Bucket="example-shares", Key="plan.db", Body=(tmp_path / plan).read_bytes())
    ended = commands("merge", "s3://example-shares/plan.db", place, "--json")
    assert (ended.code, outcomes_of(ended.json())) == (0, {"created": 6}), ended.err
    # A second cut does not take the place of shares that someone may work on.
    assert commands("plan", commands.manifest("other", file="other.csv"), "--out", "other.db").code == 0
    ended = commands("shard", "other.db", "--into", place, "--count", "1", "--yes")
    assert (ended.code, f"{place}share-0001.db: is there already, of another cut" in ended.err) == (64, True)
    ended = commands("shard", "other.db", "--into", "s3://example-shares/other", "--count", "1", "--yes")
    assert ended.err.splitlines()[-2:] == [
        "next, for each share: fetch it from s3://example-shares/other/, bulkprof apply share-0001.db, and put it back",
        "at the end: bulkprof merge other.db s3://example-shares/other/",
    ]
    for name, message in (
        ("tonight/share-0001.db", "is a share of plan"),
        ("tonight/index.json", "is damaged"),
        ("other/gone.db", "no such run file"),
        ("other/share-0001.db", "(share 1 of 1) is not finished: fetch it, and resume it"),
    ):
        ended = commands("merge", "other.db", "s3://example-shares/other/share-0001.db", f"s3://example-shares/{name}")
        assert ended.code == 3
        assert f"warning: s3://example-shares/{name}" in ended.err
        assert message in ended.err
    one = commands("merge", plan, f"{place}share-0001.db", "s3://example-shares/nothing/")
    assert (one.code, "s3://example-shares/nothing/: holds no shares" in one.err) == (64, True)
    assert commands("plan", "teams.csv", "--out", "sandbox.db", "--sandbox").code == 0
    ended = commands("shard", "sandbox.db", "--into", place, "--count", "2", "--yes")
    assert (ended.code, "the sandbox of --sandbox begins without objects" in ended.err) == (1, True)


async def test_programs_do_the_same(commands: CommandLine, plan: str) -> None:
    index = await bulkprof.shard(plan, "shares", bulkprof.Options(config=bulkprof.load_config()), count=2)
    assert [share.file for share in index.shares] == ["share-0001.db", "share-0002.db"]
    for share in index.shares:
        await bulkprof.apply(f"shares/{share.file}")
    summary = await bulkprof.merge(plan, "shares", bulkprof.Options(config=bulkprof.load_config()))
    assert (summary.run_id, summary.exit_code, summary.changed) == (index.plan, 0, 6)
    for wrong in ({}, {"count": 1, "profiles": 1}, {"count": 0}):
        with pytest.raises(UsageError):
            await bulkprof.shard(plan, "x", **wrong)
    with pytest.raises(UsageError, match="name the shares"):
        await bulkprof.merge(plan, [])
