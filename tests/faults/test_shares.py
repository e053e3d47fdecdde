"""Faults and hypotheses by share: killed, copied, gone on with elsewhere, run twice at once, merged in pieces."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.sandbox import Fault
from bulkprof.totals import RunSummary
from bulkprof.workflows.fleet.share import apply_share
from bulkprof.workflows.options import Options
from tests.faults.scenarios import scenario
from tests.faults.test_matrix import CREATE, HYPOTHESES, SETTLE_S, TIMEOUT_S
from tests.faults.world import World, adds_up, exactly_once, outcomes, talk_to, under_way, until

ACCOUNTS = tuple(f"{number:012d}" for number in range(111, 114))
NAMES = ("a", "b", "c", "d")
WANTED = {(account, name) for account in ACCOUNTS for name in NAMES}
KINDS = ("cut_before", "cut_after", "truncate_half", "error_after", "unavailable", "conflict", "throttle")
FAULTS = [Fault(kind, operation=CREATE, share=0.08, times=3) for kind in KINDS]
CALLS_BEFORE_THE_KILL = 3
ONLY_ONE_AT_A_TIME = ("names not unique, tokens for a moment", "nothing to rely on", "everything at once")
"""Names aren't unique and tokens are forgotten: then copies at the same time would have to know of each other."""


async def shares_of(world: World, count: int) -> list[Path]:
    """Plan, and cut the plan."""
    talk_to(world.sandbox)
    manifest = world.manifest({"name": name, "account": account} for account, name in sorted(WANTED))
    options = Options(config=world.config, state_dir=world.folder / "state")
    await bulkprof.plan(manifest, options, world.told, out=world.folder / "plan.db")
    index = await bulkprof.shard(world.folder / "plan.db", world.folder / "shares", options, world.told, count=count)
    return [world.folder / "shares" / share.file for share in index.shares]


def worker(world: World, share: Path, **more: Any) -> Awaitable[RunSummary]:
    """One worker, with nothing but a share."""
    return apply_share(share, Options(state_dir=share.parent / "none"), world.told, **more)


async def merge(world: World, *shares: Path) -> RunSummary:
    return await world.run(bulkprof.merge, world.folder / "plan.db", shares)


def elsewhere(world: World, share: Path, name: str = "elsewhere") -> Path:
    """Copy a share to another machine's disk."""
    folder = world.folder / name
    folder.mkdir()
    return Path(shutil.copy(share, folder / share.name))


async def check_end(world: World, *shares: Path) -> None:
    """Check that all that came home adds up, that each profile was made once, and that nothing is left to be done."""
    summary = await merge(world, *shares)
    adds_up(summary, world.results())
    assert summary.exit_code == 0, (summary, world.told.lines)
    assert summary.desired == len(WANTED) == sum(summary.outcomes.values())
    exactly_once(world.sandbox.ledger(), WANTED, world.results())
    world.sandbox.set_faults([])
    again = await world.apply(str(world.folder / "rows.jsonl"))
    assert outcomes(again) == {"unchanged": len(WANTED)}


def world_of(folder: Path, hypothesis: str) -> World:
    return World(folder, {"run": {"settle_s": SETTLE_S, "timeout_s": TIMEOUT_S}}, HYPOTHESES[hypothesis])


@scenario
@pytest.mark.parametrize("hypothesis", HYPOTHESES)
async def test_killed_shares_go_on_elsewhere(folder: Path, hypothesis: str) -> None:
    with world_of(folder, hypothesis) as world:
        first, second, third = await shares_of(world, 3)
        world.sandbox.set_faults(FAULTS)
        async with under_way(worker(world, first)):
            await until(lambda: world.sandbox.ledger().count(CREATE) >= CALLS_BEFORE_THE_KILL)
        moved = elsewhere(world, first)
        await asyncio.gather(worker(world, moved), worker(world, second))
        # One is missing: what is there comes home, and what isn't is named.
        summary = await merge(world, moved, second)
        adds_up(summary, world.results())
        assert (summary.exit_code, outcomes(summary)["skipped"]) == (3, len(NAMES))
        assert "missing: share 3 of 3" in world.told.lines[-1]
        await worker(world, third)
        await check_end(world, third)


@scenario
@pytest.mark.parametrize("hypothesis", [name for name in HYPOTHESES if name not in ONLY_ONE_AT_A_TIME])
async def test_two_workers_with_copies_of_a_share_at_once(folder: Path, hypothesis: str) -> None:
    with world_of(folder, hypothesis) as world:
        shares = await shares_of(world, 2)
        world.sandbox.set_faults(FAULTS)
        copies = [elsewhere(world, share, share.stem) for share in shares]
        await asyncio.gather(*(worker(world, share) for share in (*shares, *copies)))
        await check_end(world, *copies, *shares)


@scenario
@pytest.mark.parametrize("hypothesis", HYPOTHESES)
async def test_a_worker_that_died_has_its_share_run_again_from_the_beginning(folder: Path, hypothesis: str) -> None:
    """An engine has nothing but the share as it was cut."""
    with world_of(folder, hypothesis) as world:
        (share,) = await shares_of(world, 1)
        kept = elsewhere(world, share)
        world.sandbox.set_faults(FAULTS)
        async with under_way(worker(world, share)):
            await until(lambda: world.sandbox.ledger().count(CREATE) >= CALLS_BEFORE_THE_KILL)
        await worker(world, kept, resumed=True)
        await check_end(world, kept)


@scenario
@pytest.mark.parametrize("hypothesis", ["friendly", "names not unique, tokens for a moment", "everything at once"])
async def test_a_share_that_never_comes_home_is_carried_out_by_a_resume(folder: Path, hypothesis: str) -> None:
    with world_of(folder, hypothesis) as world:
        first, second = await shares_of(world, 2)
        world.sandbox.set_faults(FAULTS)
        await worker(world, first)
        sent = world.sandbox.ledger().count(CREATE)
        async with under_way(worker(world, second)):
            await until(lambda: world.sandbox.ledger().count(CREATE) >= sent + 2)
        assert (await merge(world, first)).exit_code == 3
        summary = await world.run(bulkprof.resume, None)
        adds_up(summary, world.results())
        assert (summary.exit_code, summary.desired) == (0, len(WANTED))
        exactly_once(world.sandbox.ledger(), WANTED, world.results())
