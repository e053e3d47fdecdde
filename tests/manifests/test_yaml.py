"""YAML: every scalar as it is written, in a list or under `profiles:`; one line with its place for what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from bulkprof.errors import ConfigError
from bulkprof.model import Problem, Request
from tests.manifests.reading import read_bytes

ROW = "- name: a\n  model: haiku\n"


@pytest.fixture(params=["CBaseLoader", "BaseLoader"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML was built without the parser in C, its own one reads the same."""
    if request.param == "BaseLoader":
        monkeypatch.delattr(yaml, "CBaseLoader", raising=False)
    elif not hasattr(yaml, "CBaseLoader"):
        pytest.skip("PyYAML was built without the parser in C")


async def read(folder: Path, content: str | bytes, name: str = "m.yaml") -> tuple[list[Request], list[str]]:
    requests, problems = await read_bytes(folder, name, content)
    return requests, [_told(problem, folder) for problem in problems]


def _told(problem: Problem, folder: Path) -> str:
    text = str(problem).removeprefix(f"{folder}/")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    "written",
    ["NO", "007", "1.10", "12:30", "yes", "1e3", "0x1F", "1_000", "2026-01-31", "null", "~", ".inf", "+1", "!!int 7"],
)
async def test_scalars_are_as_they_are_written(written: str, tmp_path: Path) -> None:
    (row,), problems = await read(tmp_path, f"- name: a\n  team: {written}\n")
    assert (row.attributes, problems) == ({"team": written.removeprefix("!!int ")}, [])


@pytest.mark.parametrize("name", ["m.yaml", "m.YML"])
async def test_a_list_of_profiles(name: str, tmp_path: Path) -> None:
    content = """\
# our teams
- name: a
  model: [haiku, nova]
  account: 011122223333
  region: us-east-1|us-west-2
  tags: {Team: "A - B", Cost: 0012}
  empty:

- {"name": b, 'tag:Team': "x", description: "two
    lines"}
"""
    (first, second), problems = await read(tmp_path, content, name)
    assert problems == []
    assert (first.line, second.line) == (2, 9)
    assert (first.models, first.accounts, first.regions) == (
        ("haiku", "nova"), ("011122223333",), ("us-east-1", "us-west-2"),
    )  # fmt: skip
    assert (first.tags, first.attributes) == ({"Team": "A - B", "Cost": "0012"}, {})
    assert (second.tags, second.description) == ({"Team": "x"}, "two lines")


@pytest.mark.parametrize("bom", ["", "\ufeff"])
async def test_profiles_in_a_mapping(bom: str, tmp_path: Path) -> None:
    content = f"{bom}---\nversion: 2\ncommon: &tags\n  Team: x\nProfiles:\n- name: a\n  tags: *tags\n...\n"
    requests, problems = await read(tmp_path, content)
    assert [(row.line, row.name, row.tags) for row in requests] == [(6, "a", {"Team": "x"})]
    assert problems == []


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n", "[]", "profiles:\n", "profiles: []"])
async def test_files_without_rows(content: str, tmp_path: Path) -> None:
    assert await read(tmp_path, content) == (
        [], ["m.yaml: the file has no rows; an empty manifest is never taken for 'nothing is wanted'"],
    )  # fmt: skip


BOMB = "x: &a [" + ", ".join("y" * 9) + "]\n" + "".join(
    f"x{n}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(8)
)  # fmt: skip


@pytest.mark.parametrize(
    ("content", "rows", "said"),
    [
        (f"{ROW}- name: [\n", 1, "m.yaml:4: not YAML at character 1 of the line: while parsing a flow"),
        (f"{ROW}\tname: b\n", 0, "m.yaml:3: not YAML at character 1 of the line: "),
        (f"{ROW}- name: b\n  name: c\n", 1, "m.yaml:3: name: the key stands in its object more than once; keep one"),
        (f"{ROW}- tags: {{Team: a, Team: b}}\n", 1, "m.yaml:3: Team: the key stands in its object more than once"),
        (f"{ROW}- b\n", 1, "m.yaml:3: a single value where a profile should be"),
        (f"{ROW}- [b]\n", 1, "m.yaml:3: a list where a profile should be"),
        (f"{ROW}- [b]: c\n", 1, "m.yaml:3: a key must be a text; write key: value"),
        (f"{ROW}- name: *b\n", 1, "m.yaml:3: the alias *b names nothing above it; write &b first"),
        (f"{ROW}- name: &b [*b]\n", 1, "m.yaml:3: the alias *b names nothing above it"),
        ("- &b\n  name: a\n- <<: *b\n", 1, "m.yaml:3: a merge (<<) is not read; write the values into each profile"),
        (f"{ROW}- name: !Ref Team\n", 1, "m.yaml:3: the tag !Ref means nothing in a manifest; write the value itself"),
        (f"{ROW}- name: {'[' * 100}{']' * 100}\n", 1, "m.yaml:3: it is nested too deeply"),
        (f"{ROW}- name: {'[' * 15}{']' * 15}\n", 1, "m.yaml:3: the object is nested too deeply"),
        (f"{ROW}- name: {{a: b}}\n", 1, "m.yaml:3: name \"{'a': 'b'}\": an object can't be used here"),
        (f"{ROW}---\n{ROW}", 1, "m.yaml:3: a second document begins here; a manifest is one"),
        ("team", 0, "m.yaml:1: a manifest can't be a single value; write a list (- name: …), or profiles:"),
        ("profiles: team", 0, "m.yaml:1: profiles: must be a list; write a list"),
        ("teams: []\nversion: 1", 0, "m.yaml:1: the file has no profiles:, only 'teams', 'version'; write a list"),
        ("{}", 0, "m.yaml:1: the file has no profiles:, only nothing"),
        (f"profiles:\n{ROW}profiles:\n{ROW}", 2, "m.yaml:4: profiles: the key stands in the file more than once"),
        (f"region: us-east-1\nprofiles:\n{ROW}", 0, "m.yaml:1: region: region beside the profiles is not read"),
        (f"{BOMB}profiles:\n{ROW}", 0, "m.yaml:5: a profile has more than 10,000 values; aliases count as what they"),
        ("- name: a\n  note: \"\x00\"\n", 0,  "m.yaml:2: '\\x00' (U+0000) can't be in YAML; remove it"),
        (b"- name: \xff\n", 0, "m.yaml:1: byte 9 of the line (0xFF) is not UTF-8"),
        ("- name: a\n".encode("utf-16"), 0, "m.yaml:1: the file is UTF-16, not UTF-8"),
        (b"PK\x03\x04", 0, "m.yaml:1: the file is a workbook or another archive"),
        ("- name: \"\x07\"\n", 0, "m.yaml:1: '\\x07' (U+0007) can't be in YAML"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_once_with_its_place(
    content: str | bytes, rows: int, said: str, tmp_path: Path
) -> None:
    requests, problems = await read(tmp_path, content)
    assert len(problems) == 1
    assert problems[0].startswith(said)
    assert len(requests) == rows


async def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigError) as raised:
        await read(tmp_path, ROW)
    said = "m.yaml: PyYAML, which reads it, is not installed: pip install 'bulkprof[yaml]'"
    assert str(raised.value) == f"{tmp_path}/{said}"


async def test_the_list_itself_may_be_an_alias(tmp_path: Path) -> None:
    text = "ours: &ours\n- name: a\n- name: b\nprofiles: *ours\n"
    requests, problems = await read_bytes(tmp_path, "m.yaml", text)
    assert ([(row.line, row.name) for row in requests], problems) == ([(4, "a"), (4, "b")], [])
    _, (problem,) = await read_bytes(tmp_path, "m.yaml", "ours: &ours a\nprofiles: *ours\n")
    assert "profiles: must be a list" in problem.message
