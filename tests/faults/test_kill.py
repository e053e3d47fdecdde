"""`kill -9` at any moment, several times in a row: afterwards every row has exactly one profile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bulkprof.sandbox import Hypotheses
from tests.faults.killing import LAG_S, Victim, kill_often
from tests.faults.scenarios import chosen

WORLDS: dict[str, tuple[Hypotheses, dict[str, Any]]] = {
    "resumed": (Hypotheses(token_memory_s=0, list_lag_s=LAG_S), {"again": "resume"}),
    "applied again": (Hypotheses(token_memory_s=0, list_lag_s=LAG_S), {"again": "apply"}),
    "run files lost": (Hypotheses(list_lag_s=LAG_S), {"again": "either", "lose_files": True}),
    "names not unique, resumed": (Hypotheses(unique_names=False, list_lag_s=LAG_S), {"again": "resume"}),
    "names not unique, applied again": (Hypotheses(unique_names=False, list_lag_s=LAG_S), {"again": "apply"}),
    "names not unique, no tokens": (
        Hypotheses(unique_names=False, token_memory_s=0, list_lag_s=LAG_S, get_lag_s=LAG_S, tag_lag_s=60),
        {"again": "either"},
    ),
    "a canary first, names not unique, resumed": (
        Hypotheses(unique_names=False, list_lag_s=LAG_S),
        {"again": "resume"},
    ),
}
CANARY = "[rollout]\ncanary = 1\n"
KILLS = 3
"""In each world."""


@pytest.fixture(scope="module")
def raised(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exception | None]:
    """What each world that is tested raised."""
    folder = tmp_path_factory.mktemp("killed")

    def one(name: str) -> Exception | None:
        hypotheses, how = WORLDS[name]
        number = list(WORLDS).index(name)
        config = CANARY if "canary" in name else ""
        with Victim(folder / str(number), hypotheses, seed=number, config=config) as victim:
            try:
                kill_often(victim, KILLS, **how)
                assert victim.kills >= KILLS - 1, f"hardly anything was killed: {victim.log}"
            except Exception as error:  # noqa: BLE001 - each world's test raises its own
                return error
        return None

    # They wait most of their time.
    worlds = chosen(request, "world")
    with ThreadPoolExecutor(len(worlds)) as pool:
        return dict(zip(worlds, pool.map(one, worlds), strict=True))


@pytest.mark.parametrize("world", WORLDS)
def test_every_row_is_made_once(raised: dict[str, Exception | None], world: str) -> None:
    if (error := raised[world]) is not None:
        raise error
