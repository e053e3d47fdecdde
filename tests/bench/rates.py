"""A state directory that knows a rate for every target, so that pacing doesn't bind what is measured beside it."""

from __future__ import annotations

import time
from pathlib import Path

from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.rates import RateStore
from tests.bench.manifests import target
from tests.bench.server import ACCOUNT

OPERATIONS = ("CreateInferenceProfile", "ListInferenceProfiles", "ListFoundationModels", "GetResources")
FAST = 20_000.0
"""Calls a second that no run reaches."""


def warm(state: Path, *, targets: int) -> None:
    """Write what an earlier run would have learned of a server that never throttles."""
    store = RateStore(state)
    rate = LearnedRate(FAST, FAST, time.time())
    places = [target(number) for number in range(targets)] or [(ACCOUNT, "us-east-1")]
    if problem := store.save({(*place, operation): rate for place in places for operation in OPERATIONS}):
        raise RuntimeError(problem)
