"""What every test may use: bulkprof's command line in an empty folder, away from any real AWS, and a sandbox for it."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bulkprof.cli.app import register
from bulkprof.engine import outcomes
from bulkprof.pacing import pacer, start
from bulkprof.sandbox import Rate, Sandbox, SandboxSettings
from tests.cli import warm
from tests.cli.driver import CommandLine
from tests.once import found_out_once

register()
FAST = Rate(100_000, 100_000)
"""A rate that no test reaches, for tests that are about something else."""

# How long an example takes says more about what else runs on the machine than about the test.
settings.register_profile("side by side", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("side by side")


_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30


def _keep_files_in_memory() -> None:
    """Let files of tests be in memory, where there is room: each run syncs its file to the disk a dozen times."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK):
        return
    system = os.statvfs(_MEMORY)
    # Some tests write programs and start them.
    if system.f_bavail * system.f_frsize > _ROOM and not system.f_flag & os.ST_NOEXEC:
        # For the processes that tests start, and for this one, which may have looked for the folder already.
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


_keep_files_in_memory()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests wait for processes and connections a third of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """All that was imported stays; and as in `bulkprof.cli.main`, there is little garbage to look for."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _found_out_once() -> Iterator[None]:
    with found_out_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def _warm() -> Iterator[None]:
    """Where tests start processes, they fork them from one that ends with the tests."""
    yield
    warm.close()


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """bulkprof's command line, with a small config and no credentials."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "BULKPROF_", "BOTO", "OTEL_", "TRACE")) or name in {
            "NO_COLOR",
            "FORCE_COLOR",
            "COLUMNS",
            "TERM",
        }:
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # Politeness towards AWS and the disk, which a sandbox on this machine doesn't need.
    monkeypatch.setattr(outcomes, "FLUSH_S", 0.01)
    monkeypatch.setattr(pacer, "START_PACE", 200.0)
    monkeypatch.setattr(start, "START_POWER", 400.0)
    monkeypatch.setattr(start, "FOLLOW_SECONDS", 0.0)
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.fixture
def sandbox(commands: CommandLine) -> Iterator[Sandbox]:
    """A sandbox that answers at any speed, and that `commands` talks to."""
    with Sandbox(SandboxSettings(rate=FAST)) as running:
        commands.connect(running)
        yield running
