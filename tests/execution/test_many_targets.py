"""A throttled or dead target never slows another: the real engine over a hundred targets, in virtual time."""

from __future__ import annotations

from pathlib import Path

from bulkprof.model import OutcomeKind
from tests.simulation.fleet import simulate

RATES = [1.0 + 49.0 * number / 99 for number in range(100)]
CREATES = 40


def test_a_hundred_targets_take_as_long_as_the_slowest_alone(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    alone = simulate(tmp_path / "alone", RATES[:1], CREATES)
    together = simulate(tmp_path, RATES, CREATES)
    assert together.outcomes == {OutcomeKind.CREATED: 100 * CREATES}
    assert together.seconds <= 1.05 * alone.seconds


def test_dead_targets_fail_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    alone = simulate(tmp_path / "alone", RATES[:1], CREATES)
    rates = [*RATES[:50], *[0.0] * 10, *RATES[50:90]]
    together = simulate(tmp_path, rates, CREATES)
    assert together.outcomes[OutcomeKind.CREATED] == 90 * CREATES
    assert sum(together.outcomes.values()) == 100 * CREATES
    # Calls that wait for an answer hold places of the global limit until their targets are given up.
    assert together.seconds <= 1.15 * alone.seconds
