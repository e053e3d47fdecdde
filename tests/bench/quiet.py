"""What a quiet night costs by the target, at three sizes: 17 Regions, three profiles a target, nothing to do.

Each night is one `bulkprof sync --prune` on a state directory that holds the runs of the last minute, as after a run
that was just repeated: one that made everything, and some that found nothing to do. It is held against bare aioboto3
loops that make the same two calls for each target (`ListInferenceProfiles` and `GetResources`), look at nothing in the
answers and record nothing. CPU in all is counted, start-up included, of the process alone: the server is another one.

`python -m tests.bench.quiet TARGETS` is the loop that costs least: one client per Region and service, for all accounts.
That way no role can be assumed, so it is less than any script for an organization can do. With `own` behind it, the
loop assumes each account's role and makes its clients anew in each Region, as such scripts do.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import Any

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.model import DesiredProfile, OutcomeKind, Request, Target
from bulkprof.statuses import RunStatus
from bulkprof.store.details import RunDetails
from bulkprof.store.run import RunFile
from tests.bench.process import BULKPROF, Usage, environment, measured
from tests.bench.server import MODEL, PROFILES, TAGS, serving
from tests.bench.table import Line

REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2",
    "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-1", "ap-south-1", "ap-northeast-1", "ap-northeast-2",
    "ap-southeast-1", "ap-southeast-2",
)  # fmt: skip
SIZES = (1_020, 5_100)
LARGEST = 34_000
ENTERED = 170
"""Targets of the loop that assumes roles: making clients takes so long that a few tell."""
RECENT = 5
"""Runs of the last minute in the state directory."""
WORKERS = 10
"""Targets that a bare loop works in at once: as many as the SDK's default pool has connections."""
CONFIG = """\
estate = "bench"

[organization]
role = "Bench"
"""


def bench(*, long: bool = False) -> Iterator[Line]:
    """One line a size, then how the largest compares with the smallest. `long` takes 34,000 targets, too."""
    costs: dict[int, float] = {}
    peaks: dict[int, float] = {}
    with serving(quiet=True) as endpoint, tempfile.TemporaryDirectory() as name:
        env = environment(endpoint)
        # The first start compiles the modules, as an installation did long ago.
        _compile(Path(name), env)
        for targets in (*SIZES, LARGEST) if long else SIZES:
            folder = Path(name) / str(targets)
            ours = night(folder, env, targets)
            bare = measured(_bare(targets), folder, env)
            costs[targets], peaks[targets] = _millis(ours, targets), ours.peak_mb
            what = f"quiet night, {targets:,} targets, CPU per target"
            yield Line(what, costs[targets], "ms", _millis(bare, targets), "ms, bare aioboto3, clients shared", 2)
            if targets == SIZES[0]:
                own = measured([*_bare(ENTERED), "own"], folder, env)
                yield Line(what, costs[targets], "ms", _millis(own, ENTERED), "ms, bare aioboto3, roles assumed", 2)
        few, *_, many = costs
        yield Line(f"the same at {many:,}", costs[many], "ms", costs[few], f"ms, at {few:,}", 2)
        yield Line(f"quiet night, {many:,} targets, peak memory", peaks[many], "MB", peaks[few], f"MB, at {few:,}")


def _compile(folder: Path, env: dict[str, str]) -> None:
    night(folder / "first", env, len(REGIONS))
    measured(_bare(len(REGIONS)), folder, env)


def _millis(usage: Usage, targets: int) -> float:
    return 1000 * usage.cpu_s / targets


def _bare(targets: int) -> list[str]:
    return [sys.executable, "-m", "tests.bench.quiet", str(targets)]


def night(folder: Path, env: dict[str, str], targets: int, *flags: str) -> Usage:
    """One night, which has to find everything in order with two calls a target and two a Region."""
    folder.mkdir()
    (folder / "bulkprof.toml").write_text(CONFIG)
    tags = {key: value for key, value in TAGS.items() if key != "bulkprof:estate"}
    with (folder / "many.csv").open("w") as file:
        file.write(f"name,model,account,region,{','.join(f'tag:{key}' for key in tags)}\n")
        for account, profile in product(_accounts(targets), PROFILES):
            file.write(f"{profile},{MODEL},{account},{'|'.join(REGIONS)},{','.join(tags.values())}\n")
    _recent_runs(folder / ".bulkprof" / "runs", targets)
    night = measured([*BULKPROF, "sync", "many.csv", "--prune", "--yes", "--json", *flags], folder, env)
    summary = json.loads(night.output)
    assert summary["outcomes"]["unchanged"] == targets * len(PROFILES), summary
    assert summary["calls"]["GetResources"]["sent"] == targets, summary
    if not flags:
        assert summary["calls"]["ListInferenceProfiles"]["sent"] == targets + len(REGIONS), summary
    return night


def _accounts(targets: int) -> list[str]:
    return [str(111122220000 + number) for number in range(targets // len(REGIONS))]


def _targets(targets: int) -> Iterator[Target]:
    return (Target(account, region) for account, region in product(_accounts(targets), REGIONS))


def _recent_runs(folder: Path, targets: int) -> None:
    """The files of runs that have just ended: the first one made all profiles, the others found them."""
    folder.mkdir(parents=True)
    first = folder / "20261123T000000Z-000000001.db"
    _write_run(first, targets, OutcomeKind.CREATED)
    second = folder / "20261123T000001Z-000000002.db"
    _write_run(second, targets, OutcomeKind.UNCHANGED)
    for number in range(3, RECENT + 1):
        shutil.copy(second, folder / f"20261123T00000{number - 1}Z-00000000{number}.db")


def _write_run(path: Path, targets: int, kind: OutcomeKind) -> None:
    with RunFile.create(path, RunDetails(path.stem, RunStatus.FINISHED, estate="bench")) as run:
        profiles = (
            DesiredProfile(Request("many.csv", line), target, name=name, model=MODEL, source=MODEL, tags=TAGS)
            for line, target in enumerate(_targets(targets), 2)
            for name in PROFILES
        )
        while batch := list(islice(profiles, 5000)):
            run.add_desired(list(map(run.form, batch)))
        run.end_intake()
        arn = "arn:aws:bedrock:{0.region}:{0.account}:application-inference-profile/{1:012d}"
        outcomes = (
            replace(closed_outcome(action, kind), arn=arn.format(action.target, number % len(PROFILES) + 1))
            for number, action in enumerate(run.actions())
        )
        while some := list(islice(outcomes, 5000)):
            run.record(some)


async def _shared(targets: int) -> None:
    """The two calls for each target, through one client per Region and service."""
    import aioboto3

    session = aioboto3.Session()
    waiting = _targets(targets)
    async with AsyncExitStack() as stack:
        clients = {
            region: [
                await stack.enter_async_context(session.client(service, region_name=region))
                for service in ("bedrock", "resourcegroupstaggingapi")
            ]
            for region in REGIONS
        }

        async def work() -> None:
            for target in waiting:
                await _look(*clients[target.region])

        await asyncio.gather(*(work() for _ in range(WORKERS)))


async def _own(targets: int) -> None:
    """The two calls for each target, account by account with its role, through clients of its own."""
    import aioboto3

    session = aioboto3.Session()
    waiting = iter(_accounts(targets))
    async with session.client("sts") as sts:

        async def work() -> None:
            for account in waiting:
                role = {"RoleArn": f"arn:aws:iam::{account}:role/Bench", "RoleSessionName": "bare"}
                keys = (await sts.assume_role(**role))["Credentials"]
                entered = aioboto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
                for region in REGIONS:
                    async with (
                        entered.client("bedrock", region_name=region) as bedrock,
                        entered.client("resourcegroupstaggingapi", region_name=region) as tagging,
                    ):
                        await _look(bedrock, tagging)

        await asyncio.gather(*(work() for _ in range(WORKERS)))


async def _look(bedrock: Any, tagging: Any) -> None:
    await bedrock.list_inference_profiles(typeEquals="APPLICATION", maxResults=1000)
    await tagging.get_resources(ResourceTypeFilters=["bedrock:application-inference-profile"], ResourcesPerPage=100)


def _main(arguments: Sequence[str]) -> None:
    targets = int(arguments[0])
    asyncio.run(_own(targets) if arguments[1:] == ["own"] else _shared(targets))


if __name__ == "__main__":
    _main(sys.argv[1:])
