"""Runs to deliver, without waits between tries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkprof.delivery import sinks as sinks_module
from bulkprof.store.run import RunFile
from tests.factories import make_run


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks_module, "POLL_S", 0.0)
    monkeypatch.setattr(sinks_module, "backoff", lambda attempt: 0.0)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFile]:
    run = make_run(tmp_path / "run.db")
    yield run
    run.close()


@pytest.fixture
def told() -> list[str]:
    return []
