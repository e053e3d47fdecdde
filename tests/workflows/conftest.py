"""Several processes for manifests of any size."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows.processes import CONFIG, Processes


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Processes:
    monkeypatch.chdir(tmp_path)
    Path("bulkprof.toml").write_text(CONFIG)
    return Processes(monkeypatch)
