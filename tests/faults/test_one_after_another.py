"""A run right after another, or after other people's changes, while AWS's lists still show how things were."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.errors import UsageError
from bulkprof.sandbox import Fault, Hypotheses, LedgerProfile
from bulkprof.stop import Stop
from bulkprof.store.run import RunFile
from bulkprof.system import clocks
from tests.faults.scenarios import scenario, timed_scenario
from tests.faults.world import World, adds_up, exactly_once, outcomes, under_way, until

CREATE, DELETE = "CreateInferenceProfile", "DeleteInferenceProfile"
ACCOUNT = "123456789012"
LAG_S = 0.8
AGAINST_US = Hypotheses(unique_names=False, token_memory_s=0, list_lag_s=LAG_S)
"""Only waiting helps here."""
LAGGING = Hypotheses(unique_names=False, token_memory_s=0, list_lag_s=1.8)
"""So much that a run has to start very slowly to miss it."""


def world_of(folder: Path, hypotheses: Hypotheses, **run: Any) -> World:
    return World(folder, {"run": {"settle_s": 1.0} | run, "prune": {"count": 100}}, hypotheses)


def live(world: World) -> list[LedgerProfile]:
    return list(world.sandbox.ledger().live)


ROWS = [{"name": f"row-{number}"} for number in range(3)]
WANTED = {(ACCOUNT, row["name"]) for row in ROWS}


async def again(world: World, how: str, manifest: str) -> None:
    summary = await (world.apply(manifest) if how == "apply" else world.run(bulkprof.resume, None))
    adds_up(summary, world.results())
    assert summary.exit_code == 0
    exactly_once(world.sandbox.ledger(), WANTED, world.results())


@timed_scenario
@pytest.mark.parametrize("how", ["apply", "resume"])
async def test_the_run_after_one_stopped_in_doubt_makes_nothing_twice(folder: Path, how: str) -> None:
    with world_of(folder, LAGGING, settle_s=2.0) as world:
        manifest = world.manifest(ROWS)
        world.sandbox.set_faults([Fault("cut_after", CREATE)])
        stop = Stop()
        async with under_way(world.apply(manifest, stop=stop)) as task:
            await until(lambda: len(live(world)) == len(ROWS))
            stop.request()
            summary = await task
        assert (summary.exit_code, outcomes(summary)) == (130, {"skipped": len(ROWS)})
        world.sandbox.set_faults([])
        await again(world, how, manifest)


@timed_scenario
@pytest.mark.parametrize("how", ["apply", "resume"])
async def test_the_run_after_one_killed_long_after_its_last_sign_makes_nothing_twice(folder: Path, how: str) -> None:
    with world_of(folder, LAGGING, settle_s=2.0) as world:
        manifest = world.manifest(ROWS)
        world.sandbox.set_faults([Fault("delay_before", CREATE, delay_s=0.9)])
        async with under_way(world.apply(manifest)):
            await until(lambda: len(live(world)) == len(ROWS))
        (path,) = map(world.state.run_path, world.state.run_ids())
        # The last sign of life was just before they were sent.
        with RunFile.open(path) as run:
            boot, seconds = clocks.moment() or pytest.skip("this system has no clock that nobody can set")
            run.note(alive=[boot, seconds - (time.time() - live(world)[0].created_at + 0.95)])
        world.sandbox.set_faults([])
        await again(world, how, manifest)


@scenario
@pytest.mark.parametrize("how", ["in one run", "killed and resumed"])
async def test_where_lists_lag_too_long_the_token_finds_what_was_made(folder: Path, how: str) -> None:
    """Then only the token knows."""
    with world_of(folder, Hypotheses(unique_names=False, list_lag_s=60), settle_s=0.1) as world:
        world.sandbox.set_faults([Fault("cut_after", CREATE, times=len(ROWS))])
        manifest = world.manifest(ROWS)
        if how != "in one run":
            async with under_way(world.apply(manifest)):
                await until(lambda: len(live(world)) == len(ROWS))
            summary = await world.run(bulkprof.resume, None)
        else:
            summary = await world.apply(manifest)
        assert (summary.exit_code, outcomes(summary)) == (0, {"created": len(ROWS)})
        exactly_once(world.sandbox.ledger(), WANTED, world.results())


@scenario
async def test_where_lists_lag_for_ever_and_names_are_unique_nothing_is_made_twice(folder: Path) -> None:
    """Nobody can tell for now, and nothing is made twice."""
    hypotheses = Hypotheses(token_memory_s=0, list_lag_s=60)
    with world_of(folder, hypotheses, settle_s=0.1, attempts=2) as world:
        world.sandbox.set_faults([Fault("cut_after", CREATE, times=len(ROWS))])
        manifest = world.manifest(ROWS)
        summary = await world.apply(manifest)
        assert (summary.exit_code, outcomes(summary)) == (3, {"unknown": len(ROWS)})
        world.sandbox.set_hypotheses(Hypotheses(token_memory_s=0))
        await again(world, "apply", manifest)


@scenario
async def test_a_run_killed_before_its_file_was_whole_is_no_obstacle(folder: Path) -> None:
    with world_of(folder, AGAINST_US) as world:
        world.state.prepare()
        world.state.run_path("20260101T000000Z-abcdef").touch()
        with pytest.raises(UsageError, match="no interrupted run"):
            await world.run(bulkprof.resume, None)
        await again(world, "apply", world.manifest(ROWS))


@scenario
@pytest.mark.parametrize(
    "hypotheses",
    [
        pytest.param({"list_lag_s": LAG_S}, id="list lag"),
        pytest.param({"list_lag_s": LAG_S, "tag_lag_s": 60.0}, id="list lag and tag lag"),
        pytest.param({"tag_lag_s": 60.0}, id="tag lag"),
        pytest.param({"list_lag_s": LAG_S, "unique_names": False}, id="list lag, names not unique"),
        pytest.param(
            {"list_lag_s": LAG_S, "tag_lag_s": 60.0, "unique_names": False}, id="list lag and tag lag, names not unique"
        ),
    ],
)
async def test_what_was_just_deleted_is_made_again(folder: Path, hypotheses: dict[str, Any]) -> None:
    with world_of(folder, Hypotheses(**hypotheses)) as world:
        everything, less = world.manifest(ROWS), world.manifest(ROWS[1:], "less.jsonl")
        assert (await world.apply(everything)).exit_code == 0
        await asyncio.sleep(LAG_S)  # until lists show that they are there
        assert outcomes(await world.run(bulkprof.sync, (less,), prune=True)) == {"unchanged": 2, "deleted": 1}
        summary = await world.apply(everything)
        assert outcomes(summary) == {"unchanged": 2, "created": 1}
        assert sorted(profile.name for profile in live(world)) == [row["name"] for row in ROWS]


@scenario
@pytest.mark.parametrize("tag_lag_s", [0.0, 60.0], ids=["no tag lag", "tag lag"])
async def test_what_others_just_deleted_is_made_again(folder: Path, tag_lag_s: float) -> None:
    with world_of(folder, Hypotheses(list_lag_s=LAG_S, tag_lag_s=tag_lag_s), attempts=3) as world:
        manifest = world.manifest(ROWS)
        assert (await world.apply(manifest)).exit_code == 0
        await asyncio.sleep(LAG_S)
        await world.call(DELETE, live(world)[0].arn)
        changed = world.manifest([{**row, "tags": {"team": "a"}} for row in ROWS])
        summary = await world.apply(changed)
        assert outcomes(summary) == {"created": 1, "updated": 2}
        assert sorted(profile.name for profile in live(world)) == [row["name"] for row in ROWS]


@scenario
@pytest.mark.parametrize("list_lag_s", [0.0, 0.3], ids=["no list lag", "list lag"])
async def test_what_a_lost_run_just_made_is_not_made_again(folder: Path, list_lag_s: float) -> None:
    """Listed, but not to be found yet, and without tags to be seen."""
    with world_of(folder, Hypotheses(list_lag_s=list_lag_s, get_lag_s=LAG_S, tag_lag_s=60)) as world:
        manifest = world.manifest(ROWS)
        assert (await world.apply(manifest)).exit_code == 0
        for path in world.state.runs.iterdir():
            path.unlink()
        await again(world, "apply", manifest)


@scenario
async def test_what_was_just_made_is_pruned(folder: Path) -> None:
    with world_of(folder, Hypotheses(get_lag_s=LAG_S)) as world:
        assert (await world.apply(world.manifest(ROWS))).exit_code == 0
        summary = await world.run(bulkprof.sync, (world.manifest(ROWS[1:]),), prune=True)
        assert outcomes(summary) == {"unchanged": 2, "deleted": 1}
        assert [profile.name for profile in live(world)] == ["row-1", "row-2"]


@scenario
@pytest.mark.parametrize("unique", [True, False], ids=["names unique", "names not unique"])
async def test_a_replacement_cut_between_its_halves_is_completed(folder: Path, unique: bool) -> None:
    with world_of(folder, Hypotheses(unique_names=unique)) as world:
        rows = [{**row, "description": "old"} for row in ROWS]
        assert (await world.apply(world.manifest(rows))).exit_code == 0
        manifest = world.manifest([{**row, "description": "new"} for row in ROWS])
        before = len(world.sandbox.ledger().profiles)
        # Names that are unique make the old one go first, others the new one come first.
        world.sandbox.set_faults(
            [Fault("delay_before", CREATE if unique else DELETE, delay_s=0.5, nth=4 if unique else 1)]
        )
        async with under_way(world.apply(manifest, replace=True)):
            if unique:
                await until(lambda: any(profile.deleted_at for profile in world.sandbox.ledger().profiles))
            else:
                await until(lambda: len(world.sandbox.ledger().profiles) > before)
        world.sandbox.set_faults([])
        summary = await world.run(bulkprof.resume, None)
        adds_up(summary, world.results())
        assert summary.exit_code == 0
        assert not world.sandbox.ledger().duplicates()
        assert {(ACCOUNT, profile.name) for profile in live(world)} == WANTED
        assert outcomes(await world.apply(manifest)) == {"unchanged": len(ROWS)}


@scenario
async def test_tags_are_changed_back_before_the_index_knows(folder: Path) -> None:
    with world_of(folder, Hypotheses(tag_lag_s=0.6)) as world:
        first = world.manifest([{**row, "tags": {"team": "a"}} for row in ROWS], "first.jsonl")
        second = world.manifest([{**row, "tags": {"team": "b"}} for row in ROWS], "second.jsonl")
        assert outcomes(await world.apply(first)) == {"created": len(ROWS)}
        await asyncio.sleep(0.6)
        assert outcomes(await world.apply(second)) == {"updated": len(ROWS)}
        assert outcomes(await world.apply(first)) == {"updated": len(ROWS)}
        assert {profile.tags["team"] for profile in live(world)} == {"a"}


@scenario
@pytest.mark.parametrize("survives", [True, False], ids=["token survives", "token goes"])
async def test_what_a_killed_run_made_and_others_deleted_is_made_again(folder: Path, survives: bool) -> None:
    """The token of a resumed run would be answered with the dead profile's ARN."""
    with world_of(folder, Hypotheses(token_survives_delete=survives)) as world:
        manifest = world.manifest(ROWS)
        world.sandbox.set_faults([Fault("delay_after", CREATE, delay_s=5)])
        async with under_way(world.apply(manifest)):
            await until(lambda: len(live(world)) == len(ROWS))
        world.sandbox.set_faults([])
        await world.call(DELETE, live(world)[0].arn)
        summary = await world.run(bulkprof.resume, None)
        assert summary.exit_code == 0
        assert sorted(profile.name for profile in live(world)) == [row["name"] for row in ROWS]
