"""Shares in AWS Batch and in a matrix of GitHub Actions: the files are checked, and their lines run in the sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.driver import CommandLine
from tests.samples.fleet import FLEET
from tests.samples.nightly import PROFILES, shell

WORKFLOW = FLEET / "github-actions.yml"
AWS = """#!/bin/sh
# Copies between this folder and a bucket that is a folder, too.
[ "$1 $2 $3" = "s3 cp --only-show-errors" ] || exit 2
cp "$(echo "$4" | sed "s#^s3://#$BUCKETS/#")" "$(echo "$5" | sed "s#^s3://#$BUCKETS/#")"
"""


def jobs() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    return dict(yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"])


def lines(job: str) -> dict[str, str]:
    """The named steps of a job that run something."""
    return {step["name"]: step["run"] for step in jobs()[job]["steps"] if "run" in step}


@pytest.fixture
def quick(setup: Path) -> Path:
    """The setup, in which nothing waits for AWS's lists."""
    config = setup / "srv" / "bulkprof.toml"
    config.write_text(
        config.read_text(encoding="utf-8").replace("headroom", "settle_s = 0\nheadroom"), encoding="utf-8"
    )
    return setup


def test_the_readme_names_every_file() -> None:
    page = (FLEET / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in FLEET.iterdir() if path.name not in page and path.name != "README.md"] == []


# GitHub Actions


def test_the_workflow_is_as_github_wants_it() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(WORKFLOW)]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for job in jobs().values():
        entered = [step.get("uses", "") for step in job["steps"]]
        assert sum(use.startswith("aws-actions/configure-aws-credentials@") for use in entered) == 1
        assert all(re.fullmatch(r"[\w-]+/[\w/-]+@v\d+", use) for use in entered if use)
    text = WORKFLOW.read_text(encoding="utf-8")
    # What comes from elsewhere is no part of a shell's text.
    assert not any("${{" in run for job in jobs() for run in lines(job).values())
    assert not re.search(r"\{\{\s*secrets\b|access-key", text)


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here")
def test_a_night_of_the_matrix(quick: Path) -> None:
    output, page = quick / "output", quick / "page.md"
    planned = shell(lines("plan")["Plan"].replace("--count 20", "--count 2"), quick, GITHUB_OUTPUT=str(output))
    assert planned.returncode == 0, planned.stderr
    shares = json.loads(output.read_text(encoding="utf-8").removeprefix("shares="))
    assert shares == ["share-0001.db", "share-0002.db"]
    first = shell(lines("share")["Share"], quick, SHARE=shares[0], GITHUB_RUN_ATTEMPT="1")
    assert first.returncode == 0, first.stderr
    merge = lines("merge")
    second = shell(lines("share")["Share"], quick, SHARE=shares[1], GITHUB_RUN_ATTEMPT="2")
    assert second.returncode == 0, second.stderr
    merged = shell(merge["Merge"], quick)
    assert merged.returncode == 0, merged.stderr
    summary = json.loads((quick / "srv" / "summary.json").read_text(encoding="utf-8"))
    assert summary["outcomes"]["created"] == PROFILES
    assert shell(merge["Job summary"], quick, GITHUB_STEP_SUMMARY=str(page)).returncode == 0
    assert f"{PROFILES} created" in page.read_text(encoding="utf-8")
    # The next night finds nothing to do.
    for name in ("plan.db", "output"):
        next(quick.rglob(name)).unlink()
    assert shell(lines("plan")["Plan"], quick, GITHUB_OUTPUT=str(output)).returncode == 0
    assert output.read_text(encoding="utf-8") == "shares=[]\n"


# AWS Batch


def test_the_job_definition_is_one() -> None:
    from botocore.session import get_session
    from botocore.validate import ParamValidator

    job = json.loads((FLEET / "aws-batch-job.json").read_text(encoding="utf-8"))
    shape = get_session().get_service_model("batch").operation_model("RegisterJobDefinition").input_shape
    assert ParamValidator().validate(job, shape).generate_report() == ""
    assert job["containerProperties"]["command"][-1] == "Ref::shares"
    assert "COPY share.sh /usr/local/bin/share" in (FLEET / "Dockerfile").read_text(encoding="utf-8")


def test_a_batch_array_carries_out_each_share(quick: Path, commands: CommandLine) -> None:
    bucket = quick / "buckets" / "example-bulkprof"
    bucket.mkdir(parents=True)
    for name, text in (("aws", AWS), ("share", (FLEET / "share.sh").read_text(encoding="utf-8"))):
        (quick / "bin" / name).write_text(text, encoding="utf-8")
        (quick / "bin" / name).chmod(0o755)
    manifests = [str(path) for path in sorted(Path("manifests").iterdir())]
    assert commands("plan", *manifests, "--out", "plan.db").code == 0
    assert commands("shard", "plan.db", "--into", "shares", "--count", "2", "--yes").code == 0
    shutil.copytree(quick / "srv" / "shares", bucket / "fleet")
    job = json.loads((FLEET / "aws-batch-job.json").read_text(encoding="utf-8"))
    *command, shares = job["containerProperties"]["command"]
    line = " ".join(f"'{word}'" for word in [*command, shares.replace("Ref::shares", job["parameters"]["shares"])])
    where = {"BUCKETS": str(quick / "buckets"), "BULKPROF_STATE_DIR": str(quick / "srv" / ".bulkprof")}
    for index, attempt in (("0", "1"), ("1", "2")):
        ended = shell(line, quick, AWS_BATCH_JOB_ARRAY_INDEX=index, AWS_BATCH_JOB_ATTEMPT=attempt, **where)
        assert ended.returncode == 0, ended.stderr
    gone = shell(line, quick, AWS_BATCH_JOB_ARRAY_INDEX="2", **where)
    assert (gone.returncode, "share-0003.db" in gone.stderr) == (1, True)
    merged = commands("merge", "plan.db", str(bucket / "fleet"), "--json")
    assert (merged.code, merged.json()["outcomes"]["created"]) == (0, PROFILES)


def test_a_job_that_is_ended_puts_its_share_back(tmp_path: Path) -> None:
    bucket = tmp_path / "buckets" / "b"
    bucket.mkdir(parents=True)
    (bucket / "share-0001.db").write_text("begun\n", encoding="utf-8")
    stops = """#!/bin/sh
trap 'kill "$!"; echo "$1 stopped" >> "$2"; exit 143' TERM
sleep 60 &
echo ready
wait
"""
    for name, text in (("aws", AWS), ("bulkprof", stops)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "BUCKETS": str(bucket.parent),
        "SHARES": "s3://b/",
    }
    with subprocess.Popen([str(FLEET / "share.sh"), "1"], stdout=subprocess.PIPE, text=True, env=environment) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "ready\n"
        job.send_signal(signal.SIGTERM)
        assert job.wait(30) == 143
    assert (bucket / "share-0001.db").read_text(encoding="utf-8") == "begun\napply stopped\n"
