"""The handlers of shares by themselves: each invocation goes on where the last one was, and nothing is made twice."""

from __future__ import annotations

import logging
import re
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from bulkprof.aws.s3_prefix import Found, S3Prefix
from bulkprof.errors import AmbiguousError, ConfigError, StateError, UsageError
from bulkprof.lambda_handler import RunFailedError, ShareUnfinishedError, merge, shard, share
from bulkprof.sandbox import Rate, Sandbox
from bulkprof.workflows.fleet import stored
from bulkprof.workflows.steps import connect as connecting
from bulkprof.workflows.steps.deadline import DeadlineWatch
from tests.cli.driver import CommandLine
from tests.conftest import FAST
from tests.samples.fleet import each_once, fleet_bucket, outcomes
from tests.samples.lambdas import BUCKET, PROFILES, Bucket, Context


@pytest.fixture
def bucket(sandbox: Sandbox, commands: CommandLine) -> Bucket:
    """See `fleet_bucket`."""
    return fleet_bucket(sandbox, commands)


@pytest.fixture
def cut(bucket: Bucket) -> dict[str, str]:
    """A plan of one share, as an event for `share`."""
    answer = shard({"folder": "x"}, Context())
    assert (answer["to_do"], answer["shares"], answer["profiles"]) == (True, 1, PROFILES)
    assert shard({"folder": "x"}, Context()) == answer
    return {"folder": "x", "file": "share-0001.db"}


def test_a_share_that_runs_out_of_time_goes_on(
    cut: dict[str, str], sandbox: Sandbox, commands: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bulkprof")
    began = datetime.now(UTC)

    def now() -> datetime:
        """The time, which is over as soon as something was made."""
        return began + timedelta(hours=1) if sandbox.ledger().profiles else began

    watch = partial(DeadlineWatch, now=now, sleep=lambda _: anyio.sleep(0.001))
    commands.monkeypatch.setattr(connecting, "DeadlineWatch", watch)
    # One creation in each target, and never another.
    sandbox.set_rate(Rate(0, 1), operation="CreateInferenceProfile")
    with pytest.raises(ShareUnfinishedError, match=r"share-0001.db: .*deadline.*created.*invoke it again"):
        share(cut, Context())
    made = len(sandbox.ledger().profiles)
    assert 1 <= made <= 6
    with pytest.raises(RunFailedError) as caught:
        merge({"folder": "x"}, Context())
    assert outcomes(caught.value.summary) == {"created": made, "skipped": PROFILES - made}
    commands.monkeypatch.setattr(connecting, "DeadlineWatch", DeadlineWatch)
    sandbox.set_rate(FAST, operation="CreateInferenceProfile")
    assert share(cut, Context()) == {"file": cut["file"], "outcomes": {"created": PROFILES}, "exit_code": 0}
    # Once more: nothing is sent.
    calls = sandbox.ledger().count("ListInferenceProfiles")
    assert share(cut, Context())["outcomes"] == {"created": PROFILES}
    assert sandbox.ledger().count("ListInferenceProfiles") == calls
    # Its role enters no account.
    entered = sandbox.ledger().count("AssumeRole")
    assert outcomes(merge({"folder": "x"}, Context())) == {"created": PROFILES}
    assert sandbox.ledger().count("AssumeRole") == entered
    # On another machine, which knows of it by [state] s3.
    commands.monkeypatch.setenv("BULKPROF_STATE_DIR", str(commands.folder / "other-state"))
    assert outcomes(merge({"folder": "x"}, Context())) == {"created": PROFILES}
    assert "everything was brought home already" in caplog.text
    each_once(sandbox)


def test_one_share_in_two_invocations_at_once(
    cut: dict[str, str], sandbox: Sandbox, commands: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bulkprof")
    both, put_back = threading.Barrier(2, timeout=60), stored._Stored.put_back

    async def together(self: stored._Stored) -> None:
        await anyio.to_thread.run_sync(both.wait)
        await put_back(self)

    commands.monkeypatch.setattr(stored._Stored, "put_back", together)
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(share(cut, Context()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sum(answer["outcomes"].values()) for answer in answers] == [PROFILES] * 2
    assert caplog.text.count("fleet/x/share-0001.db: another process came as far; its outcomes stay there") == 1
    each_once(sandbox)
    assert merge({"folder": "x"}, Context())["exit_code"] == 0


@pytest.mark.parametrize(("times", "works"), [(1, True), (9, False)])
def test_a_share_that_changes_while_it_is_fetched(
    cut: dict[str, str], bucket: Bucket, commands: CommandLine, times: int, *, works: bool
) -> None:
    download, left = S3Prefix.download, times

    async def too_late(s3: S3Prefix, found: Found, path: Path) -> None:
        nonlocal left
        if left:
            left -= 1
            # Another body has another ETag.
            body = bucket.s3.get_object(Bucket=BUCKET, Key="fleet/x/share-0001.db")["Body"].read()
            bucket.s3.put_object(Bucket=BUCKET, Key="fleet/x/share-0001.db", Body=body + bytes(left + 1))
        await download(s3, found, path)

    commands.monkeypatch.setattr(S3Prefix, "download", too_late)
    if works:
        assert share(cut, Context())["exit_code"] == 0
    else:
        with pytest.raises(ConfigError, match="changed while it was fetched"):
            share(cut, Context())


@pytest.mark.parametrize("begun", [False, True])
def test_a_share_that_others_keep_writing(
    cut: dict[str, str], sandbox: Sandbox, commands: CommandLine, caplog: pytest.LogCaptureFixture, *, begun: bool
) -> None:
    write, tried = S3Prefix.write, 0

    async def refused(s3: S3Prefix, name: str, *given: Any) -> str | None:
        nonlocal tried
        tried += 1
        return await write(s3, name, *given) if begun and tried == 1 else None

    commands.monkeypatch.setattr(S3Prefix, "write", refused)
    if not begun:
        with pytest.raises(AmbiguousError, match="others keep writing it"):
            share(cut, Context())
        assert not sandbox.ledger().profiles
        return
    assert share(cut, Context())["exit_code"] == 0
    assert "others keep writing it, so what was done here isn't known there" in caplog.text
    commands.monkeypatch.setattr(S3Prefix, "write", write)
    assert share(cut, Context())["exit_code"] == 0
    each_once(sandbox)


@pytest.mark.parametrize(
    ("handler", "event", "below", "error", "told"),
    [
        (shard, {}, "", UsageError, "event: folder"),
        (shard, {"folder": "../x"}, "", UsageError, "event: folder"),
        (shard, {"folder": "x", "plan": {"prun": True}}, "", UsageError, "event: plan.prun: is not a known key"),
        (share, {"folder": "x", "file": "plan.db"}, "", UsageError, "event: file"),
        (share, {"folder": "x", "file": "share-1.db"}, "", UsageError, "fleet/x/share-1.db: there is no such share"),
        (merge, {"folder": "x"}, "", UsageError, "fleet/x/index.json: there is no such index of shares"),
        (merge, {"folder": "x"}, "shares", ConfigError, "BULKPROF_SHARES: set it to s3://bucket"),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_what_can_not_work_says_so(
    handler: Any, event: dict[str, Any], below: str, error: type, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if below:
        monkeypatch.setenv("BULKPROF_SHARES", below)
    with pytest.raises(error, match=re.escape(told)):
        handler(event, Context())


def test_an_answer_that_is_none(bucket: Bucket) -> None:
    bucket.s3.put_object(Bucket=BUCKET, Key="fleet/x/answer.json", Body=b"[1")
    with pytest.raises(StateError, match=r"fleet/x/answer.json: isn't what `shard` writes"):
        shard({"folder": "x"}, Context())
