"""`[state] s3`: two runners with a disk each, and one place in S3, over HTTP against a sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine, outcomes_of
from tests.e2e.others import Others

BUCKET = "example-state"
STATE = f'[state]\ns3 = "s3://{BUCKET}/bulkprof/"\n[lock]\ns3 = "s3://{BUCKET}/bulkprof/lock"\n'


class Bucket:
    """The bucket that both runners share."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.s3: Any = Others(sandbox).client("s3")
        self.s3.create_bucket(Bucket=BUCKET)

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def runs(self) -> list[str]:
        return [key for key in self.keys() if key.startswith("bulkprof/runs/tests/")]


@pytest.fixture
def bucket(commands: CommandLine, sandbox: Sandbox) -> Bucket:
    commands.config(STATE)
    commands.monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return Bucket(sandbox)


def test_the_next_runner_knows_what_the_last_one_left(commands: CommandLine, bucket: Bucket) -> None:
    teams = commands.manifest("search", "docs")
    first = commands.summary("sync", teams, "--state-dir", "one")
    assert outcomes_of(first) == {"created": 2}
    assert bucket.keys() == ["bulkprof/rates.json", f"bulkprof/runs/tests/{first['run_id']}.db"]
    second = commands.summary("sync", teams, "--state-dir", "two")
    assert outcomes_of(second) == {"unchanged": 2}
    assert second["since_last"]["run_id"] == first["run_id"]
    told = commands("runs", "--state-dir", "three", "--json").json()["runs"]
    assert [row["run_id"] for row in told] == [second["run_id"], first["run_id"]]
    assert told == commands("runs", "--state-dir", "two", "--json").json()["runs"]
    report = commands("report", first["run_id"], "--state-dir", "three", "--json")
    assert report.json()["outcomes"]["created"] == 2
    assert not report.err
    catalog = commands("catalog", "--state-dir", "four")
    assert catalog.out.count("arn:aws:bedrock") >= 2
    assert catalog.code == 0
