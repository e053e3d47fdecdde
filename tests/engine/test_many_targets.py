"""A throttled or dead target never slows another: the real engine over a hundred targets, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkprof.engine.target_run import BREAKER_FAILURES
from bulkprof.model import OutcomeKind
from tests.simulation.targets import TIMEOUT_S, SimulatedRun, simulate

RATES = [1.0 + 49.0 * number / 99 for number in range(100)]
CREATES = 40


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> SimulatedRun:
    """The slowest target by itself."""
    return simulate(tmp_path_factory.mktemp("alone"), RATES[:1], CREATES)


def test_a_hundred_targets_take_as_long_as_the_slowest_alone(tmp_path: Path, alone: SimulatedRun) -> None:
    together = simulate(tmp_path, RATES, CREATES)
    assert together.outcomes == {OutcomeKind.CREATED: 100 * CREATES}
    assert together.ended <= 1.05 * alone.ended


@pytest.mark.parametrize("dead", [10, 30])
@pytest.mark.parametrize("since", [0.0, 2.0], ids=["from the start", "in mid-run"])
def test_dead_targets_do_not_hold_up_the_others(tmp_path: Path, alone: SimulatedRun, dead: int, since: float) -> None:
    rates = [25.0] * dead + RATES
    together = simulate(tmp_path, rates, CREATES, dead=dict.fromkeys(range(dead), since))
    assert together.seconds <= 1.05 * alone.seconds
    assert together.outcomes[OutcomeKind.CREATED] >= 100 * CREATES
    assert sum(together.outcomes.values()) == (100 + dead) * CREATES
    assert together.outcomes.get(OutcomeKind.FAILED, 0) <= dead * BREAKER_FAILURES
    # What is begun takes all its attempts; the rest is given up with it.
    assert together.ended < 9 * TIMEOUT_S


def test_dead_targets_do_not_hold_up_those_that_wait_for_a_lane(tmp_path: Path, alone: SimulatedRun) -> None:
    together = simulate(tmp_path, [25.0] * 60 + RATES, CREATES, lanes=50, dead=dict.fromkeys(range(60), 0.0))
    # The first fifty let others in once they have been silent for a second, and so do the ten after them.
    assert together.seconds <= 1.05 * alone.seconds
    assert together.ended < 9 * TIMEOUT_S
