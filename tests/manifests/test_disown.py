"""The column `disown`: yes, no, or a problem."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.manifests.reading import read_bytes


@pytest.mark.parametrize(
    ("cell", "disowned"),
    [
        *((cell, True) for cell in ("true", "TRUE", "Yes", "y", "1", "x", " X ")),
        *((cell, False) for cell in ("", " ", "false", "No", "n", "0")),
    ],
)
async def test_booleans_as_they_are_written(tmp_path: Path, cell: str, disowned: bool) -> None:
    requests, problems = await read_bytes(tmp_path, "a.csv", f"name,Disown\none,{cell}\n")
    assert (problems, [row.disown for row in requests]) == ([], [disowned])
    assert dict(requests[0].attributes) == {}


@pytest.mark.parametrize(("value", "disowned"), [(True, True), (False, False), (1, True), (None, False), ("yes", True)])
async def test_json_has_booleans_of_its_own(tmp_path: Path, value: object, disowned: bool) -> None:
    requests, problems = await read_bytes(tmp_path, "a.json", json.dumps([{"name": "one", "disown": value}]))
    assert (problems, [row.disown for row in requests]) == ([], [disowned])


async def test_anything_else_is_a_problem(tmp_path: Path) -> None:
    requests, (problem,) = await read_bytes(tmp_path, "a.csv", "name,disown\none,maybe\ntwo,\n")
    assert [row.name for row in requests] == ["two"]
    assert str(problem).endswith(
        "a.csv:2: disown 'maybe': is neither yes nor no; write true where the profile is to be let go of, and nothing "
        "elsewhere"
    )
