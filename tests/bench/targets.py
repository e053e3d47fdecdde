"""Many targets: whether the slow ones hold up the others, and what opening three hundred of them costs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
from typing import Any

from tests.bench.bare import SOURCE
from tests.bench.manifests import REGIONS
from tests.bench.process import ROOT, environment
from tests.bench.server import serving
from tests.bench.table import Line
from tests.simulation.targets import simulate

RATES = [1.0 + 49.0 * number / 99 for number in range(100)]
CREATES = 120
TARGETS = [(f"{account:012d}", region) for account, region in product(range(1, 61), REGIONS)]


def bench() -> Iterator[Line]:
    """In virtual time: the real engine, lanes and pacers behind a hundred limits. Then real clients, really opened."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "alone").mkdir()
        alone = simulate(folder / "alone", RATES[:1], CREATES)
        together = simulate(folder, RATES, CREATES)
        what = f"100 targets at 1 to 50/s, {CREATES} creates each"
        yield Line(what, together.seconds, "s", alone.seconds, "s, the slowest alone", 1)
        for dead in (10, 30):
            (folder / f"{dead}").mkdir()
            # They are the first to begin, and their calls wait until their time runs out.
            rates = [25.0] * dead + RATES
            beside = simulate(folder / f"{dead}", rates, CREATES, dead=dict.fromkeys(range(dead), 0.0))
            yield Line(
                f"the same beside {dead} dead targets", beside.seconds, "s", alone.seconds, "s, the slowest alone", 1
            )
    with serving() as endpoint:
        ours, bare = _opened("ours", endpoint), _opened("bare", endpoint)
    other = "aioboto3 session per target"
    yield Line(f"open {len(TARGETS)} targets, in all", ours[0], "s", bare[0], f"s, {other}", 2)
    yield Line(f"open {len(TARGETS)} targets, longest block of the loop", ours[1], "ms", bare[1], f"ms, {other}")


def _opened(whose: str, endpoint: str) -> tuple[float, float]:
    """Seconds in all and the longest block in milliseconds, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.targets", whose]
    found = subprocess.run(command, env=environment(endpoint), cwd=ROOT, check=True, capture_output=True, text=True)
    seconds, block = found.stdout.split()
    return float(seconds), float(block)


async def _timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """How long `work` takes, and how long the event loop stood still at worst."""
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - before - 0.001)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.01)
    started = time.perf_counter()
    await work()
    took = time.perf_counter() - started
    # Once more round, so that a block just before the end is seen too.
    await asyncio.sleep(0.01)
    watching.cancel()
    return took, 1000 * worst


async def _ours() -> tuple[float, float]:
    from bulkprof.aws import AwsSessions
    from bulkprof.config import Organization, Run
    from bulkprof.model import Target

    async def work() -> None:
        async with AwsSessions(Organization(role="Bench"), Run()) as sessions:

            async def open_one(account: str, region: str) -> None:
                api = await sessions.bedrock(Target(account, region))
                await api.create(name="x", source_arn=SOURCE, description=None, tags={}, token="t" * 20)

            await asyncio.gather(*(open_one(*target) for target in TARGETS))

    return await _timed(work)


async def _bare() -> tuple[float, float]:
    import aioboto3

    async def work() -> None:
        async with AsyncExitStack() as stack:

            async def open_one(region: str) -> None:
                # Not even the role is assumed.
                session = aioboto3.Session(region_name=region)
                client = await stack.enter_async_context(session.client("bedrock"))
                await client.create_inference_profile(inferenceProfileName="x", modelSource={"copyFrom": SOURCE})

            await asyncio.gather(*(open_one(region) for _, region in TARGETS))

    return await _timed(work)


if __name__ == "__main__":
    os.chdir(tempfile.gettempdir())
    print(*asyncio.run({"ours": _ours, "bare": _bare}[sys.argv[1]]()))
