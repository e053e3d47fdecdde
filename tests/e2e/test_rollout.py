"""A careful start: some targets first, the others only where those end well, and Regions in the order of the config."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import anyio
import pytest

import bulkprof
from bulkprof.sandbox import Fault, Sandbox
from tests.cli.driver import CommandLine, outcomes_of

ONE, TWO, THREE = "111122223333", "222233334444", "333344445555"
CREATE = "CreateInferenceProfile"
CANARY = "\n[rollout]\ncanary = 1\n"
LINE = f"First 1 target as canary: {ONE}/us-east-1"


@pytest.fixture
def manifest(commands: CommandLine) -> str:
    """Two profiles in each of three accounts."""
    rows = [f"{team},{account}" for account in (ONE, TWO, THREE) for team in ("search", "ranking")]
    return commands.manifest(*rows, header="name,account")


def living(sandbox: Sandbox) -> Counter[str]:
    return Counter(profile.account for profile in sandbox.ledger().live)


def test_a_canary_that_fails_keeps_the_others_as_they_are(
    commands: CommandLine, sandbox: Sandbox, manifest: str
) -> None:
    commands.config(CANARY)
    sandbox.set_faults([Fault("access_denied", CREATE, account=ONE)])
    summary = commands.summary("apply", manifest, code=4)
    assert outcomes_of(summary) == {"failed": 2, "skipped": 4}
    assert summary["stopped"] == (
        "the canary failed: 2 of its 2 profiles in 1 target, and 0 are tolerated (--failure-tolerance)"
    )
    assert living(sandbox) == {}
    # Each command that goes on says what it needs for that.
    on = f"bulkprof resume {summary['run_id']} --failure-tolerance 2"
    assert f"this run was interrupted, and is not finished; to go on: {on}" in commands("report").err
    assert f"To go on: `{on}`" in commands("report", "--markdown").out
    # A resumed run says so, until more is tolerated.
    sandbox.set_faults([])
    again = commands("resume", "--yes", "--json")
    assert (again.code, again.json()["exit_code"]) == (4, 4)
    assert again.json()["error"] == (
        f"{summary['stopped']}; nothing more was changed. Mend what failed, and start a new run; to go on with this "
        f"one all the same: bulkprof resume {summary['run_id']} --failure-tolerance 2"
    )
    assert living(sandbox) == {}
    ended = commands("resume", "--yes", "--json", "--failure-tolerance", "2")
    assert (ended.code, outcomes_of(ended.json())) == (3, {"failed": 2, "created": 4})
    # A new run tries its canary anew.
    assert commands.apply(manifest) == {"created": 2, "unchanged": 4}


@pytest.mark.parametrize("tolerance", [(), ("--failure-tolerance", "0")], ids=["canary's", "the run's"])
def test_a_failed_canary_tells_what_a_resume_needs(
    commands: CommandLine, sandbox: Sandbox, tolerance: tuple[str, ...]
) -> None:
    # Whichever of the two limits is the first to stop the run.
    commands.config(CANARY)
    manifest = commands.manifest(f"search,{ONE}", f"search,{TWO}", header="name,account")
    sandbox.set_faults([Fault("access_denied", CREATE, account=ONE)])
    ended = commands("apply", manifest, "--yes", *tolerance)
    assert ended.code == 4
    assert "the next sync takes them up, and so does a resume with --failure-tolerance 1\n" in ended.err
    run_id = commands("runs", "--json").json()["runs"][0]["run_id"]
    assert f"to go on: bulkprof resume {run_id} --failure-tolerance 1\n" in ended.err
    resumed = commands("resume", "--yes", "--failure-tolerance", "1")
    assert (resumed.code, living(sandbox)) == (3, {TWO: 1})
    assert "bulkprof resume" not in resumed.err


def test_a_canary_within_the_tolerance_lets_the_others_follow(
    commands: CommandLine, sandbox: Sandbox, manifest: str
) -> None:
    commands.config(CANARY)
    sandbox.set_faults([Fault("access_denied", CREATE, account=ONE, name="search")])
    ended = commands("apply", manifest, "--yes", "--failure-tolerance", "50%")
    assert ended.code == 3
    assert LINE in ended.out
    assert "the canary is in order; the other targets follow" in ended.err
    assert living(sandbox) == {ONE: 1, TWO: 2, THREE: 2}


def test_the_canary_is_of_targets_that_change(commands: CommandLine, sandbox: Sandbox, manifest: str) -> None:
    commands.config(CANARY)
    assert commands.apply(commands.manifest(f"search,{ONE}", f"ranking,{ONE}", header="name,account")) == {"created": 2}
    commands.manifest(
        *(f"{team},{account}" for account in (ONE, TWO, THREE) for team in ("search", "ranking")), header="name,account"
    )
    planned = commands("plan", manifest, "--json", "--out", "plan.db")
    assert planned.json()["canary"] == [f"{TWO}/us-east-1"]
    assert f"First 1 target as canary: {TWO}/us-east-1" in commands("report", "plan.db").out
    assert "1 target as canary" in commands("report", "plan.db", "--markdown").out
    # A plan that was kept has it, too.
    sandbox.set_faults([Fault("access_denied", CREATE, account=TWO)])
    assert outcomes_of(commands.summary("apply", "plan.db", code=4)) == {"failed": 2, "skipped": 4}
    sandbox.set_faults([])
    assert commands.apply(manifest) == {"created": 4, "unchanged": 2}
    assert "canary" not in commands("plan", manifest, "--json").json()


def test_a_resumed_run_has_no_second_canary(commands: CommandLine, sandbox: Sandbox, manifest: str) -> None:
    commands.config(CANARY)
    said: list[str] = []

    class StopsAfterCanary(bulkprof.Ui):
        def note(self, message: str) -> None:
            said.append(message)
            if "canary is in order" in message:
                stop.request()

    stop, options = bulkprof.Stop(), bulkprof.Options(config=bulkprof.load_config(Path("bulkprof.toml")))
    first = anyio.run(bulkprof.apply, manifest, options, StopsAfterCanary(), stop)
    assert (first.exit_code, living(sandbox)) == (130, {ONE: 2})
    # Whatever fails now has nothing to do with the canary.
    sandbox.set_faults([Fault("access_denied", CREATE, account=TWO)])
    said.clear()
    assert outcomes_of(anyio.run(bulkprof.resume, first.run_id, options, StopsAfterCanary()).as_json()) == {
        "created": 4,
        "failed": 2,
    }
    assert not [line for line in said if "canary" in line]


def test_a_run_that_was_stopped_before_its_canary_has_it_when_it_is_resumed(
    commands: CommandLine, sandbox: Sandbox, manifest: str
) -> None:
    commands.config(CANARY)

    class StopsAtPlan(bulkprof.Ui):
        async def confirm(self, plan: bulkprof.Plan) -> bool:
            assert [str(target) for target in plan.canary] == [f"{ONE}/us-east-1"]
            stop.request()
            return True

    stop, options = bulkprof.Stop(), bulkprof.Options(config=bulkprof.load_config(Path("bulkprof.toml")))
    assert anyio.run(bulkprof.apply, manifest, options, StopsAtPlan(), stop).exit_code == 130
    sandbox.set_faults([Fault("access_denied", CREATE, account=ONE)])
    ended = commands("resume", "--yes", "--json")
    assert (ended.code, outcomes_of(ended.json())) == (4, {"failed": 2, "skipped": 4})
    assert "warning: stopping: the canary failed: 2 of its 2 profiles in 1 target" in ended.err
    assert living(sandbox) == {}


def test_regions_are_begun_in_the_order_of_the_config(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config('\n[rollout]\norder = ["us-west-2", "eu-central-1"]\n')
    rows = [f"{team},eu-central-1|us-east-1|us-west-2" for team in ("a", "b")]
    manifest = commands.manifest(*rows, header="name,region")
    assert commands.apply(manifest, "--max-targets-in-flight", "1") == {"created": 6}
    made = [profile.region for profile in sorted(sandbox.ledger().profiles, key=lambda each: each.created_at)]
    assert list(dict.fromkeys(made)) == ["us-west-2", "eu-central-1", "us-east-1"]
