"""Which entries a catalog has, and in which files."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from bulkprof.catalog.entries import FIELDS
from bulkprof.catalog.selection import PathTemplate, Where
from tests.catalog.making import OTHER, OWN, entry

A = entry("a", 1, team="search")
B = entry("b", 2, team="ranking", account=OTHER)
C = entry("c", 3, region="eu-west-1")


@pytest.mark.parametrize(
    ("conditions", "chosen"),
    [
        ([], [A, B, C]),
        (["tag:Team=search"], [A]),
        (["account=444455556666"], [B]),
        (["region=us-east-1", "name=b"], [B]),
        (["region=us-east-1", "region=us-east-1"], [A, B]),
        (["id=p00000000003"], [C]),
        (["tag:Team=a=b"], []),
        (["tag:Other=x"], []),
    ],
)
def test_entries_that_fit_come_in_order(conditions: list[str], chosen: list[object]) -> None:
    assert Where.parse(conditions).chosen([C, B, A]) == chosen


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (["tag:Team"], "'tag:Team': write a field and its value, such as tag:Team=search"),
        (["tag:Team="], "'tag:Team=': write a field and its value"),
        (
            ["team=x"],
            "'team' is no field; the fields are name, arn, id, account, region, source_arn, model_id, model, ",
        ),
        (["tag:=x"], "'tag:' is no field"),
        (["name=a", "name=b"], "'name=b': name can't be 'a' as well"),
    ],
)
def test_wrong_conditions(conditions: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Where.parse(conditions)


def test_a_filter_tells_itself_and_refuses_unknown_fields() -> None:
    assert str(Where.parse(["tag:Team=a", "region=b"])) == "tag:Team=a, region=b"
    with pytest.raises(ValueError, match="'team' is no field"):
        Where({"team": "x"})


def test_every_field_can_be_in_a_path() -> None:
    template = PathTemplate("/".join(f"{{{name}}}" for name in (*FIELDS, "tag:Team", "tag:a:b")))
    assert template.fields == [*FIELDS, "tag:Team", "tag:a:b"]


def test_a_file_for_each_value() -> None:
    twin = entry("d", 4, team="search")
    files, left_out = PathTemplate("x/{tag:Team}-{region}.yaml").files([A, B, C, twin])
    assert files == {"x/search-us-east-1.yaml": [A, twin], "x/ranking-us-east-1.yaml": [B]}
    assert left_out == [f"{OWN}/eu-west-1 c: has no tag:Team to name a file of 'x/{{tag:Team}}-{{region}}.yaml' by"]


def test_one_file_where_there_are_no_fields() -> None:
    assert PathTemplate("all{{}}.json").files([A, B]) == ({"all{}.json": [A, B]}, [])
    assert PathTemplate("all.json").files([]) == ({"all.json": []}, [])
    assert PathTemplate("{name}.json").files([]) == ({}, [])


def test_the_file_of_deleted_profiles_is_written_without_them() -> None:
    assert PathTemplate("{tag:Team}").files([A], [entry("x", 8, team="search"), B, C])[0] == {
        "search": [A],
        "ranking": [],
    }


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("../../etc/passwd", "out/etc-passwd.json"),
        ("/etc/passwd", "out/etc-passwd.json"),
        ("a\\b\0c", "out/a-b-c.json"),
        (".ssh", "out/ssh.json"),
        ("-rf", "out/rf.json"),
        ("Zürich / A", "out/Zürich-A.json"),
        ("a.b+c=d@e_f", "out/a.b+c=d@e_f.json"),
        ("{name}", "out/name.json"),
        ("..", ""),
        ("", ""),
        ("///", ""),
    ],
)
def test_a_value_is_one_part_of_a_file_name(value: str, path: str) -> None:
    made = PathTemplate("out/{tag:Team}.json").path(entry("a", 1, tags={"Team": value}))
    assert made == path
    assert not made or PurePosixPath(made).parent == PurePosixPath("out")


def test_values_that_would_share_a_file_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("'a/b' and 'a b' would both be out/a-b.json")):
        PathTemplate("out/{tag:Team}.json").files([entry("x", 1, team="a/b"), entry("y", 2, team="a b")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{team}.json", "'team' is no field; the fields are name, "),
        ("{tag}.json", "'tag' is no field"),
        ("{}.json", "'' is no field"),
        ("{name!r}.json", "{name!r} can't be used; leave !r out"),
        ("{name", "expected '}' before end of string"),
        ("name}", "Single '}' encountered"),
    ],
)
def test_wrong_templates(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        PathTemplate(text)
