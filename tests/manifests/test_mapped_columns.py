"""A sheet's own headers: those that `[columns]` maps, those that it leaves out, and what can't be right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.config import ColumnNames
from bulkprof.errors import ConfigError
from bulkprof.manifests.columns import check_targets, understand
from bulkprof.model import Request
from tests.manifests.reading import read_all

NAMING = ColumnNames(
    {
        "name": ["Profile"],
        "account": ["Account ID", "Konto"],
        "tag:CostCentre": ["Cost centre"],
        "team": ["Team name"],
        "ignore": ["Notes", "Description"],
    }
)
HEADERS = ["Profile", "Account ID", "Cost centre", "Team name", "Notes", "region"]
CELLS = ["search", "111122223333", "CC-1", "Search", "ask Ann", "us-east-1"]


def is_read(request: Request) -> None:
    assert (request.name, request.accounts, request.regions) == ("search", ("111122223333",), ("us-east-1",))
    assert (request.tags, request.attributes) == ({"CostCentre": "CC-1"}, {"team": "Search"})


@pytest.mark.parametrize("change", [str, str.upper, str.lower, " {} ".format, "\u200b{}".format])
async def test_the_same_of_each_format(tmp_path: Path, change: type[str]) -> None:
    row = dict(zip(map(change, HEADERS), CELLS, strict=True))
    texts = {
        "a.csv": ";".join(row) + "\n" + ";".join(CELLS) + "\n",
        "a.tsv": "\t".join(row) + "\n" + "\t".join(CELLS) + "\n",
        "a.json": json.dumps([{**row, "Notes": ["of", {"any": "kind"}]}]),
        "a.jsonl": json.dumps(row),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        requests, problems = await read_all([str(tmp_path / name)], naming=NAMING)
        assert problems == [], name
        is_read(*requests)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            "Account ID,account",
            "account: is what 2 columns mean (Account ID, account); keep one, or leave one out: ignore",
        ),
        ("Account ID,Account ID", "account: is what 2 columns mean (Account ID twice)"),
        ("Account ID,Konto", "account: is what 2 columns mean (Account ID, Konto)"),
        ("Cost centre,tag:CostCentre", "tag:CostCentre: is what 2 columns mean (Cost centre, tag:CostCentre)"),
        ("Team name,TEAM", "team: is what 2 columns mean (Team name, TEAM)"),
        ("App,app", "App: is the name of 2 columns (App, app); keep one"),
        (
            "Account (ID),x",
            "Account (ID): is not a known column; did you mean account? If so, rename it, or write "
            'account = "Account (ID)" under [columns] in the config. If not, rename it',
        ),
    ],
)
async def test_two_columns_that_mean_the_same(tmp_path: Path, header: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"name,{header}\na,b,c\n")
    requests, problems = await read_all([str(path)], naming=NAMING)
    assert requests == []
    assert [str(problem).startswith(f"{path}:1: {said}") for problem in problems] == [True], problems


async def test_columns_that_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name,Notes,notes,Description,Notes\na,1,2,three\x1b,eu-west-1\n")
    (request,), problems = await read_all([str(path)], naming=NAMING)
    assert (problems, request.attributes, request.description) == ([], {}, None)


def test_a_sheet_of_headers_that_are_mapped_is_known_by_them(tmp_path: Path) -> None:
    columns = understand(["Konto", "Team name", "Notes"], NAMING)
    assert (columns.account, columns.attributes, columns.ignored) == (0, ((1, "team"),), {2})


def test_what_the_config_says_is_not_doubted() -> None:
    assert understand(["Accounting"], ColumnNames({"account": ["Accounting"]})).known == ("account",)
    assert not understand(["Account (ID)"], ColumnNames({"owner": ["Account (ID)"]})).faults


async def test_all_tags_in_one_column(tmp_path: Path) -> None:
    naming = ColumnNames({"tags": ["Labels"]})
    (tmp_path / "a.json").write_text('[{"name": "a", "Labels": {"Team": "search"}}]')
    (request,), problems = await read_all([str(tmp_path / "a.json")], naming=naming)
    assert (dict(request.tags), problems) == ({"Team": "search"}, [])
    (tmp_path / "a.csv").write_text("name,Labels\na,Team=search\n")
    requests, problems = await read_all([str(tmp_path / "a.csv")], naming=naming)
    assert (requests, problems[0].remedy.partition("?")[0]) == ([], "did you mean tag:KEY")


def test_a_column_that_looks_like_a_misspelt_one() -> None:
    with pytest.raises(ConfigError) as refused:
        check_targets(ColumnNames({"acount": ["Konto"], "tagg:Team": ["Team"], "team": ["T"], "tags": ["Labels"]}))
    assert str(refused.value).splitlines() == [
        "[columns] acount: is not a known column; did you mean account?",
        "[columns] tagg:Team: is not a known column; did you mean tag:Team?",
    ]


@given(st.permutations(HEADERS), st.data())
def test_the_order_of_columns_and_how_they_are_written_make_no_difference(
    headers: list[str], data: st.DataObject
) -> None:
    written = [data.draw(st.sampled_from([header, header.upper(), f" {header} "])) for header in headers]
    columns = understand(written, NAMING)
    assert columns.faults == ()
    assert headers[columns.name] == "Profile"
    assert headers[columns.account] == "Account ID"
    assert [(headers[index], key) for index, key in columns.tags] == [("Cost centre", "CostCentre")]
    assert [(headers[index], name) for index, name in columns.attributes] == [("Team name", "team")]
    assert [headers[index] for index in columns.ignored] == ["Notes"]
