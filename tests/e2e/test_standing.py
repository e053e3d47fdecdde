"""What runs and reports say of runs that didn't come to their end, that were only planned, and that sinks miss."""

from __future__ import annotations

import re
import signal

import pytest

from bulkprof.delivery import sinks
from bulkprof.model import OutcomeKind
from bulkprof.sandbox import Fault, Rate, Sandbox
from bulkprof.statuses import RunStatus
from bulkprof.store.run import RunFile
from tests.cli.driver import CommandLine, until
from tests.e2e.others import Others

S3 = '\n[plugins.s3]\nbucket = "reports"\n'
UNMADE = """\
from pathlib import Path
from bulkprof.plugins import Sink, hookimpl

class Pager(Sink):
    name = "pager"

@hookimpl
def bulkprof_sinks(run):
    if not Path("pager.key").exists():
        raise ValueError("there is no pager.key")
    return [Pager()]
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "backoff", lambda attempt: 0.0)


def newest(commands: CommandLine) -> dict[str, object]:
    """The newest run as `runs --json` has it."""
    found: dict[str, object] = commands("runs", "--json").json()["runs"][0]
    return found


def test_a_killed_run_is_no_running_one(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_rate(Rate(5, 2), operation="CreateInferenceProfile")
    with commands.started("apply", commands.manifest(*(f"team-{n:02}" for n in range(20))), "--yes") as process:
        until(lambda: sandbox.ledger().count("CreateInferenceProfile", "ok") >= 2)
        run_id = str(newest(commands)["run_id"])
        assert newest(commands)["status"] == "running"
        assert "this run is still at work\n" in commands("report", run_id).err
        assert "**This run is still at work.**\n" in commands("report", run_id, "--markdown").out
        at_work = commands("runs", "redeliver", run_id)
        assert (at_work.code, "is still at work" in at_work.err) == (64, True)
        process.kill()
        process.wait()
    assert newest(commands)["status"] == "killed"
    assert "killed" in commands("runs").out
    told = commands("report", run_id).err.splitlines()[-1]
    assert told == f"this run was killed, and is not finished; to go on: bulkprof resume {run_id}"
    assert commands("report", run_id, "--json").json()["status"] == "killed"
    assert f"**This run was killed, and is not finished.** To go on: `bulkprof resume {run_id}`" in (
        commands("report", run_id, "--markdown").out
    )
    redelivered = commands("runs", "redeliver", run_id)
    assert redelivered.err.endswith(f"was killed, and delivers when it goes on: bulkprof resume {run_id}\n")
    sandbox.set_rate(Rate(1000, 1000), operation="CreateInferenceProfile")
    assert commands("resume", run_id, "--yes").code == 0
    assert newest(commands)["status"] == "finished"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGKILL, RunStatus.KILLED), (signal.SIGTERM, RunStatus.INTERRUPTED)]
)
def test_a_run_that_ended_before_it_changed_anything(
    commands: CommandLine, sandbox: Sandbox, number: signal.Signals, status: RunStatus
) -> None:
    sandbox.set_faults([Fault("delay_before", operation="ListFoundationModels", delay_s=2, times=1)])
    with commands.started("apply", commands.manifest("team-a"), "--yes") as process:
        until(lambda: sandbox.ledger().count("GetCallerIdentity"))
        assert newest(commands)["status"] in {"intake", "planning"}
        process.send_signal(number)
        process.wait()
    assert newest(commands)["status"] == status
    run_id = newest(commands)["run_id"]
    how = f"this run was {status} before anything was changed, and is not finished; to go on: bulkprof resume {run_id}"
    assert commands("report", str(run_id)).err.splitlines()[-1] == how
    assert commands("resume", "--yes").code == 0
    assert newest(commands)["status"] == "finished"


def test_a_plan_that_was_kept_is_reported_as_a_plan(commands: CommandLine, sandbox: Sandbox) -> None:
    manifest = commands.manifest("team-a", "team-b")
    assert commands("plan", manifest, "--out", "my plan.db").code == 0
    text = commands("report", "my plan.db")
    assert "Plan: + 2 to create, in 1 target." in text.out
    assert "skipped" not in text.out
    assert text.err == "planned, and not applied: nothing was changed; next: bulkprof apply 'my plan.db'\n"
    found = commands("report", "my plan.db", "--json").json()
    assert (found["status"], found["command"], found["exit_code"], found["actions"]["create"]) == (
        "planned",
        "plan",
        0,
        2,
    )
    assert set(found["outcomes"].values()) == {0}
    assert ([change["name"] for change in found["changes"]], found["results"]) == (["team-a", "team-b"], [])
    page = commands("report", "my plan.db", "--markdown").out
    assert "## bulkprof plan: 2 changes in 1 target" in page
    assert page.endswith("\n**Planned, and not applied: nothing was changed.**\n")
    assert "skipped" not in page
    for flag in ("--results", "--failed"):
        refused = commands("report", "my plan.db", flag, "x.csv")
        assert (refused.code, "it has no outcomes yet" in refused.err) == (64, True)
    summary = commands.summary("apply", "my plan.db")
    assert commands("report", "my plan.db").err == (
        f"applied already, as run {summary['run_id']}; next: bulkprof report {summary['run_id']}\n"
    )


def test_a_plan_is_not_applied_twice_and_the_hint_leads_somewhere(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands("plan", commands.manifest("team-a"), "--out", "plan.db").code == 0
    run_id = commands.summary("apply", "plan.db")["run_id"]
    again = commands("apply", "plan.db", "--yes")
    assert again.code == 64
    assert "resume" not in again.err
    assert f"look what became of it (bulkprof report {run_id})" in again.err
    path = commands.folder / ".bulkprof" / "runs" / f"{run_id}.db"
    with RunFile.open(path) as run:
        run.note(status=RunStatus.INTERRUPTED)
    assert f"go on with that (bulkprof resume {run_id})" in commands("apply", "plan.db", "--yes").err


def test_there_is_nothing_to_deliver_of_a_run_that_was_refused(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands("apply", commands.manifest("bad name!"), "--yes").code == 65
    run_id = str(newest(commands)["run_id"])
    told = commands("runs", "redeliver", run_id)
    assert told.code == 64
    assert f"run {run_id} did not start, so there is nothing to deliver: 1 problem in 1 row" in told.err
    assert "resume" not in told.err
    # A report ends with what the run itself ended with.
    assert commands("report", run_id, "--json").json()["exit_code"] == 65


def test_every_outcome_is_counted_in_the_list_of_runs(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.apply(commands.manifest("team-a"))
    assert newest(commands)["outcomes"] == {str(kind): int(kind == OutcomeKind.CREATED) for kind in OutcomeKind}


def test_sinks_that_miss_something_are_named(
    commands: CommandLine, sandbox: Sandbox, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Wide enough for each run to have one line.
    monkeypatch.setenv("COLUMNS", "120")
    commands.config(S3)
    run_id = commands.summary("apply", commands.manifest("team-a"))["run_id"]
    assert newest(commands)["sinks_missing"] == ["s3"]
    listed = commands("runs")
    assert "not delivered: s3" in " ".join(re.sub("[│┃]", "", listed.out).split())
    assert listed.err == "to deliver: bulkprof runs redeliver RUN\n"
    assert commands("report", run_id).err.endswith(f"not delivered: s3; to deliver: bulkprof runs redeliver {run_id}\n")
    assert f"**Not delivered:** s3. To deliver: `bulkprof runs redeliver {run_id}`" in (
        commands("report", run_id, "--markdown").out
    )
    assert commands("report", run_id, "--json").json()["sinks_missing"] == ["s3"]
    still = commands("runs", "redeliver", run_id)
    assert still.code == 3
    assert "error: still missing: s3" in still.err
    assert "nothing was missing" not in still.err
    # Also where the config has no such sink any more.
    commands.config("")
    inactive = commands("runs", "redeliver", run_id)
    assert (inactive.code, "s3: no such sink is active any more" in inactive.err) == (3, True)
    commands.config(S3)
    others.client("s3").create_bucket(Bucket="reports")
    assert commands("runs", "redeliver", run_id).err == "delivered: s3\n"
    assert newest(commands)["sinks_missing"] == []
    assert "delivered" not in commands("runs").out
    assert commands("runs", "redeliver", run_id).err == "delivered: nothing was missing\n"


def test_a_plugin_that_could_not_make_its_sink_is_named_until_it_can(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config('\n[plugins.oncall]\npath = "oncall.py"\n')
    commands.write("oncall.py", UNMADE)
    run_id = commands.summary("apply", commands.manifest("team-a"))["run_id"]
    assert newest(commands)["sinks_missing"] == ["oncall"]
    still = commands("runs", "redeliver", run_id)
    assert (still.code, "still missing: oncall" in still.err) == (3, True)
    commands.write("pager.key", "")
    assert commands("runs", "redeliver", run_id).err == "delivered: pager\n"
    assert newest(commands)["sinks_missing"] == []
