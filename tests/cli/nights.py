"""Nights that are too short, without waiting for any: the clock of the deadline jumps when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio
import pytest

from bulkprof.workflows.steps import connect as connecting
from bulkprof.workflows.steps.deadline import DeadlineWatch


def ends_when(monkeypatch: pytest.MonkeyPatch, condition: Callable[[], object]) -> None:
    """Let every deadline be over as soon as `condition` holds."""

    async def sleep(seconds: float) -> None:
        await anyio.sleep(0.005)

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(days=365 if condition() else 0)

    monkeypatch.setattr(connecting, "DeadlineWatch", partial(DeadlineWatch, now=now, sleep=sleep))
