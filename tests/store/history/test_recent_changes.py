"""What the last runs did lately in each target, copied once out of their files."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.model import OutcomeKind, Target
from bulkprof.statuses import RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.recent import NO_CHANGES, TAGS_SETTLE_S, RecentRuns
from bulkprof.system.clocks import HEARTBEAT_S
from tests.factories import ESTATE, TARGET, desire, make_run, plan_all

NOW = 1_000_000.0
SETTLE_S = 10.0


OTHER = Target("222233334444", "us-east-1")
Did = tuple[str, OutcomeKind, str, str]
"""A profile's name, what became of it, its ARN, and the one that it replaced."""


def ended(folder: Path, number: int, *did: Did, seconds_ago: float = 1.0, target: Target = TARGET, **meta: Any) -> Path:
    """A run that did this and ended so long ago; runs with greater numbers came later."""
    state = StateDirectory(folder)
    state.prepare()
    path = state.run_path(f"20260101T00000{number}Z-aaaaaa")
    with make_run(path, **{"status": RunStatus.FINISHED, **meta}) as run:
        desire(run, *(name for name, *_ in did), target=target)
        plan_all(run)
        for action, (_, kind, arn, old_arn) in zip(run.wanted(target), did, strict=True):
            run.record([replace(closed_outcome(action, kind, arn=arn), old_arn=old_arn)])
    os.utime(path, (NOW - seconds_ago, NOW - seconds_ago))
    return path


def recent(folder: Path, **more: Any) -> RecentRuns:
    return RecentRuns(StateDirectory(folder), ESTATE, SETTLE_S, **{"clock": lambda: NOW, **more})


EVERYTHING: tuple[Did, ...] = (
    ("made", OutcomeKind.CREATED, "arn:made", ""),
    ("gone", OutcomeKind.DELETED, "arn:gone", ""),
    ("new", OutcomeKind.REPLACED, "arn:new", "arn:old"),
    ("tagged", OutcomeKind.UPDATED, "arn:tagged", ""),
    ("taken", OutcomeKind.ADOPTED, "arn:taken", ""),
    ("same", OutcomeKind.UNCHANGED, "arn:same", ""),
    ("lost", OutcomeKind.FAILED, "arn:lost", ""),
)


def test_what_was_done_in_a_target_is_known(tmp_path: Path) -> None:
    ended(tmp_path, 1, *EVERYTHING)
    lately = recent(tmp_path).of(TARGET)
    assert lately.made == {"made": "arn:made", "new": "arn:new"}
    assert lately.deleted == {"arn:gone", "arn:old"}
    assert lately.retagged == {"arn:tagged", "arn:taken", "arn:old"}
    assert lately.tagged == {"arn:made", "arn:new"}


def test_lists_catch_up_before_the_index_of_tags_does(tmp_path: Path) -> None:
    ended(tmp_path, 1, *EVERYTHING, seconds_ago=SETTLE_S + HEARTBEAT_S)
    lately = recent(tmp_path).of(TARGET)
    assert (lately.made, lately.deleted) == ({}, frozenset())
    assert lately.retagged == {"arn:tagged", "arn:taken", "arn:old"}
    assert lately.tagged == {"arn:made", "arn:new"}


@pytest.mark.parametrize(
    "what",
    [
        {"target": OTHER},
        {"estate": "another"},
        {"seconds_ago": TAGS_SETTLE_S + HEARTBEAT_S},
        {"seconds_ago": 30 * 86400.0},
    ],
    ids=["another target", "another estate", "a while ago", "long ago"],
)
def test_what_was_done_elsewhere_or_before_is_left_out(tmp_path: Path, what: dict[str, Any]) -> None:
    ended(tmp_path, 1, *EVERYTHING, **what)
    assert recent(tmp_path).of(TARGET) == NO_CHANGES


def test_what_came_later_counts(tmp_path: Path) -> None:
    """The second run replaced what the first one had made: its own profile is the one that lists may not show yet."""
    ended(tmp_path, 1, ("a", OutcomeKind.CREATED, "arn:1", ""), ("b", OutcomeKind.CREATED, "arn:2", ""))
    ended(tmp_path, 2, ("a", OutcomeKind.REPLACED, "arn:3", "arn:1"), ("b", OutcomeKind.DELETED, "arn:2", ""))
    lately = recent(tmp_path).of(TARGET)
    assert lately.made == {"a": "arn:3"}
    assert lately.deleted == {"arn:1", "arn:2"}


def test_a_damaged_file_is_waited_for_and_takes_nothing_from_the_others(tmp_path: Path) -> None:
    path = ended(tmp_path, 1, *EVERYTHING)
    ended(tmp_path, 2, ("b", OutcomeKind.CREATED, "arn:b", ""))
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE outcome")
    os.utime(path, (NOW, NOW))
    found = recent(tmp_path)
    assert found.unsettled_s == SETTLE_S + HEARTBEAT_S
    assert found.of(TARGET).made == {"b": "arn:b"}


@pytest.mark.parametrize("targets", [1, 50])
def test_each_file_is_opened_once_for_all_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, targets: int
) -> None:
    made = ("a", OutcomeKind.CREATED, "arn:a", "")
    paths = [ended(tmp_path, number, made) for number in range(1, 4)]
    opened: Counter[str] = Counter()
    connect = sqlite3.connect

    def counting(path: Any, *arguments: Any, **more: Any) -> sqlite3.Connection:
        opened[str(path)] += 1
        return connect(path, *arguments, **more)

    monkeypatch.setattr(sqlite3, "connect", counting)
    found = recent(tmp_path)
    for number in range(targets):
        found.of(Target(f"{number:012}", "us-east-1"))
    assert found.of(TARGET).made == {"a": "arn:a"}
    assert opened == {"": 1} | {str(path): 1 for path in paths}


def test_targets_without_changes_are_found_by_an_index(tmp_path: Path) -> None:
    """The work of one question doesn't grow with what was done in other targets."""

    def steps(size: int) -> int:
        folder, count = tmp_path / str(size), 0
        ended(folder, 1, *((f"p{number}", OutcomeKind.CREATED, f"arn:{number}", "") for number in range(size)))
        found = recent(folder)

        def step() -> None:
            nonlocal count
            count += 1

        found._done._db.set_progress_handler(step, 1)
        assert found.of(OTHER) == NO_CHANGES
        return count

    assert 0 < steps(10) == steps(1000)
