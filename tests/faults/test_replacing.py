"""Many replacements in one target, cut short in every way: how many names had no profile at any moment, and is it told.

The sandbox's ledger tells when each profile was made and deleted, so nothing that a run says of itself is believed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.engine.open_names import MOST_OPEN
from bulkprof.errors import ExitCode
from bulkprof.model import REPLACEMENT_OPEN
from bulkprof.sandbox import Fault, Hypotheses, Ledger
from bulkprof.stop import Stop
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary
from tests.faults.scenarios import scenario
from tests.faults.world import SEED, World, adds_up, outcomes, under_way, until

OLD, NEW = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"
REPLACED = [f"team-{number:02}" for number in range(16)]
KEPT = [f"kept-{number:02}" for number in range(8)]
FRESH = [f"new-{number}" for number in range(6)]
UNIQUE = {"names unique": True, "names not unique": False}
SETTINGS = {"run": {"settle_s": 0.0, "attempts": 2}}


def world(folder: Path, unique: str, **settings: Any) -> World:
    return World(folder, SETTINGS, Hypotheses(unique_names=UNIQUE[unique]), settings)


async def begin(world: World) -> None:
    """Onboard what is to be replaced later."""
    rows = [{"name": name, "model": OLD} for name in [*REPLACED, *KEPT]]
    summary = await world.apply(world.manifest(rows, "before.jsonl"))
    assert outcomes(summary) == {"created": len(rows)}


def wanted(world: World, *, fresh: Iterable[str] = FRESH) -> str:
    """The manifest that replaces the model of some, and wants some more."""
    rows = [{"name": name, "model": NEW} for name in [*fresh, *REPLACED]] + [{"name": n, "model": OLD} for n in KEPT]
    return world.manifest(rows, "after.jsonl")


async def apply(world: World, manifest: str, **flags: Any) -> RunSummary:
    summary = await world.apply(manifest, replace=True, **flags)
    adds_up(summary, world.results())
    check_told(world)
    return summary


def check_told(world: World) -> None:
    """Check that no line of the results has an ARN that is gone, and that what is missing is told as failed."""
    there = {profile.arn: profile.name for profile in world.sandbox.ledger().live}
    for line in world.results():
        if line["arn"] and line["outcome"] != "deleted":
            assert there.get(line["arn"]) == line["name"], line
    missing = set(REPLACED) - set(there.values())
    told = {line["name"] for line in world.results() if line["outcome"] == "failed" and not line["arn"]}
    assert missing <= told, (missing, told)
    for line in world.results():
        if line["name"] in missing:
            assert line["error_message"].startswith("the old profile is deleted"), line
            assert line["old_arn"], line


def most_missing(ledger: Ledger) -> int:
    """How many of the replaced names had no profile at the same moment, at most."""
    changes: list[tuple[float, int, int, str]] = []
    for number, profile in enumerate(ledger.profiles):
        if profile.name in REPLACED:
            changes.append((profile.created_at, 1, number, profile.name))
            if profile.deleted_at is not None:
                changes.append((profile.deleted_at, -1, number, profile.name))
    alive: Counter[str] = Counter()
    seen: set[str] = set()
    most = 0
    for _, step, _, name in sorted(changes):
        alive[name] += step
        seen.add(name)
        most = max(most, sum(1 for each in seen if not alive[each]))
    return most


def models(world: World) -> dict[str, set[str]]:
    """Each live name's models."""
    found: dict[str, set[str]] = {}
    for profile in world.sandbox.ledger().live:
        found.setdefault(profile.name, set()).add(profile.source.rpartition("/")[2])
    return found


async def ends_whole(world: World, *, fresh: Iterable[str] = FRESH) -> None:
    """Check that the next run brings all in order."""
    world.sandbox.set_faults([])
    manifest = wanted(world, fresh=fresh)
    summary = await apply(world, manifest)
    assert summary.exit_code == 0, world.results()
    assert not summary.lost
    now = models(world)
    assert all(now.get(name) == {NEW} for name in [*fresh, *REPLACED]), f"seed {SEED}: {now}"
    assert set(outcomes(await apply(world, manifest))) == {"unchanged"}


@scenario
@pytest.mark.parametrize("unique", UNIQUE)
async def test_a_full_quota_costs_no_name(folder: Path, unique: str) -> None:
    full = len(REPLACED) + len(KEPT)
    with world(folder, unique, quota=full) as it:
        await begin(it)
        summary = await apply(it, wanted(it))
        ledger = it.sandbox.ledger()
        assert most_missing(ledger) <= (MOST_OPEN if UNIQUE[unique] else 0)
        assert set(models(it)) == {*REPLACED, *KEPT}
        # Those that were made anew would have taken the places of those that are replaced.
        assert {profile.name for profile in ledger.profiles} == {*REPLACED, *KEPT}
        assert outcomes(summary).get("replaced", 0) == (len(REPLACED) if UNIQUE[unique] else 0)


@scenario
@pytest.mark.parametrize("unique", UNIQUE)
async def test_creations_that_are_refused_leave_few_names_open(folder: Path, unique: str) -> None:
    with world(folder, unique) as it:
        await begin(it)
        # A third of all creations, those that undo a replacement among them.
        it.sandbox.set_faults([Fault("access_denied", "CreateInferenceProfile", share=0.35)])
        for _ in range(3):
            await apply(it, wanted(it))
            assert most_missing(it.sandbox.ledger()) <= (MOST_OPEN if UNIQUE[unique] else 0)
        await ends_whole(it)


@scenario
@pytest.mark.parametrize("unique", ["names unique"])
async def test_a_new_profile_that_is_refused_is_undone(folder: Path, unique: str) -> None:
    with world(folder, unique) as it:
        await begin(it)
        name = REPLACED[0]
        # The first two find the name taken, the third is the new profile's, the fourth the old one's again.
        it.sandbox.set_faults([Fault("access_denied", "CreateInferenceProfile", name=name, nth=3)])
        summary = await apply(it, wanted(it))
        (line,) = (line for line in it.results() if line["name"] == name)
        assert (line["outcome"], line["error_code"]) == ("failed", "AccessDeniedException")
        assert "was made again as it was" in line["error_message"]
        assert line["arn"] in {profile.arn for profile in it.sandbox.ledger().live}
        assert (models(it)[name], summary.lost) == ({OLD}, ())
        assert outcomes(summary) == {
            "created": len(FRESH), "replaced": len(REPLACED) - 1, "failed": 1, "unchanged": len(KEPT),
        }  # fmt: skip
        await ends_whole(it)


@scenario
@pytest.mark.parametrize("unique", ["names unique"])
async def test_a_name_that_is_lost_comes_first_and_is_told_until_then(folder: Path, unique: str) -> None:
    with world(folder, unique) as it:
        await begin(it)
        name = REPLACED[3]
        it.sandbox.set_faults(
            Fault("access_denied", "CreateInferenceProfile", name=name, nth=nth) for nth in range(2, 9)
        )
        lost = await apply(it, wanted(it))
        assert [each.name for each in lost.lost] == [name]
        # Nothing new takes the place that it needs.
        skipped = {line["name"]: line["error_code"] for line in it.results() if line["outcome"] == "skipped"}
        assert skipped == dict.fromkeys(FRESH, REPLACEMENT_OPEN)
        # A run of other rows says so, too, and so does the next one.
        other = it.manifest([{"name": KEPT[0], "model": OLD}], "other.jsonl")
        for _ in range(2):
            summary = await apply_others(it, other)
            assert [(each.name, each.run_id) for each in summary.lost] == [(name, lost.run_id)]
            assert summary.as_json()["without_profile"][0]["name"] == name
        made = len(it.sandbox.ledger().profiles)
        await ends_whole(it)
        after = sorted(it.sandbox.ledger().profiles, key=lambda profile: profile.created_at)[made:]
        assert after[0].name == name


@scenario
@pytest.mark.parametrize("unique", ["names unique"])
async def test_names_that_other_rows_lost_count_too(folder: Path, unique: str) -> None:
    """A run without the rows of lost names opens no more than may be open, and makes nothing in their places."""
    with world(folder, unique) as it:
        await begin(it)
        gone = REPLACED[:2]
        await lose(it, gone)
        rows = [{"name": name, "model": NEW} for name in [*REPLACED[2:], *FRESH]]
        summary = await it.apply(it.manifest(rows, "others.jsonl"), replace=True)
        assert outcomes(summary) == {"skipped": len(rows)}
        assert {line["error_code"] for line in it.results()} == {REPLACEMENT_OPEN}
        assert most_missing(it.sandbox.ledger()) == MOST_OPEN
        assert [each.name for each in summary.lost] == gone
        await ends_whole(it)


@scenario
@pytest.mark.parametrize("unique", ["names unique"])
async def test_a_lost_name_that_is_no_longer_wanted_is_no_obstacle(folder: Path, unique: str) -> None:
    with world(
        folder,
        unique,
    ) as it:
        await begin(it)
        await lose(it, REPLACED[:1])
        rows = [{"name": name, "model": OLD} for name in [*REPLACED[1:], *KEPT, *FRESH]]
        summary = await it.run(bulkprof.sync, (it.manifest(rows, "less.jsonl"),), prune=True)
        assert (summary.exit_code, summary.lost) == (0, ())


@scenario
@pytest.mark.parametrize("unique", ["names unique"])
async def test_an_older_run_that_is_resumed_tells_the_next_one(folder: Path, unique: str) -> None:
    """What a resumed run loses or makes is known to the next one, though a newer run was there in between."""
    with world(folder, unique) as it:
        await begin(it)
        other = it.manifest([{"name": KEPT[0], "model": OLD}], "other.jsonl")
        it.sandbox.set_faults([Fault("delay_before", "CreateInferenceProfile", delay_s=0.02)])
        stop = Stop()
        asking = asyncio.ensure_future(request_after(it, stop, gone=2))
        await apply(it, wanted(it, fresh=()), stop=stop)
        await asking
        await apply_others(it, other)
        (resumable,) = it.unfinished()
        left = [line["name"] for line in it.results()]
        assert left == [KEPT[0]]
        lost = REPLACED[-1]
        it.sandbox.set_faults(Fault("access_denied", "CreateInferenceProfile", name=lost, nth=n) for n in range(2, 9))
        resumed = await it.run(bulkprof.resume, resumable)
        assert [each.name for each in resumed.lost] == [lost], it.results()
        assert [each.name for each in (await apply_others(it, other)).lost] == [lost]
        await ends_whole(it, fresh=())
        assert (await apply_others(it, other)).lost == ()


@scenario
@pytest.mark.parametrize("unique", ["names unique"])
async def test_an_old_profile_that_was_not_deleted_in_the_end_is_whole(folder: Path, unique: str) -> None:
    """The run dies once it has noted a deletion, before it is sent; the next ones don't have the row any more."""
    with world(folder, unique) as it:
        await begin(it)
        # So much that a busy machine has ended the test before it is deleted after all.
        it.sandbox.set_faults([Fault("delay_before", "DeleteInferenceProfile", delay_s=60.0)])
        async with under_way(it.apply(wanted(it), replace=True)):
            await until(lambda: any(run.lost() for run in newest(it)))
        it.sandbox.set_faults([])
        there = {profile.name for profile in it.sandbox.ledger().live}
        assert there >= set(REPLACED)
        summary = await apply_others(it, it.manifest([{"name": KEPT[0], "model": OLD}], "other.jsonl"))
        assert summary.lost == ()


async def lose(world: World, names: Sequence[str]) -> None:
    """Let a replacement leave these names without a profile."""
    tries = {True: 3, False: 2}  # The first replacement of a target asks twice whether the name is taken.
    world.sandbox.set_faults(
        Fault("access_denied", "CreateInferenceProfile", name=name, nth=nth)
        for number, name in enumerate(names)
        for nth in range(tries[number == 0], 9)
    )
    rows = [{"name": name, "model": NEW} for name in names]
    summary = await world.apply(world.manifest(rows, "lost.jsonl"), replace=True)
    assert {each.name for each in summary.lost} == set(names), world.results()
    world.sandbox.set_faults([])


async def request_after(world: World, stop: Stop, *, gone: int) -> None:
    await until(lambda: deleted(world) >= gone)
    stop.request(ExitCode.ROWS_FAILED, "the deadline is reached")


def newest(world: World) -> Iterator[RunFile]:
    """The newest run, open for a moment."""
    with RunFile.open(world.state.run_path(world.state.run_ids()[0])) as run:
        yield run


async def apply_others(world: World, manifest: str) -> RunSummary:
    summary = await world.apply(manifest)
    assert summary.exit_code == 0
    return summary


@scenario
@pytest.mark.parametrize("unique", UNIQUE)
async def test_a_stop_ends_what_was_begun(folder: Path, unique: str) -> None:
    with world(folder, unique) as it:
        await begin(it)
        it.sandbox.set_faults([Fault("delay_before", "CreateInferenceProfile", delay_s=0.02)])
        stop = Stop()
        gone = 4

        async def ask() -> None:
            await until(lambda: deleted(it) >= gone)
            stop.request(ExitCode.ROWS_FAILED, "the deadline is reached")

        asking = asyncio.ensure_future(ask())
        summary = await apply(it, wanted(it), stop=stop)
        await asking
        assert most_missing(it.sandbox.ledger()) <= (MOST_OPEN if UNIQUE[unique] else 0)
        # What was begun was brought to its end.
        assert set(REPLACED) <= set(models(it))
        assert outcomes(summary)["skipped"] > 0
        (resumable,) = it.unfinished()
        resumed = await it.run(bulkprof.resume, resumable)
        assert resumed.exit_code == 0, it.results()
        await ends_whole(it)


@scenario
@pytest.mark.parametrize("unique", ["names unique"])
async def test_a_stop_that_can_not_wait_tells_the_open_rows(folder: Path, unique: str) -> None:
    """Creations hang once the first profiles are deleted: their rows are open, and told as what they are."""
    with world(folder, unique) as it:
        await begin(it)
        stop = Stop()
        it.sandbox.set_faults([Fault("delay_before", "CreateInferenceProfile", delay_s=0.3)])

        async def ask() -> None:
            await until(lambda: deleted(it) >= 1)
            # As if the lock were lost: nothing that waits may go on.
            stop.request(ExitCode.LOCKED, "the lock is lost")

        asking = asyncio.ensure_future(ask())
        summary = await apply(it, wanted(it), stop=stop)
        await asking
        (resumable,) = it.unfinished()
        missing = set(REPLACED) - set(models(it))
        assert len(missing) <= MOST_OPEN
        assert {each.name for each in summary.lost} >= missing
        it.sandbox.set_faults([])
        resumed = await it.run(bulkprof.resume, resumable)
        assert (resumed.exit_code, resumed.lost) == (0, ()), it.results()
        await ends_whole(it)


@scenario
@pytest.mark.parametrize("unique", UNIQUE)
async def test_a_kill_leaves_few_names_open_and_resume_ends_them(folder: Path, unique: str) -> None:
    with world(folder, unique) as it:
        await begin(it)
        it.sandbox.set_faults([Fault("delay_before", "CreateInferenceProfile", delay_s=0.02)])
        async with under_way(it.apply(wanted(it), replace=True)):
            await until(lambda: deleted(it) >= 3)
        assert most_missing(it.sandbox.ledger()) <= (MOST_OPEN if UNIQUE[unique] else 0)
        (resumable,) = it.unfinished()
        summary = await it.run(bulkprof.resume, resumable)
        assert (summary.exit_code, summary.lost) == (0, ()), it.results()
        check_told(it)
        assert not it.sandbox.ledger().duplicates()
        await ends_whole(it)


@scenario
@pytest.mark.parametrize("unique", ["names not unique"])
async def test_twins_are_left_alone_until_they_are_pruned(folder: Path, unique: str) -> None:
    with world(folder, unique) as it:
        await begin(it)
        for profile in it.sandbox.ledger().live[:5]:
            await it.call(
                "CreateInferenceProfile", profile.arn, name=profile.name, source_arn=profile.source,
                description=None, tags=dict(profile.tags), token="twin-" + profile.name,
            )  # fmt: skip
        same = it.manifest([{"name": name, "model": OLD} for name in [*REPLACED, *KEPT]], "same.jsonl")
        for _ in range(2):
            summary = await it.apply(same, replace=True)
            assert outcomes(summary) == {"unchanged": len(REPLACED) + len(KEPT)}
            assert deleted(it) == 0
        assert any("5 wanted names have another profile" in line for line in it.told.lines), it.told.lines
        summary = await it.run(bulkprof.sync, (same,), prune=True)
        assert outcomes(summary) == {"unchanged": len(REPLACED) + len(KEPT), "deleted": 5}
        assert not it.sandbox.ledger().duplicates()


def deleted(world: World) -> int:
    return sum(1 for profile in world.sandbox.ledger().profiles if profile.deleted_at is not None)
