"""What must not change: names, hooks, flags, variables, keys, exit codes, columns, tokens, and files on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulkprof.model import Request
from tests.cli.driver import CommandLine
from tests.contract.surface import surface

UNCHANGED: dict[str, Any] = json.loads(Path(__file__).with_name("unchanged.json").read_text())
IN_ORDER = ("results columns", "hooks")
"""Lists of which new members come last."""


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(surface(tmp_path_factory.mktemp("surface"))))
    return found


@pytest.mark.parametrize("what", UNCHANGED)
def test_unchanged(what: str, now: dict[str, Any]) -> None:
    assert _of(now[what], UNCHANGED[what], in_order=what in IN_ORDER) == UNCHANGED[what]


def _of(now: Any, before: Any, *, in_order: bool) -> Any:
    """Of what there is now, what there was before: all may grow, and nothing may go or change."""
    if isinstance(now, dict) and isinstance(before, dict):
        return {key: _of(now[key], value, in_order=in_order) for key, value in before.items() if key in now}
    if isinstance(now, list) and isinstance(before, list):
        return now[: len(before)] if in_order else [each for each in now if each in before]
    return now


def test_nothing_is_gathered_that_is_not_compared(now: dict[str, Any]) -> None:
    assert set(now) == set(UNCHANGED)


def test_a_request_is_changed_with_replace() -> None:
    request = Request(file="teams.csv", line=2, name="search", attributes={"team": "search"})
    assert replace(request, name="ranking").attributes == {"team": "search"}


def test_files_of_a_run_keep_their_names_and_keys(commands: CommandLine) -> None:
    ended = commands("apply", commands.manifest("search"), "--yes", "--sandbox", "--results", "results.csv")
    assert ended.code == 0, ended.err
    state = commands.folder / ".bulkprof"
    assert {path.name for path in state.iterdir()} >= {"runs", "locks", "sandbox.journal"}
    # The beginning of the estate's SHA-256: runs of other versions look for this very file.
    assert [path.name for path in (state / "locks").iterdir()] == ["59830ebc3a418411.lock"]
    journal = [json.loads(line) for line in (state / "sandbox.journal").read_text().splitlines()]
    assert sorted({key for change in journal for key in change}) == JOURNAL


JOURNAL = [
    *(
        "account",
        "at",
        "change",
        "description",
        "fingerprint",
        "id",
        "models",
        "name",
        "region",
        "source",
        "tags",
        "token",
    )
]
