from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from bulkprof.manifests import json_array
from bulkprof.manifests.json_array import parse_json
from bulkprof.plugins.api import RawRow, Source
from tests.manifests.reading import read_bytes

ROW = {
    "name": "one",
    "model": ["haiku", "nova"],
    "account": "111122223333|444455556666",
    "region": ["us-east-1"],
    "tags": {"Team": "Data", "Empty": None},
    "tag:App": "web",
    "cost": 1.5,
    "live": True,
    "gone": None,
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", json.dumps([ROW])),
        ("a.json", json.dumps([ROW], indent=2)),
        ("a.json", json.dumps({"version": [1, {"x": "]"}], "profiles": [ROW], "more": 2})),
        ("a.json", "\ufeff" + json.dumps([{**ROW, "tags": [{"Key": "Team", "Value": "Data"}]}])),
        ("a.json", json.dumps([{**ROW, "tags": [{"key": "Team", "value": "Data"}]}])),
        ("a.jsonl", json.dumps(ROW) + "\n\n"),
        ("a.ndjson", "\ufeff" + json.dumps(ROW)),
    ],
)
async def test_forms(tmp_path: Path, name: str, text: str) -> None:
    requests, problems = await read_bytes(tmp_path, name, text)
    assert problems == []
    (row,) = requests
    assert (row.name, row.models, row.regions) == ("one", ("haiku", "nova"), ("us-east-1",))
    assert row.accounts == ("111122223333", "444455556666")
    assert dict(row.tags) == {"Team": "Data", "App": "web"}
    assert dict(row.attributes) == {"cost": "1.5", "live": "true"}


async def test_numbers_stay_as_written(tmp_path: Path) -> None:
    requests, _ = await read_bytes(tmp_path, "a.json", '[{"name": "n", "cost": 1.50, "account": 111122223333}]')
    assert requests[0].attributes["cost"] == "1.50"
    assert requests[0].accounts == ("111122223333",)


async def test_the_line_is_where_the_object_begins(tmp_path: Path) -> None:
    requests, _ = await read_bytes(tmp_path, "a.json", '[\n {"name":\n "a"},\n\n {"name": "b"}\n]')
    assert [row.line for row in requests] == [2, 5]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ('"account": 11122223333', "account '11122223333': has 11 digits, an account id has 12"),
        ('"x": {"y": 1}', "an object can't be used here"),
        ('"x": [1]', "a list can't be used here"),
        ('"x": NaN', "x 'NaN': is not a value that a manifest can hold"),
        ('"x": 1, "x": 2', "x: the key stands in its object more than once"),
        ('"tags": {"A": "1", "A": "2"}', "A: the key stands in its object more than once"),
        ('"tags": {"A": "1"}, "tag:A": "2"', "stands both under tags and in a column"),
        ('"tags": "A=1"', "tags can't be one text"),
        ('"tags": [{"Key": "A"}]', "is not a tag"),
        ('"tags": {"aws:x": "1"}', "begin with 'aws:'"),
        ('"tags": {"A": "caf\\u00e9"}', "(U+00E9) at position 4 can't be in a tag value"),
        ('"model": ["a", "a"]', "'a' stands in it twice"),
        ('"model": ["a", ""]', "one of its values is empty"),
        ('"model": [["a"]]', "a list may hold strings only"),
        ('"models": ["a"]', "models: is not a known column; did you mean model?"),
        ('"team": "\\ud83d"', "half of a character"),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
async def test_bad_cells(tmp_path: Path, name: str, cell: str, said: str) -> None:
    text = '{"name": "n", ' + cell + "}"
    requests, problems = await read_bytes(tmp_path, name, text if name == "a.jsonl" else f"[{text}]")
    assert requests == []
    assert said in "\n".join(map(str, problems))
    assert all(problem.line == 1 for problem in problems)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[\n {"name": "a"},\n {"name" "b"}\n]', 3, "at character 10 of the line: Expecting ':' delimiter"),
        ('[{"name": "a"}', 1, "',' or ']' is missing"),
        ("[1, 2]", 1, "a single value where a profile should be"),
        ("[[]]", 1, "a list where a profile should be"),
        ('{"profile": []}', 1, "the object has no \"profiles\", only 'profile'"),
        ('{"profiles": {}}', 1, '"profiles" must be an array'),
        ('{"profiles": [], "profiles": []}', 1, "profiles: the key stands in the file more than once"),
        ('{"name": "a"}\n{"name": "b"}', 1, 'the object has no "profiles"'),
        ('"x"', 1, "can't begin with"),
        ("[" * 100_000, 1, "nested too deeply"),
        ("[] []", 1, "more text after the end"),
        ("[]", 0, "no rows"),
        ("", 0, "no rows"),
        (b'[{"name":\n"\xff"}]', 2, "byte 2 of the line (0xFF) is not UTF-8"),
        ('[{"name": "a"}]'.encode("utf-16"), 1, "UTF-16"),
    ],
)
async def test_broken_files(tmp_path: Path, text: str | bytes, line: int, said: str) -> None:
    _, problems = await read_bytes(tmp_path, "a.json", text)
    assert said in "\n".join(map(str, problems))
    assert problems[0].line == line


@pytest.mark.parametrize("depth", [20, 300, 900, 940, 960, 980, 1000, 5000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"x":', "}")])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
async def test_no_depth_is_too_much(tmp_path: Path, name: str, opening: str, closing: str, depth: int) -> None:
    text = '{"x":' + opening * depth + "1" + closing * depth + "}"
    _, (problem,) = await read_bytes(tmp_path, name, text if name == "a.jsonl" else f"[{text}]")
    assert "nested too deeply" in str(problem)


async def test_a_bad_line_does_not_end_json_lines(tmp_path: Path) -> None:
    text = b'{"name": "a"}\n{"name": }\n\xff\n[1]\n{"name": "b"}\n' + b"[" * 100_000
    requests, problems = await read_bytes(tmp_path, "a.jsonl", text)
    assert [row.name for row in requests] == ["a", "b"]
    assert [problem.line for problem in problems] == [2, 3, 4, 6]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64])
def test_any_cut_between_blocks_reads_the_same(tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"name": f"n{i}", "x": "é\\\n\U0001f600" * i, "y": 12345.5, "z": [True, None]} for i in range(30)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"v": 123, "profiles": rows}, ensure_ascii=False, indent=1))
    whole = list(parse_json(Source("a", path)))
    monkeypatch.setattr("bulkprof.tables.encoding.BLOCK", block)
    assert list(parse_json(Source("a", path))) == whole
    assert [row.cells["name"] for row in whole if isinstance(row, RawRow)] == [f"n{i}" for i in range(30)]


def test_one_endless_object_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "LARGEST_OBJECT", 1 << 16)
    path = tmp_path / "a.json"
    path.write_text('[{"x": "' + "y" * 2_000_000)
    (problem,) = parse_json(Source("a", path))
    assert "longer than 65,536 characters" in str(problem)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    path.write_text(json.dumps([{"name": f"n{i}", "team": "team" * 40} for i in range(15_000)]))
    size = path.stat().st_size
    tracemalloc.start()
    try:
        count = sum(isinstance(row, RawRow) for row in parse_json(Source("big.json", path)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 15_000
    assert peak < size / 6


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("Account (ID)", "is not a known column; did you mean account?"),
        ("accountId", "is not a known column; did you mean account?"),
        ("\u0430ccount", "its letter '\u0430' (CYRILLIC SMALL LETTER A, U+0430) only looks like a plain one"),
        ("regi\u043en", "did you mean region?"),
        ("tagList", "did you mean tag:KEY?"),
        ("t\u0430g:Team", "did you mean tag:KEY?"),
    ],
)
async def test_keys_that_may_mean_something_are_refused(tmp_path: Path, key: str, said: str) -> None:
    for name, text in (("a.json", json.dumps([{"name": "a", key: "x"}])), ("a.jsonl", json.dumps({key: "x"}))):
        requests, (problem,) = await read_bytes(tmp_path, name, text)
        assert requests == []
        assert said.replace("tag:KEY", "tag:") in str(problem).replace("tag:KEY", "tag:").replace("tag:Team?", "tag:?")


async def test_keys_are_known_by_their_looks(tmp_path: Path) -> None:
    row = {
        "\ufeffName": "a",
        "MO\u00adDEL": ["m", "n"],
        "\uff52egion ": "eu-west-1",
        "TAG \uff1aTeam": "t",
        "Tags": {"B": "b"},
    }
    requests, problems = await read_bytes(tmp_path, "a.json", json.dumps({"Pro\u200bfiles": [row]}))
    assert problems == []
    assert (requests[0].name, requests[0].models, requests[0].regions) == ("a", ("m", "n"), ("eu-west-1",))
    assert dict(requests[0].tags) == {"Team": "t", "B": "b"}


async def test_profiles_under_a_key_that_only_looks_so(tmp_path: Path) -> None:
    text = json.dumps({"profiles": [{"name": "a"}], "pr\u043efiles": [{"name": "b"}]})
    _, (problem,) = await read_bytes(tmp_path, "a.json", text)
    assert "looks like profiles and is not: '\u043e' (CYRILLIC SMALL LETTER O, U+043E)" in str(problem)


async def test_a_row_with_a_name_like_its_key_is_no_header(tmp_path: Path) -> None:
    requests, problems = await read_bytes(tmp_path, "a.json", '[{"team": "team"}]')
    assert (len(requests), problems) == (1, [])


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"account": "111122223333"}, "account: account beside the profiles is not read"),
        ({"AWS Region": "eu-west-1"}, "AWS Region: region beside"),
        ({"defaults": {"acc\u043eunt": "111122223333"}}, "defaults: account beside"),
        ({"tags": {"Team": "a"}}, "tags: a tag beside"),
        ({"tag:Team": "a"}, "tag:Team: a tag beside"),
    ],
)
async def test_what_stands_beside_the_profiles_is_not_dropped(
    tmp_path: Path, more: dict[str, object], said: str, is_first: bool
) -> None:
    profiles = {"profiles": [{"name": "a"}, {"name": "b"}]}
    requests, problems = await read_bytes(
        tmp_path, "a.json", json.dumps({**more, **profiles} if is_first else {**profiles, **more}, indent=1)
    )
    (problem,) = problems
    assert said in str(problem)
    # Not even those who skip invalid rows get profiles elsewhere.
    assert requests == []


async def test_a_file_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    text = json.dumps({"name": "x", "description": "y", "by": {"name": "z"}, "profiles": [{"name": "a"}]})
    requests, problems = await read_bytes(tmp_path, "a.json", text)
    assert ([request.name for request in requests], problems) == (["a"], [])
