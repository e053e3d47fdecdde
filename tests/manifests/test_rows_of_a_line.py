"""Rows that begin on the same line are told apart by their numbers; all others have none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bulkprof.model import Problem
from tests.manifests.reading import read_bytes

ROWS = [{"name": name} for name in "abc"]
ON_ONE_LINE = json.dumps(ROWS)


async def places(folder: Path, name: str, text: str) -> tuple[list[tuple[str | None, int, int]], list[str]]:
    """The rows that are sound, with line and number, and the problems as they are told."""
    requests, problems = await read_bytes(folder, name, text)
    return [(row.name, row.line, row.row) for row in requests], [told(problem, folder) for problem in problems]


def told(problem: Problem, folder: Path) -> str:
    return str(problem).removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("m.json", ON_ONE_LINE, [("a", 1, 1), ("b", 1, 2), ("c", 1, 3)]),
        ("m.json", json.dumps({"version": 1, "profiles": ROWS, "x": 2}), [("a", 1, 1), ("b", 1, 2), ("c", 1, 3)]),
        ("m.json", json.dumps(ROWS[:1]), [("a", 1, 0)]),
        ("m.json", json.dumps(ROWS, indent=1), [("a", 2, 0), ("b", 5, 0), ("c", 8, 0)]),
        (
            "m.json",
            '[{"name": "a"}, {"name":\n"b"}, {"name": "c"},\n{"name": "d"},\n\n{"name": "e"}, {"name": "f"}\n]',
            [("a", 1, 1), ("b", 1, 2), ("c", 2, 0), ("d", 3, 0), ("e", 5, 1), ("f", 5, 2)],
        ),
        ("m.jsonl", "".join(f"{json.dumps(row)}\n" for row in ROWS), [("a", 1, 0), ("b", 2, 0), ("c", 3, 0)]),
        ("m.csv", 'name,team\na,"x\ny"\nb,z\n', [("a", 2, 0), ("b", 4, 0)]),
        ("m.yaml", ON_ONE_LINE, [("a", 1, 1), ("b", 1, 2), ("c", 1, 3)]),
        ("m.yaml", "profiles: [{name: a}, {name: b},\n  {name: c}]\n", [("a", 1, 1), ("b", 1, 2), ("c", 2, 0)]),
        ("m.yaml", "x: &all\n- name: a\n- name: b\nprofiles: *all\n", [("a", 4, 1), ("b", 4, 2)]),
        ("m.yaml", "- name: a\n- name: b\n", [("a", 1, 0), ("b", 2, 0)]),
    ],
)
async def test_where_rows_begin(tmp_path: Path, name: str, text: str, found: list[tuple[str, int, int]]) -> None:
    assert await places(tmp_path, name, text) == (found, [])


@pytest.mark.parametrize("name", ["m.json", "m.yaml"])
async def test_problems_name_their_row(tmp_path: Path, name: str) -> None:
    text = '[{"name": "a", "account": "12"}, 5, {"name": "b"}, {"x": "1", "x": "2", "team": "1", "team": "2"}]'
    rows, problems = await places(tmp_path, name, text)
    assert rows == [("b", 1, 3)]
    # What can't be a row is found by the reader, the rest when cells are read.
    assert sorted(line.partition(": ")[0] for line in problems) == [
        *(f"{name}:1, row {number}" for number in (1, 2, 4, 4)),
    ]


@pytest.mark.parametrize(("name", "what"), [("m.json", "JSON"), ("m.yaml", "YAML")])
async def test_rows_before_a_syntax_error_stay(tmp_path: Path, name: str, what: str) -> None:
    rows, (problem,) = await places(tmp_path, name, '[{"name": "a"}, {"name": "b"}, {"name": "c",, ]')
    assert rows == [("a", 1, 1), ("b", 1, 2)]
    assert problem.startswith(f"{name}:1: not {what} at character ")


async def test_rows_before_bytes_that_are_no_text_stay(tmp_path: Path) -> None:
    requests, (problem,) = await read_bytes(tmp_path, "m.json", b'[{"name": "a"},\n{"name": "\xff"}]')
    assert [row.name for row in requests] == ["a"]
    assert (problem.line, problem.row) == (2, 0)
