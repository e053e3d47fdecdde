"""The nightly sample in a folder of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.driver import CommandLine
from tests.samples.nightly import SAMPLE


@pytest.fixture
def setup(commands: CommandLine) -> Path:
    """A copy of the setup, with a `bulkprof` on the path that always works in the sandbox."""
    shutil.copytree(SAMPLE, commands.folder / "srv")
    tools = commands.folder / "bin"
    tools.mkdir()
    (commands.folder / "state").mkdir()
    commands.monkeypatch.chdir(commands.folder / "srv")
    commands.monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    commands.monkeypatch.setenv("BULKPROF_SANDBOX", "1")
    return commands.folder
