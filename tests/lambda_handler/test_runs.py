"""The Lambda handler against a sandbox that has S3: manifests from there, a lock there, and nothing left behind."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import anyio
import pytest

from bulkprof.errors import ConfigError, LockHeldError, ManifestError, SafetyError, UsageError
from bulkprof.lambda_handler import KEPT_RUNS, RunFailedError, handler
from bulkprof.locks.lease import Lease
from bulkprof.locks.local import Holder
from bulkprof.sandbox import Rate, Sandbox
from bulkprof.workflows.steps import connect as connecting
from bulkprof.workflows.steps.deadline import DeadlineWatch
from tests.cli.driver import CommandLine, ended_threads
from tests.conftest import FAST
from tests.samples.lambdas import BUCKET, LOCK, PROFILES, SAMPLE, Bucket, Context


@pytest.fixture
def bucket(sandbox: Sandbox, commands: CommandLine) -> Bucket:
    commands.monkeypatch.setenv("BULKPROF_SOURCE", f"s3://{BUCKET}/nightly/")
    commands.monkeypatch.setenv("BULKPROF_MANIFESTS", "manifests/*.csv")
    commands.monkeypatch.setenv("BULKPROF_STATE_DIR", str(commands.folder / "tmp-state"))
    return Bucket(sandbox)


def working() -> set[threading.Thread]:
    """The threads there are, but for those in which the sandbox has moto answer: it is in this process, too."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}


def test_two_nights_in_one_process(bucket: Bucket, sandbox: Sandbox, commands: CommandLine) -> None:
    environment, threads = dict(os.environ), working()
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    first = handler({"prune": True}, Context())
    assert (first["outcomes"]["created"], first["exit_code"]) == (PROFILES, 0)
    assert json.loads(json.dumps(first)) == first
    second = handler({"prune": True}, Context())
    assert (second["outcomes"]["unchanged"], second["exit_code"]) == (PROFILES, 0)
    assert len(sandbox.ledger().profiles) == PROFILES
    assert LOCK not in bucket.objects()
    assert sandbox.ledger().count("AssumeRole", "ok") == 2 * 3
    ended_threads(set(threading.enumerate()) - working() | threads)
    assert (dict(os.environ), working()) == (environment, threads)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert not list(commands.folder.glob("bulkprof-*"))


def test_an_invocation_with_an_empty_disk_knows_what_the_last_one_left(
    bucket: Bucket, commands: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    first = handler({}, Context())
    shutil.rmtree(commands.folder / "tmp-state")
    handler({}, Context())
    assert first["run_id"] in {path.stem for path in (commands.folder / "tmp-state" / "runs").glob("*.db")}
    kept = {key for key in bucket.objects() if key.startswith("state/")}
    assert "state/rates.json" in kept
    assert len(kept) == 3
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_an_empty_event_deletes_nothing_and_prune_does(bucket: Bucket) -> None:
    handler({}, Context())
    bucket.s3.delete_object(Bucket=BUCKET, Key="nightly/manifests/finance.csv")
    bucket.put("manifests/support.csv", "team,app,env,model,account\nsupport,assistant,test,claude-sonnet,test\n")
    assert handler(None, Context())["outcomes"]["deleted"] == 0
    with pytest.raises(SafetyError, match=r"at most 5 .*allow_deletions (\d+)") as caught:
        handler({"prune": True}, Context())
    allowed = int(str(caught.value).splitlines()[0].rpartition(" ")[2])
    assert handler({"prune": True, "allow_deletions": allowed}, Context())["outcomes"]["deleted"] == allowed
    assert LOCK not in bucket.objects()


def test_a_plan_changes_nothing(bucket: Bucket, sandbox: Sandbox) -> None:
    planned = handler({"command": "plan", "prune": True}, Context())
    assert (planned["actions"]["create"], planned["exit_code"]) == (PROFILES, 0)
    assert not sandbox.ledger().profiles


def test_manifests_from_the_package(bucket: Bucket, commands: CommandLine) -> None:
    commands.monkeypatch.delenv("BULKPROF_SOURCE")
    commands.monkeypatch.setenv("LAMBDA_TASK_ROOT", str(shutil.copytree(SAMPLE, commands.folder / "task")))
    assert handler({}, Context())["outcomes"]["created"] == PROFILES


def test_rows_that_fail_fail_the_invocation_and_are_told(bucket: Bucket, sandbox: Sandbox) -> None:
    sandbox.set_denied(accounts={"444455556666"})
    with pytest.raises(RunFailedError) as caught:
        handler({}, Context())
    summary = json.loads(str(caught.value))
    assert summary == caught.value.summary
    assert (summary["outcomes"]["failed"], summary["outcomes"]["created"], summary["exit_code"]) == (4, 22, 3)


def test_invalid_rows_are_logged(bucket: Bucket, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    bucket.put("manifests/search.csv", "team,app,env,account\nnobody,x,prod,prod\n")
    with pytest.raises(ManifestError) as caught:
        handler({}, Context())
    assert [(problem.line, problem.is_error) for problem in caught.value.problems] == [(2, True)]
    assert any("search.csv:2" in record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)
    assert not sandbox.ledger().profiles


def test_a_held_lock_keeps_it_out(bucket: Bucket, sandbox: Sandbox) -> None:
    holder = Holder(7, "elsewhere", "2026-01-01T00:00:00Z", "run-1", "sync", "platform")
    body = Lease(holder, "token", 3600, 1).to_body(0)
    bucket.s3.put_object(Bucket=BUCKET, Key=LOCK, Body=body)
    with pytest.raises(LockHeldError, match="elsewhere"):
        handler({}, Context())
    assert LOCK in bucket.objects()
    assert not sandbox.ledger().profiles


def test_it_stops_in_time_and_goes_on_the_next_time(bucket: Bucket, sandbox: Sandbox, commands: CommandLine) -> None:
    began = datetime.now(UTC)

    def now() -> datetime:
        """The time, which is over as soon as something was made."""
        return began + timedelta(hours=1) if sandbox.ledger().profiles else began

    watch = partial(DeadlineWatch, now=now, sleep=lambda _: anyio.sleep(0.001))
    commands.monkeypatch.setattr(connecting, "DeadlineWatch", watch)
    # One creation in each target, and never another.
    sandbox.set_rate(Rate(0, 1), operation="CreateInferenceProfile")
    with pytest.raises(RunFailedError) as caught:
        handler({}, Context())
    outcomes = caught.value.summary["outcomes"]
    assert outcomes["created"] == len(sandbox.ledger().profiles)
    assert 1 <= outcomes["created"] <= 6
    assert outcomes["created"] + outcomes["skipped"] == PROFILES
    assert LOCK not in bucket.objects()
    commands.monkeypatch.setattr(connecting, "DeadlineWatch", DeadlineWatch)
    sandbox.set_rate(FAST, operation="CreateInferenceProfile")
    assert handler({}, Context())["outcomes"]["unchanged"] == outcomes["created"]
    assert len(sandbox.ledger().profiles) == PROFILES


@pytest.mark.parametrize(
    ("event", "variables", "error", "told"),
    [
        ({"prun": True}, {}, UsageError, "event: prun: is not a known key"),
        ({"command": "delete"}, {}, UsageError, "event: command"),
        ({"allow_updates": -1}, {}, UsageError, "event: allow_updates"),
        ({"command": "apply", "prune": True}, {}, UsageError, "apply deletes nothing"),
        ({}, {"BULKPROF_MANIFESTS": "teams/*.csv"}, UsageError, "nothing matches 'teams/*.csv'"),
        ({}, {"BULKPROF_MANIFESTS": "/etc/*"}, ConfigError, "BULKPROF_MANIFESTS"),
        ({}, {"BULKPROF_SOURCE": "s3://Bad_Bucket/x"}, ConfigError, "s3://bucket/prefix/"),
        ({}, {"BULKPROF_SOURCE": f"s3://{BUCKET}/empty"}, ConfigError, "bulkprof.toml"),
    ],
)
def test_what_can_not_work_says_so(
    bucket: Bucket, commands: CommandLine, event: dict[str, Any], variables: dict[str, str], error: type, told: str
) -> None:
    for name, value in variables.items():
        commands.monkeypatch.setenv(name, value)
    with pytest.raises(error, match=re.escape(told)):
        handler(event, Context())


def test_a_timeout_that_leaves_no_time_is_refused(bucket: Bucket, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigError, match="leaves no time"):
        handler({}, Context(40))
    assert not sandbox.ledger().profiles


def test_keys_that_lead_out_of_the_folder_are_refused(bucket: Bucket, commands: CommandLine) -> None:
    bucket.put("manifests/../../outside.csv", "team\n")
    with pytest.raises(ConfigError, match="can't be a file's name"):
        handler({}, Context())
    assert not list(commands.folder.rglob("outside.csv"))


def test_old_runs_are_forgotten(bucket: Bucket, commands: CommandLine) -> None:
    for _ in range(KEPT_RUNS + 2):
        handler({"command": "apply", "accounts": ["test"], "regions": ["us-east-1"]}, Context())
    assert len(list((commands.folder / "tmp-state" / "runs").glob("*.db"))) == KEPT_RUNS
