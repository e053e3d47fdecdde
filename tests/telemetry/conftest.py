"""A receiver that the command line sends to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.driver import CommandLine
from tests.telemetry.receiver import Received, receiving


@pytest.fixture
def received(commands: CommandLine) -> Iterator[Received]:
    with receiving() as found:
        commands.monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        yield found
