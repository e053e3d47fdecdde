"""`kill -9` of workers with shares, and of the merge: gone on with in place, elsewhere, or from the beginning."""

from __future__ import annotations

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.config import load
from bulkprof.sandbox import Hypotheses
from bulkprof.workflows.options import Options
from tests.faults.killing import LAG_S, Victim
from tests.faults.scenarios import chosen
from tests.faults.world import side_by_side, talk_to

WORLDS: dict[str, tuple[Hypotheses, str]] = {
    "in place": (Hypotheses(token_memory_s=0, list_lag_s=LAG_S), "in place"),
    "in place, names not unique": (Hypotheses(unique_names=False, list_lag_s=LAG_S), "in place"),
    "elsewhere, names not unique, no tokens": (
        Hypotheses(unique_names=False, token_memory_s=0, list_lag_s=LAG_S, get_lag_s=LAG_S, tag_lag_s=60),
        "elsewhere",
    ),
    "from the beginning, names not unique": (Hypotheses(unique_names=False, list_lag_s=LAG_S), "from the beginning"),
    "from the beginning, no tokens": (Hypotheses(token_memory_s=0, list_lag_s=LAG_S), "from the beginning"),
}
SHARES = 3


def cut_here(victim: Victim) -> list[Path]:
    """Plan, and cut the plan, in this process."""
    options = Options(config=load(victim.folder / "bulkprof.toml"), state_dir=victim.folder / ".bulkprof")
    plan, into = victim.folder / "plan.db", victim.folder / "shares"

    async def cut() -> list[Path]:
        talk_to(victim.sandbox)
        await bulkprof.plan(victim.folder / "rows.jsonl", options, out=plan)
        return [into / share.file for share in (await bulkprof.shard(plan, into, options, count=SHARES)).shares]

    return asyncio.run(cut())


def carry_out(victim: Victim, share: Path, how: str) -> Path:
    """Kill the worker of a share, go on as a user or an engine would, and return where the share ended."""
    kept = share.with_suffix(".kept")
    shutil.copy(share, kept)
    victim.kill_one(("apply", str(share)), after_calls=victim.chance.randint(1, 25))
    if how == "in place":
        victim.finish(("resume", str(share)))
        return share
    folder = victim.folder / how / share.stem
    folder.mkdir(parents=True)
    moved = folder / share.name
    if how == "elsewhere":
        # What SQLite left beside it is part of it.
        for file in (share, share.with_name(f"{share.name}-wal")):
            if file.exists():
                shutil.copy(file, folder / file.name)
    else:
        shutil.copy(kept, moved)
    victim.finish(("apply", str(moved)))
    return moved


def kill_and_merge(victim: Victim, how: str) -> None:
    ended = [str(carry_out(victim, share, how)) for share in cut_here(victim)]
    victim.kill_one(("merge", "plan.db", *ended), after_calls=0)
    victim.check(victim.finish(("merge", "plan.db", *ended)))
    # Once more is harmless.
    victim.check(victim.finish(("merge", "plan.db", *ended)))


@pytest.fixture(scope="module")
def raised(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each world that is tested raised."""
    folder = tmp_path_factory.mktemp("killed-shares")

    def one(name: str) -> Exception | None:
        hypotheses, how = WORLDS[name]
        number = list(WORLDS).index(name)
        with Victim(folder / str(number), hypotheses, seed=1000 + number) as victim:
            try:
                kill_and_merge(victim, how)
                assert victim.kills >= SHARES - 1, f"hardly anything was killed: {victim.log}"
            except Exception as error:  # noqa: BLE001 - each world's test raises its own
                return error
        return None

    # They wait most of their time.
    worlds = chosen(request, "world")
    with side_by_side(), ThreadPoolExecutor(len(worlds)) as pool:
        return dict(zip(worlds, pool.map(one, worlds), strict=True))


@pytest.mark.parametrize("world", WORLDS)
def test_every_row_is_made_once(raised: dict[str, Any], world: str) -> None:
    if (error := raised[world]) is not None:
        raise error
