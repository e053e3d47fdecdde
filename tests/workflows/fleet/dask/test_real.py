"""Clusters of processes over TCP, and what becomes of a run when these are killed: each profile is there once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bulkprof.sandbox import Hypotheses, Rate
from bulkprof.workflows.fleet.dask import lease, sizes
from tests.cli.driver import until as until_now
from tests.faults.world import SEED, World, adds_up, exactly_once, outcomes, side_by_side, until
from tests.workflows.fleet.dask.clusters import RealCluster

ACCOUNTS = tuple(f"11112222{number:04}" for number in range(4400, 4412))
ROWS = [{"name": f"row-{number}", "account": account} for account in ACCOUNTS for number in range(5)]
WANTED = [(row["account"], row["name"]) for row in ROWS]
SLOWLY = Rate(12, 4)
"""In each account: slow enough to be killed in the middle."""
LAG_S = 0.3
LEASE_S = 1.0


@contextmanager
def fleet(
    folder: Path, hypotheses: Hypotheses, *, rate: Rate = SLOWLY, workers: int = 2
) -> Iterator[tuple[World, RealCluster]]:
    """A sandbox, a cluster that talks to it, and a user of both in this process."""
    settings = {"run": {"settle_s": 0.5}}
    with World(folder, settings, hypotheses, {"rate": rate, "latency_s": 0.02}) as world:
        world.manifest(ROWS)
        cluster = RealCluster(folder, world.sandbox)
        try:
            for _ in range(workers):
                cluster.start_worker()
            until_now(lambda: cluster.log().count("Registered to:") >= workers)
            with side_by_side(), pytest.MonkeyPatch.context() as patch:
                patch.setattr(lease, "LEASE_S", LEASE_S)
                patch.setattr(sizes, "LEAST", 10.0)
                yield world, cluster
        finally:
            cluster.close()


def apply(world: World, cluster: RealCluster, **flags: object) -> dict[str, int]:
    """Apply the manifest. Return the outcomes, which add up."""
    manifest = str(world.folder / "rows.jsonl")

    async def run() -> dict[str, int]:
        summary = await world.apply(manifest, engine="dask", scheduler=cluster.address, **flags)
        adds_up(summary, world.results())
        return outcomes(summary)

    return asyncio.run(run())


def test_a_run_on_processes_over_tcp(tmp_path: Path) -> None:
    with fleet(tmp_path, Hypotheses(), rate=Rate(1000, 1000)) as (world, cluster):
        assert apply(world, cluster) == {"created": len(ROWS)}
        exactly_once(world.sandbox.ledger(), WANTED, world.results())
        assert apply(world, cluster) == {"unchanged": len(ROWS)}
        assert not world.told.lines


async def kill_some(world: World, cluster: RealCluster, kills: int, chance: random.Random) -> None:
    """Kill workers while they work, each time another one takes the place."""
    for _ in range(kills):
        seen = world.sandbox.ledger().count()
        after = chance.randint(5, 25)
        await until(lambda seen=seen, after=after: world.sandbox.ledger().count() >= seen + after)
        victim = chance.choice([each for each in cluster.workers if each.poll() is None])
        victim.kill()
        cluster.start_worker()


@pytest.mark.parametrize(
    "hypotheses",
    [
        pytest.param(Hypotheses(token_memory_s=0, list_lag_s=LAG_S), id="names unique, no tokens"),
        pytest.param(Hypotheses(unique_names=False, list_lag_s=LAG_S), id="names not unique"),
        pytest.param(
            Hypotheses(unique_names=False, token_memory_s=0, list_lag_s=LAG_S, get_lag_s=LAG_S, tag_lag_s=60),
            id="names not unique, no tokens",
        ),
    ],
)
def test_shares_of_killed_workers_are_carried_out_by_others(tmp_path: Path, hypotheses: Hypotheses) -> None:
    chance = random.Random(f"{SEED} {hypotheses}")
    with fleet(tmp_path, hypotheses) as (world, cluster):

        async def run() -> dict[str, int]:
            manifest = str(world.folder / "rows.jsonl")
            killing = asyncio.ensure_future(kill_some(world, cluster, 4, chance))
            try:
                summary = await world.apply(manifest, engine="dask", scheduler=cluster.address)
            finally:
                killing.cancel()
            adds_up(summary, world.results())
            return outcomes(summary)

        assert asyncio.run(run()) == {"created": len(ROWS)}, world.told.lines
        exactly_once(world.sandbox.ledger(), WANTED, world.results())
