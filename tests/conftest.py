"""What every test may use: bulkprof's command line in an empty folder, away from any real AWS, and a sandbox for it."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
from botocore import hooks, loaders, session
from hypothesis import HealthCheck, settings

from bulkprof.cli.app import register
from bulkprof.engine import outcomes
from bulkprof.pacing import pacer
from bulkprof.sandbox import Rate, Sandbox, SandboxSettings
from tests.cli import warm
from tests.cli.driver import CommandLine

register()
COMMAND = cache(typer.main.get_command)
FAST = Rate(100_000, 100_000)
"""A rate that no test reaches, for tests that are about something else."""

# How long an example takes says more about what else runs on the machine than about the test.
settings.register_profile("side by side", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("side by side")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests wait for processes and connections a third of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """All that was imported stays; and as in `bulkprof.cli.main`, there is little garbage to look for."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _read_once() -> Iterator[None]:
    """Keep what the SDK reads of its services: each run does that anew, which takes most of a small one's time."""
    aliases: dict[str, str] = {}
    alias = hooks.EventAliaser._alias_event_name

    def alias_event_name(aliaser: hooks.EventAliaser, name: str) -> str:
        """The one inner part of the SDK that is replaced: it costs runs of many targets a tenth of their time."""
        if name not in aliases:
            aliases[name] = alias(aliaser, name)
        return aliases[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "create_loader", cache(loaders.create_loader))
        patch.setattr(hooks.EventAliaser, "_alias_event_name", alias_event_name)
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
    # Building the command line takes longer than most commands, and it is the same each time.
    monkeypatch.setattr(typer.main, "get_command", COMMAND)
    # Politeness towards AWS and the disk, which a sandbox on this machine doesn't need.
    monkeypatch.setattr(outcomes, "FLUSH_S", 0.01)
    monkeypatch.setattr(pacer, "START_PACE", 200.0)
    monkeypatch.setattr(pacer, "START_POWER", 400.0)
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.fixture
def sandbox(commands: CommandLine) -> Iterator[Sandbox]:
    """A sandbox that answers at any speed, and that `commands` talks to."""
    with Sandbox(SandboxSettings(rate=FAST)) as running:
        commands.connect(running)
        yield running
