"""Whole runs over answers that AWS would never give: `python -m tests.faults.fuzz_answers [--runs N] [--seed N]`.

Each run has a sandbox of its own, called in process and in virtual time, through all of bulkprof but the sockets. Some
of its answers are spoiled (see `mutations`). However it went: nothing but bulkprof's own errors may come out, outcomes
add up and tell the truth, nothing is made twice, targets whose answers were sound are in order, and so is all of it
after another run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

import bulkprof
from bulkprof.aws import AwsSessions, sdk
from bulkprof.aws.transport.http import Connection, Response
from bulkprof.config import Config, Settings
from bulkprof.engine import lane, targets
from bulkprof.errors import BulkprofError, StateError
from bulkprof.profiles import quota
from bulkprof.sandbox import Hypotheses, Rate, SandboxSettings, control
from bulkprof.sandbox.dispatcher import Dispatcher
from bulkprof.sandbox.services.organization import Organization
from bulkprof.sandbox.wire import Call
from bulkprof.totals import RunSummary
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps import connect as connecting
from tests.faults.mutations import Spoiler, draw
from tests.faults.world import Told, adds_up
from tests.simulation.virtual import run_virtually

ACCOUNTS = ("123456789012", "111122223333", "444455556666")
REGIONS = ("us-east-1", "eu-west-1")
MODELS = ("amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0")
IN_ORDER = {"created", "adopted", "updated", "replaced", "unchanged", "deleted"}
MOST_CALLS = 30_000
"""Calls of one run after which it counts as one that never ends."""
EVERYWHERE = ("", "")
Place = tuple[str, str]
"""Account and Region; either may be empty, for all."""


@dataclass
class Trouble:
    """Which answers are spoiled, and how."""

    spoiler: Spoiler
    operation: str
    """Empty for all."""
    place: Place
    times: int
    after: int
    """Calls that pass before."""

    def strikes(self, operation: str, place: Place) -> bool:
        if self.operation not in {"", operation} or not _meet(self.place, place) or not self.times:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass
class Wire:
    """Carries calls to the sandbox, and spoils what it answers."""

    service: Dispatcher
    clock: Callable[[], float]
    troubles: list[Trouble] = field(default_factory=list)
    hit: set[Place] = field(default_factory=set)
    """Where an answer was spoiled."""
    calls: int = 0
    log: list[str] = field(default_factory=list)

    async def exchange(
        self, connection: Connection, method: str, address: str, headers: Any, body: bytes | None, signer: Any = None
    ) -> Response:
        await asyncio.sleep(0.02)
        self.calls += 1
        assert self.calls < MOST_CALLS, "this run never ends"
        if signer is not None:
            await signer.sign(method, address, headers, body or b"")
        parts = urlsplit(address)
        lower = {name.lower(): value for name, value in headers.items()}
        call = Call(method, parts.path, parts.query, lower, body or b"")
        call.read_scope()
        call.account = self.service.sessions.account(call.access_key)
        assert self.service._route(call) is not None, f"the sandbox lacks {call}"
        place = self._place(call)
        trouble = next((each for each in self.troubles if each.strikes(call.operation, place)), None)
        if trouble is None or not trouble.spoiler.swallows:
            answer = (await self.service.handle(call)).response
            assert answer is not None
            names = {name.lower(): value for name, value in answer.headers.items()}
            sound = Response(answer.status, {**names, "date": self._date()}, answer.body)
        else:
            sound = Response(200, {"date": self._date()}, b"{}")
        if trouble is None:
            return sound
        if call.operation == "ListFoundationModels" or "SYSTEM_DEFINED" in parts.query:
            # What one target's list says, all of its Region go by: a lie in it is everybody's there.
            self.hit.add(("", call.region) if trouble.spoiler.lies else place)
        self.hit.add(place)
        self.log.append(f"{call.operation} in {place}: {trouble.spoiler.kind}")
        return trouble.spoiler(call.operation, sound)

    def _place(self, call: Call) -> Place:
        if call.operation == "AssumeRole":
            return unquote(call.body.decode()).partition("RoleArn=arn:aws:iam::")[2][:12], ""
        if call.service in {"sts", "organizations"}:
            return EVERYWHERE
        return call.account, call.region

    def _date(self) -> str:
        return format_datetime(datetime.fromtimestamp(self.clock(), UTC), usegmt=True)


def _meet(one: Place, other: Place) -> bool:
    return all(not a or not b or a == b for a, b in zip(one, other, strict=True))


class World:
    """One sandbox with an estate, and the runs over it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.told = Told()
        loop, began = asyncio.get_running_loop(), time.time()
        clock = lambda: began + loop.time()  # noqa: E731 - one thought
        chance = self.random.random
        self.unique = chance() < 0.5
        hypotheses = Hypotheses(unique_names=self.unique, tag_lag_s=60.0 if chance() < 0.2 else 0.0)
        denied = frozenset({"tag:GetResources"}) if chance() < 0.2 else frozenset[str]()
        service = Dispatcher(
            SandboxSettings(rate=Rate(1e6, 1e6), seed=seed, hypotheses=hypotheses, denied_actions=denied, clock=clock)
        )
        service.store.open()
        self.wire = Wire(service, clock)
        self.by_organization = chance() < 0.2
        if self.by_organization:
            members = [{"id": account, "name": f"a{account}"} for account in ACCOUNTS]
            service.organization = Organization(members, management_account=ACCOUNTS[0], seed=seed)
        self.accounts = ACCOUNTS if self.by_organization else ACCOUNTS[: self.random.randrange(1, 4)]
        self.regions = REGIONS[: self.random.randrange(1, 3)]
        self.command = self.random.choice((bulkprof.apply, bulkprof.sync))
        settings = Settings.model_validate(
            {
                "estate": "fuzz",
                "organization": {"role": "Onboarding"},
                "run": {"attempts": 3, "settle_s": 1.0},
                "prune": {"percent": 100, "account_percent": 100},
                # Where names are unique, an old profile can't stay beside its successor.
                "replace": {"grace_days": 0 if self.unique else self.random.choice((0, 7))},
            }
        )
        self.config = Config(settings=settings)
        self.rows: dict[str, dict[str, Any]] = {}

    def write_rows(self, share: float) -> Path:
        """A manifest of what is wanted; each row is another one, or there at all, by chance."""
        accounts = ["org:*"] if self.by_organization else list(self.accounts)
        self.rows = {
            f"row-{number}": {
                "name": f"row-{number}",
                "model": self.random.choice(MODELS),
                "account": accounts,
                "region": list(self.regions),
                "tags": {"Team": self.random.choice(("a", "b")), "Row": str(number)},
            }
            for number in range(5)
            if number == 0 or self.random.random() < share
        }
        path = self.folder / "rows.json"
        path.write_text(json.dumps(list(self.rows.values())))
        return path

    async def run(self, manifest: Path) -> RunSummary:
        _WIRE[0] = self.wire
        self.wire.calls = 0
        (self.folder / "results.jsonl").unlink(missing_ok=True)
        options = Options(
            config=self.config,
            state_dir=self.folder / "state",
            results=self.folder / "results.jsonl",
            prune=self.command is bulkprof.sync,
            replace=True,
        )
        return await self.command([str(manifest)], options, self.told)

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "results.jsonl").read_text("utf-8").splitlines()]

    def draw_trouble(self) -> list[Trouble]:
        found = []
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            one = (self.random.choice(self.accounts), self.random.choice((*self.regions, "")))
            place = self.random.choice((EVERYWHERE, one))
            operation = "" if self.random.random() < 0.1 else self.random.choice(OPERATIONS)
            times = self.random.choice((1, 1, 2, 5, 1_000_000))
            found.append(Trouble(draw(self.random), operation, place, times, self.random.choice((0, 0, 1, 3))))
        return found


OPERATIONS = (
    *["CreateInferenceProfile"] * 5, *["ListInferenceProfiles"] * 3, *["ListTagsForResource"] * 2,
    *["DeleteInferenceProfile"] * 2, *["TagResource"] * 2, "UntagResource", "GetInferenceProfile", "GetResources",
    "ListFoundationModels", "GetServiceQuota", "AssumeRole", "AssumeRole", "GetCallerIdentity", "ListAccounts",
)  # fmt: skip


async def live(folder: Path, seed: int) -> Counter[str]:
    """One world: mostly a sound run, then one over spoiled answers, then one that has to mend it all."""
    world = World(folder, seed)
    if world.random.random() < 0.7:
        before = await world.run(world.write_rows(0.7))
        assert before.exit_code == 0, (before.outcomes, world.told.lines)
    there = {profile.arn for profile in control.ledger(world.wire.service).profiles}
    manifest = world.write_rows(0.7)
    troubles = world.wire.troubles = world.draw_trouble()
    counted: Counter[str] = Counter()
    told = True
    try:
        summary = await world.run(manifest)
    except StateError:
        raise
    except BulkprofError as error:
        # There was no one to ask, or the caller is unknown.
        told = False
        str(error).encode()
        targets = {(account, region) for account in world.accounts for region in world.regions}
        unhit = [target for target in targets if not any(_meet(hit, target) for hit in world.wire.hit)]
        if unhit:
            raise AssertionError(f"nothing was done in {unhit}") from error
        counted["nothing was done"] += 1
    lied = any(each.spoiler.lies for each in troubles)
    if told:
        results = world.results()
        adds_up(summary, results)
        counted.update(line["outcome"] for line in results)
        if not lied:
            _true(world, results)
        _others_untouched(world, results)
    counted["spoiled answers"] += len(world.wire.log)
    world.wire.troubles = []
    world.wire.hit.clear()
    if not lied:
        made = Counter(
            (profile.account, profile.region, profile.name)
            for profile in control.ledger(world.wire.service).profiles
            if profile.arn not in there
        )
        assert not (twice := [key for key, count in made.items() if count > 1]), twice
    after = await world.run(manifest)
    adds_up(after, world.results())
    if not lied:
        assert after.exit_code == 0, (after.outcomes, world.results(), world.told.lines)
        _once(world)
    counted["runs"] += 1
    return counted


def _true(world: World, results: list[dict[str, Any]]) -> None:
    """What the results say exists exists, and what they say is gone is gone."""
    profiles = {profile.arn: profile for profile in control.ledger(world.wire.service).profiles}
    for line in results:
        if line["outcome"] not in IN_ORDER:
            continue
        found = profiles.get(line["arn"])
        assert found is not None, f"there is no {line}"
        assert (found.account, found.region, found.name) == (line["account"], line["region"], line["name"]), line
        assert (found.deleted_at is not None) == (line["outcome"] == "deleted"), line


def _others_untouched(world: World, results: list[dict[str, Any]]) -> None:
    for line in results:
        place = (line["account"], line["region"])
        if not any(_meet(hit, place) for hit in world.wire.hit):
            assert line["outcome"] in IN_ORDER, (line, world.wire.hit)


def _once(world: World) -> None:
    """Whatever is wanted is there, once."""
    wanted = {(account, region, name) for account in world.accounts for region in world.regions for name in world.rows}
    counted = _living(world)
    assert {key: counted[key] for key in wanted} == dict.fromkeys(wanted, 1)


def _living(world: World) -> Counter[tuple[str, str, str]]:
    """How many profiles of each name there are; one that was replaced stays beside its successor, and says so."""
    replaced = world.config.settings.replace.tag
    live = control.ledger(world.wire.service).live
    return Counter((profile.account, profile.region, profile.name) for profile in live if replaced not in profile.tags)


_WIRE: list[Wire] = []


@contextmanager
def in_process() -> Iterator[None]:
    """Let bulkprof talk to the wire of the world at hand, wait by the event loop's clock, and load the SDK once."""
    environment = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIACANARY",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "AWS_REGION": REGIONS[0],
    }
    loaded: list[sdk.Sdk] = []
    load = sdk.Sdk

    def load_once(*arguments: Any, **more: Any) -> sdk.Sdk:
        if not loaded:
            loaded.append(load(*arguments, **more))
        return loaded[0]

    async def exchange(connection: Connection, *arguments: Any, **more: Any) -> Response:
        return await _WIRE[0].exchange(connection, *arguments, **more)

    async def at_once(work: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        await asyncio.sleep(0)
        return work(*arguments, **more)

    def clock() -> float:
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return real()

    real = time.monotonic
    _WIRE[:] = [None]  # type: ignore[list-item]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connecting, "AwsSessions", partial(AwsSessions, environment=environment))
        patch.setattr(sdk, "Sdk", load_once)
        patch.setattr(Connection, "exchange", exchange)
        patch.setattr(asyncio, "to_thread", at_once)
        patch.setattr(time, "monotonic", clock)
        patch.setattr(targets, "Traffic", partial(lane.Traffic, clock=clock))
        # Otherwise no run would ask for a quota.
        patch.setattr(quota, "DEFAULT_QUOTA", 3)
        yield


def fuzz(numbers: Mapping[int, int] | range, seed: int, *, tell: Callable[[str], None]) -> Counter[str]:
    """Live through the worlds of these numbers. Raises where one of them breaks a promise."""

    async def main() -> Counter[str]:
        total: Counter[str] = Counter()
        for number in numbers:
            folder = Path(tempfile.mkdtemp(prefix="bulkprof-fuzz-"))
            world_seed = seed * 1_000_003 + number
            try:
                total += await live(folder, world_seed)
            except BaseException as error:
                wire = _WIRE[0]
                error.add_note(f"seed {seed}, run {number} (`--seed {seed} --only {number}`): {wire and wire.log[:20]}")
                raise
            finally:
                shutil.rmtree(folder)
            if number % 100 == 99:
                tell(f"{number + 1:6} runs, seed {seed}: {dict(sorted(total.items()))}")
        return total

    with in_process():
        return run_virtually(main)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="this run alone")
    given = parser.parse_args()
    began = time.perf_counter()
    which = range(given.runs) if given.only is None else range(given.only, given.only + 1)
    counts = fuzz(which, given.seed, tell=lambda line: print(line, flush=True))
    took = time.perf_counter() - began
    print(f"{len(which)} runs in {took:.0f} s, seed {given.seed}: {dict(sorted(counts.items()))}")
