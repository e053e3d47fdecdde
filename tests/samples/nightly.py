"""The nightly sample's files, and its commands as run on this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from tests.cli import warm

SAMPLE = Path(__file__).parents[2] / "samples" / "nightly"
PROFILES = 26
FILES = {
    "crontab": "crontab",
    "service": "systemd/bulkprof.service",
    "timer": "systemd/bulkprof.timer",
    "workflow": "github-actions.yml",
    "task": "aws/ecs-task.json",
    "template": "aws/lambda.yaml",
}


def text(name: str) -> str:
    return (SAMPLE / FILES[name]).read_text(encoding="utf-8")


def shell(command: str, setup: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the setup with its places on this machine."""
    # Clock times would make the test depend on when it runs.
    command = re.sub(r"--deadline \d\d:\d\d", "--deadline 2h", command)
    command = command.replace("/srv/bulkprof", str(setup / "srv")).replace("/var/lib/bulkprof", str(setup / "state"))
    variables = {**os.environ, **environment}
    return warm.shell(command, stand_in=setup / "bin" / "bulkprof", cwd=setup / "srv", env=variables, timeout=120)


def created(out: str) -> int:
    summary = json.loads(out)
    assert summary["exit_code"] == 0
    assert sum(summary["outcomes"].values()) == summary["desired"] == PROFILES
    return int(summary["outcomes"]["created"])
