"""Assumed-role sessions that run out in the middle of a run, and roles that can't be assumed at all."""

from __future__ import annotations

import itertools
import math
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.errors import RunInterruptedError
from bulkprof.sandbox import Fault, Rate
from bulkprof.stop import Stop
from tests.faults.scenarios import scenario
from tests.faults.world import World, adds_up, exactly_once, outcomes, under_way, until

CREATE = "CreateInferenceProfile"
CALLER = "123456789012"
ACCOUNTS = tuple(f"{number:012d}" for number in range(801, 811))
REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1", "ap-south-1",
           "ap-northeast-1", "ap-southeast-2")  # fmt: skip
LIFETIME_S = 1000.0
STS_FAULTS = {
    "GetCallerIdentity": ("truncate_half", "cut_after"),
    "AssumeRole": ("cut_before", "truncate_half", "error_before", "cut_after"),
}


class Clock:
    """The sandbox's wall clock. It jumps past a session's life when enough calls have looked at it."""

    def __init__(self, *, every: int = 0) -> None:
        self._every = every
        self.now = time.time()
        self._looks = itertools.count(1)
        self._lock = threading.Lock()
        self.jumps = 0

    def __call__(self) -> float:
        with self._lock:
            if self._every and next(self._looks) % self._every == 0:
                self.now += LIFETIME_S + 1
                self.jumps += 1
            return self.now


def assumed(world: World, account: str | None = None) -> int:
    """How many roles were assumed. STS counts them for the caller's account, so for one account it takes a world."""
    return world.sandbox.ledger().count("AssumeRole", "ok", account=account)


@scenario
async def test_when_a_hundred_lanes_notice_at_once_each_role_is_assumed_once_more(folder: Path) -> None:
    """Ten accounts in ten Regions each, all at work when every session runs out, and again, and again."""
    clock = Clock()
    settings = {"session_lifetime_s": LIFETIME_S, "clock": clock, "latency_s": 0.02}
    with World(folder, {"run": {"max_targets_in_flight": 100, "settle_s": 0}}, sandbox_settings=settings) as world:
        manifest = world.manifest({"name": "row", "account": account, "region": list(REGIONS)} for account in ACCOUNTS)
        planned = 0

        class Expiring(type(world.told)):  # type: ignore[misc]
            """Lets all sessions run out between the plan and its execution."""

            async def confirm(self, _run: Any) -> bool:
                nonlocal planned
                planned = assumed(world)
                clock.now += LIFETIME_S + 1
                return True

        world.told = Expiring()
        summary = await world.apply(manifest)
        adds_up(summary, world.results())
        assert (summary.exit_code, outcomes(summary)) == (0, {"created": 100})
        ledger = world.sandbox.ledger()
        assert len(ledger.profiles) == 100
        assert not ledger.duplicates()
        # Each account's role is assumed once, and once more when its ten lanes find out that the session has run out.
        assert (planned, assumed(world)) == (len(ACCOUNTS), 2 * len(ACCOUNTS))
        assert ledger.count(result="ExpiredTokenException") > len(ACCOUNTS)


@scenario
async def test_sessions_that_run_out_again_and_again_are_renewed_once_each(folder: Path) -> None:
    """One account, so that every renewal can be told: one per expiry, with 30 creations under way at each."""
    clock = Clock(every=90)
    settings = {"session_lifetime_s": LIFETIME_S, "clock": clock, "latency_s": 0.02}
    wanted = {(ACCOUNTS[0], f"row-{number}") for number in range(120)}
    with World(folder, {"run": {"settle_s": 0}}, sandbox_settings=settings) as world:
        summary = await world.apply(world.manifest({"name": name, "account": account} for account, name in wanted))
        assert (summary.exit_code, outcomes(summary)) == (0, {"created": len(wanted)})
        exactly_once(world.sandbox.ledger(), wanted, world.results())
        assert clock.jumps >= 3
        assert 3 <= assumed(world) <= clock.jumps + 1


@scenario
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "not announced"])
async def test_short_sessions_are_renewed_ahead(folder: Path, announced: bool) -> None:
    """A session that says how short it is never runs out in use; one that doesn't is renewed when it is refused."""
    # A third of a life is left when it is renewed: enough for a machine that is busy with other tests, too.
    lifetime_s = 3.6
    settings = {"session_lifetime_s": lifetime_s, "announce_lifetime": announced, "rate": Rate(4, 4)}
    wanted = {(account, f"row-{number}") for account in ACCOUNTS[:3] for number in range(20)}
    with World(folder, sandbox_settings=settings) as world:
        summary = await world.apply(world.manifest({"name": name, "account": account} for account, name in wanted))
        assert (summary.exit_code, outcomes(summary)) == (0, {"created": len(wanted)})
        exactly_once(world.sandbox.ledger(), wanted, world.results())
        expired = world.sandbox.ledger().count(result="ExpiredTokenException")
        assert (expired < assumed(world) / 2) == announced
        # Renewals are made at two thirds of an announced life, or at its end.
        life = lifetime_s * 2 / 3 if announced else lifetime_s
        assert 2 * 3 <= assumed(world) <= 3 * (math.ceil(summary.elapsed_s / life) + 2)


@scenario
async def test_a_role_that_cannot_be_assumed_costs_its_account_only(folder: Path) -> None:
    with World(folder, sandbox_settings={"denied_accounts": frozenset(ACCOUNTS[:1])}) as world:
        wanted = {(account, f"row-{number}") for account in (*ACCOUNTS[:3], CALLER) for number in range(4)}
        summary = await world.apply(world.manifest({"name": name, "account": account} for account, name in wanted))
        adds_up(summary, world.results())
        assert (summary.exit_code, outcomes(summary)) == (3, {"created": 12, "failed": 4})
        for line in world.results():
            if line["account"] == ACCOUNTS[0]:
                assert (line["outcome"], line["error_code"]) == ("failed", "AccessDenied")
                assert f"{ACCOUNTS[0]}:role/Onboarding" in line["error_message"]
            else:
                assert line["outcome"] == "created"
        exactly_once(world.sandbox.ledger(), {key for key in wanted if key[0] != ACCOUNTS[0]})
        world.sandbox.set_denied(accounts=[])
        summary = await world.apply(str(folder / "rows.jsonl"))
        assert (summary.exit_code, outcomes(summary)) == (0, {"created": 4, "unchanged": 12})
        exactly_once(world.sandbox.ledger(), wanted, world.results())


@scenario
@pytest.mark.parametrize("when", ["the plan", "a creation", "a renewal of a role"])
async def test_the_run_stops_when_the_callers_own_session_runs_out(folder: Path, when: str) -> None:
    """Nothing fails of it: the run stops where it is, and goes on when the user has signed in again."""
    clock = Clock()
    settings = {"session_lifetime_s": LIFETIME_S, "clock": clock, "latency_s": 0.01}
    wanted = {(account, f"row-{number}") for account in (*ACCOUNTS[:2], CALLER) for number in range(40)}
    ran_out = {
        "the plan": Fault("expired_token", "ListInferenceProfiles", account=CALLER),
        "a creation": Fault("expired_token", CREATE, account=CALLER, nth=20),
        "a renewal of a role": Fault("expired_token", "AssumeRole"),
    }[when]
    with World(folder, {"run": {"settle_s": 0}}, sandbox_settings=settings) as world:

        class RunningOut(type(world.told)):  # type: ignore[misc]
            """Lets the roles' sessions run out after the plan, so that they are renewed with the caller's own."""

            async def confirm(self, _run: Any) -> bool:
                clock.now += LIFETIME_S + 1
                world.sandbox.set_faults([ran_out])
                return True

        world.told = RunningOut()
        if when == "the plan":
            world.sandbox.set_faults([ran_out])
        manifest = world.manifest({"name": name, "account": account} for account, name in wanted)
        if when == "the plan":
            with pytest.raises(RunInterruptedError, match="your own AWS session has run out") as stopped:
                await world.apply(manifest)
            assert stopped.value.code == 1
            assert not world.sandbox.ledger().profiles
        else:
            summary = await world.apply(manifest)
            adds_up(summary, world.results())
            assert summary.exit_code == 1
            assert "your own AWS session has run out; sign in again" in summary.stopped
            assert set(outcomes(summary)) <= {"created", "skipped"}
            assert outcomes(summary)["skipped"] > 0
        world.sandbox.set_faults([])
        (run_id,) = world.unfinished()
        summary = await world.run(bulkprof.resume, run_id)
        adds_up(summary, world.results())
        assert (summary.exit_code, outcomes(summary)) == (0, {"created": len(wanted)})
        exactly_once(world.sandbox.ledger(), wanted, world.results())


@scenario
async def test_a_stop_enters_no_more_accounts(folder: Path) -> None:
    width = 2
    with World(folder, {"run": {"max_targets_in_flight": width}}, sandbox_settings={"latency_s": 0.02}) as world:
        stop = Stop()
        manifest = world.manifest({"name": "row", "account": account} for account in ACCOUNTS)
        async with under_way(world.apply(manifest, stop=stop)) as task:
            await until(lambda: world.sandbox.ledger().count("ListFoundationModels"))
            entered = assumed(world)
            stop.request()
            with pytest.raises(RunInterruptedError):
                await task
        assert assumed(world) <= entered + width < len(ACCOUNTS)


@scenario
async def test_calls_of_sts_that_are_cut_off_are_sent_again(folder: Path) -> None:
    """The very first calls of a run are calls like any other."""
    with World(folder, {"run": {"settle_s": 0}}) as world:
        world.sandbox.set_faults(
            Fault(kind, operation, nth=nth)
            for operation, kinds in STS_FAULTS.items()
            for nth, kind in enumerate(kinds, 1)
        )
        wanted = {(account, "row") for account in (*ACCOUNTS[:2], CALLER)}
        summary = await world.apply(world.manifest({"name": name, "account": account} for account, name in wanted))
        assert (summary.exit_code, outcomes(summary)) == (0, {"created": 3})
        exactly_once(world.sandbox.ledger(), wanted, world.results())
