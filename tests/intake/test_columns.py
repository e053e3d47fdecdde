from __future__ import annotations

import pytest

from bulkprof.intake.columns import distance, likely_column, understand


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("modle", "model"), ("models", "model"), ("Models", "model"), ("model_id", "model"), ("nmae", "name"),
        ("names", "name"), ("regions", "region"), ("reigon", "region"), ("aws_region", "region"),
        ("accounts", "account"), ("acount", "account"), ("Account ID", "account"), ("account_id", "account"),
        ("desc", "description"), ("descripton", "description"), ("discription", "description"),
        ("tags:Team", "tag:Team"), ("tag_Team", "tag:Team"), ("Tag: X", "tag:X"), ("tag :X", "tag:X"),
        ("tga:Team", "tag:Team"), ("tags", "tag:"), ("tag", "tag:"),
    ],
)  # fmt: skip
def test_misspelt(name: str, likely: str) -> None:
    assert likely_column(name) == likely
    (fault,) = understand([name], tag_object=False).faults
    assert "did you mean" in fault.fault.remedy


@pytest.mark.parametrize(
    "name",
    ["team", "app", "env", "note", "notes", "mode", "namespace", "game", "amount", "count", "unit", "about", "slack",
     "source", "regional", "accounting", "accountable", "religion", "owner", "cost:centre", "stage", "tagline"],
)  # fmt: skip
def test_words_of_their_own_are_attributes(name: str) -> None:
    columns = understand([name])
    assert columns.faults == ()
    assert columns.attributes == ((0, name),)


def test_known_columns_in_any_case() -> None:
    columns = understand([" Name", "MODEL ", "Tag:Team", "tags"])
    assert (columns.name, columns.model, columns.tags, columns.tag_object) == (0, 1, ((2, "Team"),), 3)
    assert columns.faults == ()


def test_a_synonym_beside_the_real_column_is_an_attribute() -> None:
    columns = understand(["account", "account_id"])
    assert columns.faults == ()
    assert columns.attributes == ((1, "account_id"),)


@pytest.mark.parametrize(
    ("left", "right", "slips"), [("", "a", 1), ("model", "model", 0), ("modle", "model", 1), ("abc", "xyz", 3)]
)
def test_distance(left: str, right: str, slips: int) -> None:
    assert distance(left, right) == slips
