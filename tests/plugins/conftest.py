"""What the plugins' tests share: a maker of desired profiles, and a plugin loaded as a run loads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bulkprof.plugins import (
    DesiredProfile,
    Request,
    Target,
)
from bulkprof.plugins.registry import Registry

TARGET = Target("111122223333", "us-east-1")
MakeProfile = Callable[..., DesiredProfile]


@pytest.fixture
def make_profile() -> MakeProfile:
    """Makes a desired profile from its row's columns."""

    def make(
        columns: Mapping[str, str] | None = None,
        *,
        model: str = "nova-lite",
        source: str = "amazon.nova-lite-v1:0",
        name: str = "",
        tags: Mapping[str, str] | None = None,
        target: Target = TARGET,
    ) -> DesiredProfile:
        request = Request("teams.csv", 2, attributes=dict(columns or {}))
        return DesiredProfile(request, target, model, source, name=name, tags=dict(tags or {}))

    return make


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Any]:
    """Loads one plugin the way a run does, and answers its object."""

    def make(name: str, **settings: Any) -> Any:
        return Registry({name: settings}, tmp_path).objects[name]

    return make
