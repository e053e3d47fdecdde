"""A quiet night: 200 targets with 100 profiles each and nothing to do, by `bulkprof sync` and the naive way.

The naive way lists each target's profiles, then asks for the tags of one after the other, as most scripts do. Both
work against one sandbox, and it is the sandbox that counts their calls.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bulkprof.sandbox import Rate, Sandbox, SandboxSettings
from tests.bench import manifests
from tests.bench.process import BULKPROF, Usage, environment, measured
from tests.bench.table import Line

TARGETS = 200
PROFILES = 100
WORKERS = 50
"""Targets that the naive way works in at once, as many as bulkprof does by default."""
RATE = Rate(20.0, 40.0)
"""Calls per second of each operation in each target."""


def bench() -> Iterator[Line]:
    """One night each, after a night of bulkprof's that makes everything."""
    with _organization() as (sandbox, folder):
        env = environment(sandbox.url) | {"AWS_ACCESS_KEY_ID": sandbox.environment()["AWS_ACCESS_KEY_ID"]}
        sync = [*BULKPROF, "sync", "many.csv", "--prune", "--yes", "--json"]
        naive = [sys.executable, "-m", "tests.bench.nights"]
        ours, our_calls = _counted(sandbox, sync, folder, env)
        other, their_calls = _counted(sandbox, naive, folder, env)
    what = f"quiet night, {TARGETS} targets of {PROFILES} profiles"
    yield Line(f"{what}, calls", our_calls, "", their_calls, "calls, List and ListTags for each")
    yield Line(f"{what}, time", ours.wall_s, "s", other.wall_s, "s, List and ListTags for each", 1)


def _counted(sandbox: Sandbox, command: list[str], folder: Path, env: dict[str, str]) -> tuple[Usage, int]:
    before = sandbox.ledger().count()
    usage = measured(command, folder, env)
    return usage, sandbox.ledger().count() - before


@contextmanager
def _organization() -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox that holds just what the manifest wants."""
    with tempfile.TemporaryDirectory() as name, Sandbox(SandboxSettings(rate=replace(RATE, burst=1e9))) as sandbox:
        folder = Path(name)
        manifests.write(folder, TARGETS * PROFILES, targets=TARGETS)
        measured([*BULKPROF, "apply", "many.csv", "--yes"], folder, environment(sandbox.url))
        sandbox.set_rate(RATE)
        yield sandbox, folder


async def _naive() -> None:
    import aioboto3

    session = aioboto3.Session()
    waiting = iter([manifests.target(number) for number in range(TARGETS)])

    async def work() -> None:
        async with AsyncExitStack() as stack:
            sts = await stack.enter_async_context(session.client("sts"))
            for account, region in waiting:
                await _look(session, sts, account, region)

    await asyncio.gather(*(work() for _ in range(WORKERS)))


async def _look(session: Any, sts: Any, account: str, region: str) -> None:
    role = {"RoleArn": f"arn:aws:iam::{account}:role/Bench", "RoleSessionName": "naive"}
    keys = (await sts.assume_role(**role))["Credentials"]
    client = session.client(
        "bedrock",
        region_name=region,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    async with client as bedrock:
        found = await bedrock.list_inference_profiles(typeEquals="APPLICATION", maxResults=1000)
        for profile in found["inferenceProfileSummaries"]:
            await bedrock.list_tags_for_resource(resourceARN=profile["inferenceProfileArn"])


if __name__ == "__main__":
    asyncio.run(_naive())
