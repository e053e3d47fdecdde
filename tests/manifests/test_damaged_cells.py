"""Cells that are plainly damaged are problems, wherever they stand, before a rule can make a value of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bulkprof.model import Problem
from bulkprof.plugins import hookimpl
from bulkprof.rules.hooks import still_has
from tests.factories import row, rules
from tests.manifests.reading import read_bytes

COLUMNS = ["name", "model", "description", "account", "region", "tag:Team"]
GOOD = ["team-a", "haiku", "Ranks results", "111122223333", "us-east-1", "Team A"]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("value", ["#REF!", "1.23457E+11", "team\u200ba"])
@pytest.mark.parametrize("name", ["m.csv", "m.json", "m.jsonl", "tags.json"])
async def test_in_every_column_and_format(column: str, value: str, name: str, tmp_path: Path) -> None:
    cells = dict(zip(COLUMNS, GOOD, strict=True)) | {column: value}
    if name == "tags.json":
        cells["tags"] = {"Team": cells.pop("tag:Team")}  # type: ignore[assignment]
    content = json.dumps(cells) if name == "m.jsonl" else json.dumps([cells])
    if name == "m.csv":
        content = "\n".join([",".join(cells), ",".join(cells.values())])
    requests, problems = await read_bytes(tmp_path, name, content)
    assert requests == []
    (problem,) = problems
    assert (problem.column, problem.value) == (column, value)
    said = {"#REF!": "is an error that a", "1.23457E+11": "scientific notation", "team\u200ba": "ZERO WIDTH SPACE"}
    assert said[value] in problem.message


async def test_one_of_several_values(tmp_path: Path) -> None:
    _, problems = await read_bytes(tmp_path, "m.csv", "model,account\nhaiku|#N/A,111122223333|#N/A\n")
    assert [(problem.column, problem.value) for problem in problems] == [("model", "#N/A"), ("account", "#N/A")]


class Reads:
    fields_read = ("team",)

    @hookimpl
    def bulkprof_tag_profile(self, profile: object) -> None: ...


def test_in_columns_that_rules_read() -> None:
    ours = rules({"defaults": {"model": "haiku", "region": "us-east-1"}}, reads=Reads())
    expansion = ours.expand(row(attributes={"team": "#REF!", "notes": "#REF!"}))
    (problem,) = expansion.problems
    assert (problem.column, problem.value, list(expansion.profiles)) == ("team", "#REF!", [])
    assert "an error that a spreadsheet shows" in problem.message
    assert ours.expand(row(attributes={"team": "a", "notes": "#REF!"})).problems == ()


def test_a_plugin_may_put_a_model_right() -> None:
    problem = Problem("is an error", column="model", value="#REF!")
    assert still_has(row(models=("#REF!",)), problem)
    assert not still_has(row(models=("haiku",)), problem)
