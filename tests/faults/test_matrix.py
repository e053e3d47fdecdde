"""Faults crossed with hypotheses: whatever goes wrong, and however AWS turns out to be, each row is made exactly once.

Each hypothesis is a world: a sandbox of its own with one account for each fault that a test needs, and a run over all
of them. Then the sandbox's ledger is asked, account by account, what really happened.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bulkprof.sandbox import Fault, Hypotheses, Ledger, Rate
from bulkprof.totals import RunSummary
from tests.faults.scenarios import chosen_parameters, scenario
from tests.faults.world import (
    SEED,
    World,
    adds_up,
    check_run_files,
    exactly_once,
    ours,
    outcomes,
    side_by_side,
)

ROWS = 5
CREATE = "CreateInferenceProfile"
LAG_S = 0.25
SETTLE_S = 1.6
TIMEOUT_S = 2.0
LATE_S = 2.1
"""After the client gave up, and early enough to be listed when the lag has been waited out."""

HYPOTHESES = {
    "friendly": Hypotheses(),
    "tokens for a moment": Hypotheses(token_memory_s=0.3, token_mismatch="refuse"),
    "no tokens, list lag": Hypotheses(token_memory_s=0, list_lag_s=LAG_S),
    "names not unique": Hypotheses(unique_names=False),
    "names not unique, mismatch refused, list lag": Hypotheses(
        unique_names=False, token_mismatch="refuse", list_lag_s=LAG_S
    ),
    "names not unique, tokens for a moment": Hypotheses(unique_names=False, token_memory_s=0.3),
    "nothing to rely on": Hypotheses(unique_names=False, token_memory_s=0, list_lag_s=LAG_S),
    "get lag": Hypotheses(get_lag_s=LAG_S),
    "transient conflicts": Hypotheses(transient_conflicts=0.5),
    "tag lag, throttled calls cost": Hypotheses(tag_lag_s=60, throttled_calls_cost=True),
    "everything at once": Hypotheses(
        unique_names=False,
        token_memory_s=0,
        list_lag_s=LAG_S,
        get_lag_s=LAG_S,
        tag_lag_s=60,
        throttled_calls_cost=True,
        transient_conflicts=0.5,
    ),
}

FAULTS: dict[str, list[dict[str, Any]]] = {
    "cut before": [{"kind": "cut_before", "nth": 1}, {"kind": "cut_before", "share": 0.3, "times": 5}],
    "cut after": [{"kind": "cut_after", "nth": 1}, {"kind": "cut_after", "share": 0.3, "times": 5}],
    "late": [
        {"kind": "delay_before", "nth": 1, "delay_s": LATE_S},
        {"kind": "delay_after", "nth": 2, "delay_s": LATE_S},
        {"kind": "delay_before", "nth": 4, "delay_s": LATE_S},
    ],
    "201 without members": [{"kind": "truncate_empty", "nth": 1}, {"kind": "truncate_empty", "share": 0.3, "times": 5}],
    "201 cut in half": [{"kind": "truncate_half", "nth": 1}, {"kind": "truncate_half", "share": 0.3, "times": 5}],
    "201 shorter than told": [
        {"kind": "truncate_short", "nth": 1},
        {"kind": "truncate_short", "share": 0.3, "times": 5},
    ],
    "500 before": [{"kind": "error_before", "nth": 1}, {"kind": "error_before", "share": 0.3, "times": 5}],
    "500 after": [{"kind": "error_after", "nth": 1}, {"kind": "error_after", "share": 0.3, "times": 5}],
    "503": [{"kind": "unavailable", "nth": 1}, {"kind": "unavailable", "share": 0.3, "times": 5}],
    "429": [{"kind": "throttle", "nth": 2}, {"kind": "throttle", "nth": 5}],
    "expired": [{"kind": "expired_token", "nth": 2}, {"kind": "expired_token", "share": 0.2, "times": 5}],
    "conflicts": [{"kind": "conflict", "nth": 1}, {"kind": "conflict", "share": 0.3, "times": 5}],
    "one after the other": [
        {"kind": kind, "nth": nth}
        for nth, kind in enumerate(
            ("cut_after", "conflict", "error_after", "throttle", "truncate_empty", "cut_before"), 1
        )
    ],
    "the same row again and again": [
        {"kind": kind, "nth": nth, "name": "row-0"}
        for nth, kind in enumerate(("cut_before", "throttle", "cut_after", "unavailable", "conflict"), 1)
    ],
    "every operation": [
        {"kind": "truncate_half", "operation": None, "nth": 1},
        {"kind": "cut_before", "operation": None, "nth": 2},
        {"kind": "cut_after", "operation": None, "nth": 5},
        *(
            {"kind": kind, "operation": None, "share": 0.1, "times": 5}
            for kind in ("cut_before", "cut_after", "truncate_half", "error_before", "unavailable")
        ),
    ],
    "a slow account": [],
}
ACCOUNTS = {fault: f"{number:012d}" for number, fault in enumerate(FAULTS, start=111)}


@dataclass
class Ran:
    """How the runs of a world ended, and what its ledger held after each."""

    faults: Collection[str]
    first: RunSummary
    results: list[dict[str, Any]]
    ledger: Ledger
    second: RunSummary
    second_results: list[dict[str, Any]]
    ledger_after: Ledger
    told: list[str]


def wanted(fault: str) -> set[tuple[str, str]]:
    return {(ACCOUNTS[fault], f"row-{number}") for number in range(ROWS)}


async def live(world: World, faults: Collection[str]) -> Ran:
    """Apply under faults, and again at once without."""
    world.sandbox.set_faults(
        Fault(**{"operation": CREATE, "account": ACCOUNTS[name], **fault}) for name in faults for fault in FAULTS[name]
    )
    world.sandbox.set_rate(Rate(2, 1), operation=CREATE, account=ACCOUNTS["a slow account"])
    manifest = world.manifest(
        {"name": name, "account": account, "tags": {"fault": fault.replace(" ", "-")}}
        for fault in faults
        for account, name in sorted(wanted(fault))
    )
    first = await world.apply(manifest)
    results, ledger = world.results(), world.sandbox.ledger()
    world.sandbox.set_faults([])
    second = await world.apply(manifest)
    return Ran(faults, first, results, ledger, second, world.results(), world.sandbox.ledger(), world.told.lines)


async def live_all(folder: Path, needed: Mapping[str, Collection[str]]) -> dict[str, Ran]:
    ran: dict[str, Ran] = {}
    run = {"settle_s": SETTLE_S, "timeout_s": TIMEOUT_S}

    async def one(number: int, name: str, faults: Collection[str]) -> None:
        with World(folder / str(number), {"run": run}, HYPOTHESES[name]) as world:
            ran[name] = await live(world, faults)
            check_run_files(world.state)

    async with asyncio.TaskGroup() as group:
        for number, (name, faults) in enumerate(needed.items()):
            group.create_task(one(number, name, faults))
    return ran


@pytest.fixture(scope="module")
def worlds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ran]]:
    """The worlds of all hypotheses that are tested, side by side, each with the faults that are tested in it."""
    needed: dict[str, set[str]] = defaultdict(set)
    for given in chosen_parameters(request):
        needed[given["hypothesis"]] |= {given["fault"]} if "fault" in given else FAULTS.keys()
    in_order = {name: [fault for fault in FAULTS if fault in faults] for name, faults in needed.items()}
    with side_by_side():
        yield asyncio.run(live_all(tmp_path_factory.mktemp("worlds"), in_order))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("hypothesis", HYPOTHESES)
def test_each_row_is_created_exactly_once(worlds: dict[str, Ran], hypothesis: str, fault: str) -> None:
    ran = worlds[hypothesis]
    lines = [line for line in ran.results if line["account"] == ACCOUNTS[fault]]
    assert [(line["outcome"], line["error_code"]) for line in lines] == [("created", "")] * ROWS
    exactly_once(ran.ledger, wanted(fault), lines)
    for profile in ran.ledger.profiles:
        if profile.account == ACCOUNTS[fault]:
            assert ours(profile)
            assert profile.tags["fault"] == fault.replace(" ", "-")
    exactly_once(ran.ledger_after, wanted(fault), ran.second_results)


@pytest.mark.parametrize("hypothesis", HYPOTHESES)
def test_everything_adds_up(worlds: dict[str, Ran], hypothesis: str) -> None:
    ran = worlds[hypothesis]
    total = ROWS * len(ran.faults)
    adds_up(ran.first, ran.results)
    adds_up(ran.second, ran.second_results)
    assert (ran.first.exit_code, outcomes(ran.first)) == (0, {"created": total}), ran.told
    assert (ran.second.exit_code, outcomes(ran.second)) == (0, {"unchanged": total}), ran.told
    assert not ran.ledger_after.duplicates()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("hypothesis", HYPOTHESES)
def test_the_fault_strikes(worlds: dict[str, Ran], hypothesis: str, fault: str) -> None:
    """A matrix whose faults don't strike would prove nothing."""
    ran = worlds[hypothesis]
    if fault == "a slow account":
        assert ran.ledger.count(CREATE, "throttled", account=ACCOUNTS[fault])
    elif fault == "late":
        # Delays are not in the books: a late answer is an answer.
        assert max(line["attempts"] for line in ran.results if line["account"] == ACCOUNTS[fault]) > 1
    else:
        operation = None if fault == "every operation" else CREATE
        calls = ran.ledger.count(operation, account=ACCOUNTS[fault])
        assert calls > ran.ledger.count(operation, "ok", account=ACCOUNTS[fault]), f"seed {SEED}"


UNDECIDED = {
    "nobody can tell, nothing was made": ([{"kind": "cut_before", "operation": CREATE}], 0),
    "nobody can tell, all were made": (
        [{"kind": "cut_after", "operation": CREATE}, *({"kind": "access_denied", "nth": nth} for nth in range(3, 30))],
        ROWS,
    ),
    "made, and then nobody answers": (
        [{"kind": "error_after", "operation": CREATE}, *({"kind": "cut_before", "nth": nth} for nth in range(3, 30))],
        ROWS,
    ),
}


@scenario
@pytest.mark.parametrize("what", UNDECIDED)
@pytest.mark.parametrize("hypothesis", ["friendly", "nothing to rely on"])
async def test_what_cannot_be_decided_is_unknown_until_the_next_run(folder: Path, hypothesis: str, what: str) -> None:
    faults, made = UNDECIDED[what]
    run = {"settle_s": 0.5, "attempts": 2}
    with World(folder, {"run": run}, HYPOTHESES[hypothesis]) as world:
        # The first two lists are the models' and the plan's; the third is the one after the lost answer.
        world.sandbox.set_faults(Fault(**{"operation": "ListInferenceProfiles", **fault}) for fault in faults)
        manifest = world.manifest({"name": f"row-{number}"} for number in range(ROWS))
        first = await world.apply(manifest)
        adds_up(first, world.results())
        assert (first.exit_code, outcomes(first)) == (3, {"unknown": ROWS})
        assert len(world.sandbox.ledger().profiles) == made
        world.sandbox.set_faults([])
        second = await world.apply(manifest)
        adds_up(second, world.results())
        assert (second.exit_code, outcomes(second)) == (0, {"unchanged" if made else "created": ROWS})
        account = world.sandbox.settings.default_account
        exactly_once(world.sandbox.ledger(), {(account, f"row-{number}") for number in range(ROWS)}, world.results())
