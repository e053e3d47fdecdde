"""Several processes for manifests of any size."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows.processes import CONFIG, Processes


@pytest.fixture
def in_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bulkprof.toml").write_text(CONFIG)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch, in_folder: None) -> Processes:
    return Processes(monkeypatch)
