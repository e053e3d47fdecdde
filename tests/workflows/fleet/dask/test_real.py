"""Clusters of processes over TCP, and what becomes of a run when these are killed: each profile is there once."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import bulkprof
from bulkprof.sandbox import Hypotheses, Rate, sandbox, server
from bulkprof.workflows.fleet.dask import lease, sizes
from tests.cli import warm
from tests.cli.driver import until as until_now
from tests.faults.world import REGION, SEED, World, adds_up, exactly_once, outcomes, side_by_side, until
from tests.workflows.fleet.dask.clusters import ELSEWHERE, IMPATIENT, SHORT_LEASE_S, RealCluster

ACCOUNTS = tuple(f"11112222{number:04}" for number in range(4400, 4412))
ROWS = [{"name": f"row-{number}", "account": account} for account in ACCOUNTS for number in range(4)]
WANTED = [(row["account"], row["name"]) for row in ROWS]
SLOWLY = Rate(12, 4)
"""In each account: slow enough to be killed in the middle."""
LAG_S = 0.3
KILLS = 3
"""Workers of one run that die."""


@contextmanager
def fleet(
    folder: Path, hypotheses: Hypotheses, *, rate: Rate = SLOWLY, workers: int = 2, host: str = "127.0.0.1"
) -> Iterator[tuple[World, RealCluster]]:
    """A sandbox, a cluster that talks to it, and a user of both in this process."""
    settings = {"run": {"settle_s": 0.5}}
    with World(folder, settings, hypotheses, {"rate": rate, "latency_s": 0.02}) as world:
        world.manifest(ROWS)
        cluster = RealCluster(folder, world.sandbox, host=host)
        try:
            for _ in range(workers):
                cluster.start_worker()
            until_now(lambda: cluster.log().count("Registered to:") >= workers)
            with side_by_side(), pytest.MonkeyPatch.context() as patch:
                patch.setattr(lease, "LEASE_S", SHORT_LEASE_S)
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
            killing = asyncio.ensure_future(kill_some(world, cluster, KILLS, chance))
            try:
                summary = await world.apply(manifest, engine="dask", scheduler=cluster.address)
            finally:
                killing.cancel()
            adds_up(summary, world.results())
            return outcomes(summary)

        assert asyncio.run(run()) == {"created": len(ROWS)}, world.told.lines
        exactly_once(world.sandbox.ledger(), WANTED, world.results())


@contextmanager
def coordinator(world: World, cluster: RealCluster, *command: str) -> Iterator[warm.Process]:
    """The command line as a process of its own, with a short lease, in the world's state directory."""
    (world.folder / "bulkprof.toml").write_text(
        f'estate = "faults"\n[defaults]\nmodel = "amazon.nova-lite-v1:0"\nregion = "{REGION}"\n'
        '[organization]\nrole = "Onboarding"\n[run]\nsettle_s = 0.5\n'
    )
    flags = ("--state-dir", "state", "--yes", "--engine", "dask", "--scheduler", cluster.address)
    with warm.Process((*command, *flags), cwd=world.folder, env=cluster.environment, program=IMPATIENT) as process:
        try:
            yield process
        finally:
            process.kill()


def test_workers_of_a_killed_coordinator_stop_and_resume_finds_each_row_once(tmp_path: Path) -> None:
    hypotheses = Hypotheses(unique_names=False, token_memory_s=0, list_lag_s=LAG_S, get_lag_s=LAG_S, tag_lag_s=60)
    with fleet(tmp_path, hypotheses) as (world, cluster):
        for command, calls in ((("apply", "rows.jsonl"), 60), (("resume",), 30)):
            seen = world.sandbox.ledger().count()
            with coordinator(world, cluster, *command) as process:
                until_now(lambda seen=seen, calls=calls: world.sandbox.ledger().count() >= seen + calls)
                process.kill()
                process.communicate()
        made = len(world.sandbox.ledger().profiles)
        assert 0 < made < len(ROWS)
        # Without dask: it waits for the lease by itself.
        summary = asyncio.run(world.run(bulkprof.resume, None))
        adds_up(summary, world.results())
        assert outcomes(summary) == {"created": len(ROWS)}, world.told.lines
        exactly_once(world.sandbox.ledger(), WANTED, world.results())
        # The workers are there for the next run, and nothing of this one is left to them.
        assert all(worker.poll() is None for worker in cluster.workers)
        assert apply(world, cluster) == {"unchanged": len(ROWS)}


def test_ctrl_c_stops_workers_and_resume_goes_on_with_them(tmp_path: Path) -> None:
    with fleet(tmp_path, Hypotheses(list_lag_s=LAG_S)) as (world, cluster):
        with coordinator(world, cluster, "apply", "rows.jsonl") as process:
            until_now(lambda: len(world.sandbox.ledger().profiles) > 5)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
            assert process.wait() == 130, err
        assert "stopping: calls in flight end first" in err
        made = len(world.sandbox.ledger().profiles)
        assert made < len(ROWS)
        summary = asyncio.run(world.run(bulkprof.resume, None, engine="dask", scheduler=cluster.address))
        assert outcomes(summary) == {"created": len(ROWS)}
        exactly_once(world.sandbox.ledger(), WANTED, world.results())


NEAR, FAR = "10.213.77.1", "10.213.77.2"


@pytest.fixture
def namespace() -> Iterator[str]:
    """Another network namespace, and a wire to it."""
    name, here, there = f"bp{os.getpid()}", f"bpa{os.getpid()}", f"bpb{os.getpid()}"
    steps = (
        f"ip netns add {name}",
        f"ip link add {here} type veth peer name {there} netns {name}",
        f"ip addr add {NEAR}/30 dev {here}",
        f"ip link set {here} up",
        f"ip -n {name} addr add {FAR}/30 dev {there}",
        f"ip -n {name} link set {there} up",
        f"ip -n {name} link set lo up",
    )
    if shutil.which("ip") is None:
        pytest.skip("there is no command `ip`")
    try:
        for step in steps:
            done = subprocess.run(step.split(), capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"network namespaces can't be made here: {done.stderr.strip()}")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def test_a_worker_in_another_network(tmp_path: Path, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scheduler and coordinator are in one network namespace, the worker is in another."""
    monkeypatch.setattr(sandbox, "HOST", NEAR)
    monkeypatch.setattr(server, "HOST", NEAR)
    with fleet(tmp_path, Hypotheses(), rate=Rate(1000, 1000), workers=0, host=NEAR) as (world, cluster):
        cluster.start_worker(program=ELSEWHERE, host=FAR, NETNS=namespace)
        assert apply(world, cluster) == {"created": len(ROWS)}
        exactly_once(world.sandbox.ledger(), WANTED, world.results())
        assert f"tcp://{FAR}:" in cluster.log()
