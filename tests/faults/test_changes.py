"""Faults of deletions, tags and replacements: whatever is lost, afterwards all is as the manifests want it, once.

Each hypothesis is a world with one account per fault, where a sync has to do one of everything.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.sandbox import Fault, Hypotheses, LedgerProfile
from bulkprof.totals import RunSummary
from tests.faults.scenarios import scenario
from tests.faults.world import SEED, World, adds_up, outcomes

LAG_S = 0.2
SETTLE_S = 0.6
CHANGES = ("CreateInferenceProfile", "DeleteInferenceProfile", "TagResource", "UntagResource")
KINDS = ("cut_before", "cut_after", "error_after", "expired_token", "conflict")
ACCOUNTS = {kind: f"{number:012d}" for number, kind in enumerate(KINDS, start=301)}
NOTHING_TO_RELY_ON = {"unique_names": False, "token_memory_s": 0, "list_lag_s": LAG_S}
HYPOTHESES = {
    "friendly": Hypotheses(),
    "names not unique": Hypotheses(unique_names=False),
    "nothing to rely on": Hypotheses(**NOTHING_TO_RELY_ON),
    "all that lags": Hypotheses(**NOTHING_TO_RELY_ON, get_lag_s=LAG_S, tag_lag_s=60, transient_conflicts=0.5),
}


@dataclass(frozen=True)
class Row:
    """One profile before the sync and after it; None where there is none."""

    before: dict[str, Any] | None
    after: dict[str, Any] | None


ROWS = {
    "stays": Row({"tags": {"v": "1"}}, {"tags": {"v": "1"}}),
    "retagged": Row({"tags": {"v": "1", "old": "1"}}, {"tags": {"v": "2"}}),
    "redescribed": Row({"description": "first"}, {"description": "second"}),
    "dropped": Row({}, None),
    "fresh": Row(None, {"tags": {"v": "2"}}),
}
EXPECTED = {"unchanged": 1, "updated": 1, "replaced": 1, "deleted": 1, "created": 1}


def manifest(world: World, when: str) -> str:
    rows = [
        {"name": name, "account": account, **wanted}
        for account in ACCOUNTS.values()
        for name, row in ROWS.items()
        if (wanted := getattr(row, when)) is not None
    ]
    return world.manifest(rows, f"{when}.jsonl")


async def sync(world: World, when: str) -> RunSummary:
    summary = await world.run(bulkprof.sync, (manifest(world, when),), prune=True, replace=True)
    adds_up(summary, world.results())
    return summary


@scenario
@pytest.mark.parametrize("hypothesis", HYPOTHESES)
async def test_one_of_everything_ends_as_the_manifest_wants_it(folder: Path, hypothesis: str) -> None:
    settings = {"run": {"settle_s": SETTLE_S}, "prune": {"count": 100}}
    with World(folder, settings, HYPOTHESES[hypothesis]) as world:
        assert outcomes(await sync(world, "before")) == {"created": 4 * len(KINDS)}
        await asyncio.sleep(LAG_S)  # until lists show what there is to be changed
        world.sandbox.set_faults(
            Fault(kind, operation, account, **when)
            for kind, account in ACCOUNTS.items()
            for operation in CHANGES
            for when in ({"nth": 1}, {"share": 0.3, "times": 3})
        )
        summary = await sync(world, "after")
        expected = {kind: count * len(KINDS) for kind, count in EXPECTED.items()}
        assert (summary.exit_code, outcomes(summary)) == (0, expected), world.results()
        for kind in KINDS:
            check(world, kind)
        world.sandbox.set_faults([])
        assert outcomes(await sync(world, "after")) == {"unchanged": 4 * len(KINDS)}


def check(world: World, kind: str) -> None:
    """Look at an account's books."""
    ledger, account = world.sandbox.ledger(), ACCOUNTS[kind]
    for operation in CHANGES:
        calls, good = (ledger.count(operation, *result, account=account) for result in ((), ("ok",)))
        assert calls > good, f"seed {SEED}: {kind} never struck {operation}"
    there = {profile.name: profile for profile in ledger.live if profile.account == account}
    assert set(there) == {name for name, row in ROWS.items() if row.after is not None}
    for name, profile in there.items():
        assert own_tags(profile) == (ROWS[name].after or {}).get("tags", {}), f"seed {SEED}: {kind}: {name}"
    made = [profile for profile in ledger.profiles if profile.account == account]
    gone = sorted(profile.name for profile in made if profile.deleted_at is not None)
    assert (len(made), gone) == (6, ["dropped", "redescribed"]), f"seed {SEED}: {kind}: {made}"


def own_tags(profile: LedgerProfile) -> dict[str, str]:
    return {key: value for key, value in profile.tags.items() if not key.startswith("bulkprof:")}
