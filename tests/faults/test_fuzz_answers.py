"""Whole runs over spoiled answers: a few by chance (`fuzz_answers` lives through more), and chosen ones."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.config import Config, Settings
from bulkprof.engine.retry import THROTTLE_PATIENCE_S
from bulkprof.sandbox import control
from tests.faults.fuzz_answers import ACCOUNTS, EVERYWHERE, MODELS, REGIONS, Place, Trouble, World, fuzz, in_process
from tests.faults.mutations import Spoiler
from tests.faults.world import SEED, adds_up, outcomes
from tests.simulation.virtual import run_virtually

FOR_EVER = 1_000_000


def test_runs_by_chance() -> None:
    told: list[str] = []
    counted = fuzz(range(20), SEED, tell=told.append)
    assert counted["runs"] == 20
    # A fuzz that spoils nothing, or after which nothing is left, would prove nothing.
    assert counted["spoiled answers"] > 20
    assert counted["created"] > 50


class Estate(World):
    """Three accounts in two Regions with the same rows in each."""

    def __init__(self, folder: Path, rows: int = 4) -> None:
        super().__init__(folder, seed=1)
        self.accounts, self.regions, self.command = ACCOUNTS, REGIONS, bulkprof.apply
        settings = {"estate": "fuzz", "organization": {"role": "Onboarding"}, "run": {"attempts": 3, "settle_s": 1.0}}
        self.config = Config(settings=Settings.model_validate(settings))
        self.manifest = folder / "rows.json"
        places: dict[str, Any] = {"model": MODELS[0], "account": list(ACCOUNTS), "region": list(REGIONS)}
        self.manifest.write_text(json.dumps([{"name": f"row-{number}", **places} for number in range(rows)]))

    def spoil(self, kind: str, operation: str, place: Place, *, times: int = FOR_EVER, swallows: bool = False) -> None:
        self.wire.troubles.append(Trouble(Spoiler(random.Random(7), kind, swallows), operation, place, times, 0))

    async def outcomes(self) -> dict[str, dict[str, int]]:
        """What became of the rows, by target."""
        summary = await self.run(self.manifest)
        lines = self.results()
        adds_up(summary, lines)
        places = {f"{line['account']}/{line['region']}" for line in lines}
        return {
            place: dict(Counter(line["outcome"] for line in lines if f"{line['account']}/{line['region']}" == place))
            for place in places
        }


CASES: dict[str, tuple[str, str, Place, set[str]]] = {
    # Which answers are spoiled, and the targets whose rows may come to harm.
    "a portal for one account's role": ("a captive portal", "AssumeRole", (ACCOUNTS[1], ""), {ACCOUNTS[1]}),
    "an empty answer for one account's role": ("an empty body", "AssumeRole", (ACCOUNTS[1], ""), {ACCOUNTS[1]}),
    "a token that comes again": (
        "the same page for ever", "ListInferenceProfiles", (ACCOUNTS[1], REGIONS[1]), {f"{ACCOUNTS[1]}/{REGIONS[1]}"},
    ),
    "pages without end": (
        "pages without end", "ListInferenceProfiles", (ACCOUNTS[0], REGIONS[0]), {f"{ACCOUNTS[0]}/{REGIONS[0]}"},
    ),
    "lists that are none": (
        "other types", "ListInferenceProfiles", (ACCOUNTS[2], REGIONS[0]), {f"{ACCOUNTS[2]}/{REGIONS[0]}"},
    ),
    "a hundred thousand levels": (
        "a deep list", "CreateInferenceProfile", (ACCOUNTS[2], REGIONS[0]), {f"{ACCOUNTS[2]}/{REGIONS[0]}"},
    ),
    "half characters in errors": (
        "an odd error", "CreateInferenceProfile", (ACCOUNTS[1], REGIONS[0]), {f"{ACCOUNTS[1]}/{REGIONS[0]}"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_targets_answers_cost_that_target(tmp_path: Path, case: str) -> None:
    kind, operation, place, harmed = CASES[case]

    async def main() -> None:
        world = Estate(tmp_path)
        world.spoil(kind, operation, place, swallows=True)
        found = await world.outcomes()
        assert len(found) == len(ACCOUNTS) * len(REGIONS)
        for target, counts in found.items():
            if not target.startswith(tuple(harmed)):
                assert counts == {"created": 4}, (target, world.told.lines)
            else:
                assert not counts.keys() & {"created"}, target
        assert world.wire.log
        world.wire.troubles.clear()
        assert outcomes(await world.run(world.manifest)).keys() <= {"created", "unchanged"}
        assert not control.ledger(world.wire.service).duplicates()

    with in_process():
        run_virtually(main)


@pytest.mark.parametrize(
    "kind", ["a bad ARN", "an empty body", "keys twice", "a captive portal", "cut", "a deep object"]
)
def test_one_row_s_answer_costs_nothing_where_the_work_was_done(tmp_path: Path, kind: str) -> None:
    """AWS made the profile, and its answer was spoiled: it is found, and counts as created."""

    async def main() -> None:
        world = Estate(tmp_path)
        world.spoil(kind, "CreateInferenceProfile", EVERYWHERE, times=3)
        found = await world.outcomes()
        assert {target: counts for target, counts in found.items() if counts != {"created": 4}} == {}
        assert len(world.wire.log) == 3
        arns = {profile.arn for profile in control.ledger(world.wire.service).live}
        assert {line["arn"] for line in world.results()} == arns
        assert len(arns) == 4 * len(found)

    with in_process():
        run_virtually(main)


def test_a_long_wait_is_told_and_ends(tmp_path: Path) -> None:
    async def main() -> None:
        world = Estate(tmp_path)
        target = (ACCOUNTS[0], REGIONS[0])
        world.spoil("slow down", "CreateInferenceProfile", target, swallows=True)
        spoiler = world.wire.troubles[0].spoiler
        spoiler.random.choice = lambda options: "86400" if "86400" in options else options[0]  # type: ignore[assignment,method-assign]
        found = await world.outcomes()
        assert found["/".join(target)] == {"failed": 4}
        told = [line for line in world.told.lines if "Retry-After" in line]
        assert told == [
            f"{'/'.join(target)}: CreateInferenceProfile waits 300 s, as Retry-After asks (it says 86400 s)"
        ]
        assert world.wire.calls < 50
        assert asyncio.get_running_loop().time() < 2 * THROTTLE_PATIENCE_S

    with in_process():
        run_virtually(main)
