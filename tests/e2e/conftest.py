"""Other people's client in the test's sandbox."""

from __future__ import annotations

import pytest

from bulkprof.sandbox import Sandbox
from tests.e2e.others import Others


@pytest.fixture
def others(sandbox: Sandbox) -> Others:
    return Others(sandbox)
