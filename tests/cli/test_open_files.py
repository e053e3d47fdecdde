"""A low limit of open files: calls in flight are fitted to it, or it is one line before anything is sent."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from bulkprof.config import Run
from bulkprof.errors import ConfigError
from bulkprof.sandbox import Sandbox
from bulkprof.system import descriptors
from tests.cli.driver import CommandLine, Ended


def limited(commands: CommandLine, limit: str, *arguments: str) -> Ended:
    """A cold process under `ulimit`."""
    command = [sys.executable, "-m", "bulkprof", *arguments]
    done = subprocess.run(
        ["/bin/sh", "-c", f'ulimit {limit} && exec "$@"', "sh", *command],
        cwd=commands.folder,
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


FLAGS = ("apply", "teams.csv", "--yes", "--json", "--results", "results.csv")


def rows(commands: CommandLine, targets: int) -> None:
    accounts = [f"team-{number},{111122220000 + number}" for number in range(targets)]
    commands.manifest(*accounts, header="name,account")


def test_a_low_limit_is_kept_to(commands: CommandLine, sandbox: Sandbox) -> None:
    rows(commands, 60)
    ended = limited(commands, "-n 64", *FLAGS)
    assert ended.code == 0, ended.err
    assert ended.json()["outcomes"]["created"] == 60
    assert "warning: few files can be open at once (`ulimit -n`): at most" in ended.err
    assert "Traceback" not in ended.err
    # Nothing had to be sent again.
    assert sandbox.ledger().count("CreateInferenceProfile") == 60


def test_in_the_sandbox_too(commands: CommandLine) -> None:
    rows(commands, 40)
    ended = limited(commands, "-n 64", *FLAGS, "--sandbox")
    assert (ended.code, ended.json()["outcomes"]["created"]) == (0, 40)
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("limit", [36, 24, 16])
def test_too_low_a_limit_is_told_before_anything_is_sent(commands: CommandLine, sandbox: Sandbox, limit: int) -> None:
    rows(commands, 3)
    ended = limited(commands, f"-n {limit}", *FLAGS)
    assert ended.code == 1
    (line,) = ended.err.splitlines()
    assert "more files can be opened (`ulimit -n`), too few for a run's connections; allow more: ulimit -n 1024" in line
    assert ended.json()["exit_code"] == 1
    assert sandbox.ledger().calls == ()


def test_a_soft_limit_is_raised(commands: CommandLine, sandbox: Sandbox) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 1024:
        pytest.skip("the hard limit is low here")
    rows(commands, 3)
    ended = limited(commands, "-Sn 30", *FLAGS)
    assert ended.code == 0
    assert "ulimit" not in ended.err


@pytest.mark.parametrize(("free", "sockets", "calls", "targets"), [(1000, 1, 64, 50), (76, 1, 10, 10), (76, 2, 5, 5)])
def test_what_fits(monkeypatch: pytest.MonkeyPatch, free: int, sockets: int, calls: int, targets: int) -> None:
    monkeypatch.setattr(descriptors, "free", lambda: free)
    fitted = descriptors.fitting(Run(), sockets=sockets)
    assert (fitted.max_calls_in_flight, fitted.max_targets_in_flight) == (calls, targets)
    # All that may be in flight: due, as many overdue, and two for each target.
    assert sockets * 2 * (calls + targets) <= free - descriptors.RESERVE


def test_nothing_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "free", lambda: 20)
    with pytest.raises(ConfigError, match="only 20 more files"):
        descriptors.fitting(Run())
