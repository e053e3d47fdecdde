"""What a night costs that finds nothing to do, counted instead of timed: files opened, work of SQLite, calls, entries.

Another run of the estate has just ended, so what it did lately is looked at for every target.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.model import Target
from bulkprof.workflows.steps.connection import Connection
from tests.faults.world import World, side_by_side

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
NAMES = ("a", "b", "c")
STEPS = 10
"""SQLite counts its own steps this finely."""


@dataclass
class Counted:
    """What one night used."""

    opened: Counter[str] = field(default_factory=Counter)
    """How often each run's file was opened."""
    steps: int = 0
    """Steps of SQLite's machine, over all files."""
    entered: Counter[Target] = field(default_factory=Counter)


@contextmanager
def counting() -> Iterator[Counted]:
    counted = Counted()
    connect, enter = sqlite3.connect, Connection.open

    def count_steps() -> int:
        counted.steps += STEPS
        return 0

    def connecting(path: Any, *arguments: Any, **more: Any) -> sqlite3.Connection:
        counted.opened[Path(path).name] += 1
        connection = connect(path, *arguments, **more)
        connection.set_progress_handler(count_steps, STEPS)
        return connection

    def entering(way: Connection, target: Target) -> Any:
        counted.entered[target] += 1
        return enter(way, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connecting)
        patch.setattr(Connection, "open", entering)
        yield counted


async def quiet_night(folder: Path, accounts: int) -> Counted:
    """The night after the one that made everything."""
    places = "|".join(str(100000000001 + number) for number in range(accounts))
    rows = [{"name": name, "account": places, "region": "|".join(REGIONS)} for name in NAMES]
    with World(folder) as world, side_by_side():
        manifest = world.manifest(rows)
        targets = accounts * len(REGIONS)
        made = await world.run(bulkprof.sync, [manifest], prune=True)
        assert made.outcomes["created"] == targets * len(NAMES), world.told.lines
        with counting() as counted:
            found = await world.run(bulkprof.sync, [manifest], prune=True)
        assert found.exit_code == 0, world.told.lines
        assert found.outcomes["unchanged"] == targets * len(NAMES)
        assert found.calls["GetResources"].sent == targets
        assert found.calls["ListInferenceProfiles"].sent == targets + len(REGIONS)
        assert found.calls["AssumeRole"].sent == accounts
    return counted


async def test_a_target_costs_the_same_however_many_there_are(tmp_path: Path) -> None:
    few, some, many = [await quiet_night(tmp_path / str(number), number) for number in (1, 4, 12)]
    opened = [sorted(night.opened.values()) for night in (few, some, many)]
    assert opened[0] == opened[1] == opened[2]
    # Twelve targets more, then thirty-two: each costs what the ones before did.
    first, later = (some.steps - few.steps) / 12, (many.steps - some.steps) / 32
    assert later == pytest.approx(first, rel=0.1)


async def test_a_target_with_nothing_to_do_is_entered_once(tmp_path: Path) -> None:
    night = await quiet_night(tmp_path, 2)
    assert set(night.entered.values()) == {1}
    assert len(night.entered) == 2 * len(REGIONS)
