"""The pacer over real HTTP: the command against the sandbox's limit. The simulation has the narrow bounds."""

from __future__ import annotations

from tests.bench.pacing_http import run


def test_a_limit_is_held_over_http() -> None:
    paced = run(20.0, 20.0, 60)
    # A busy machine sends late now and then, which costs efficiency; it is never a reason for more throttles.
    assert paced.efficiency > 0.75
    assert paced.throttles < 120
