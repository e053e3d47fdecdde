"""`[models]`: an alias is a model, or a table of models by Region; what is wrong with it is told in one go."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkprof.config import Settings, load, model_in
from bulkprof.errors import ConfigError

TABLE = {"us": "us.a.b", "us-gov": "us-gov.a.b", "eu-west-1": "eu.a.b", "default": "a.b"}


@pytest.mark.parametrize(
    ("region", "model"),
    [
        ("us-east-1", "us.a.b"),
        ("us-gov-west-1", "us-gov.a.b"),
        ("eu-west-1", "eu.a.b"),
        ("eu-west-10", "a.b"),
        ("use-east-1", "a.b"),
        ("ap-south-1", "a.b"),
    ],
)
def test_the_longest_key_that_fits_counts(region: str, model: str) -> None:
    assert model_in(TABLE, region) == model


def test_a_region_that_no_key_fits_has_no_model() -> None:
    assert model_in({"us-east-1": "us.a.b"}, "us-east-2") is None
    assert model_in({"us": "us.a.b"}, "us-gov-west-1") == "us.a.b"
    assert model_in("a.b", "anywhere") == "a.b"


def test_a_table_may_be_written_as_one(tmp_path: Path) -> None:
    file = tmp_path / "bulkprof.toml"
    file.write_text('[models]\nnova = "amazon.nova-lite-v1:0"\n[models.sonnet]\nus = "us.a.b"\ndefault = "geo:a.b"\n')
    assert load(file).settings.models == {
        "nova": "amazon.nova-lite-v1:0",
        "sonnet": {"us": "us.a.b", "default": "geo:a.b"},
    }


def test_all_that_is_wrong_is_told_in_one_go(tmp_path: Path) -> None:
    file = tmp_path / "bulkprof.toml"
    file.write_text(
        '[models]\none = { US = "a.b", "eu-" = "a.b" }\ntwo = {}\nthree = 3\nfour = { us = ["a.b"], eu = 4 }\n'
        'five = ["a.b"]\n[run]\nattempts = 0\n'
    )
    with pytest.raises(ConfigError) as told:
        load(file)
    keys = "write a Region or its beginning, such as us, us-gov or eu-west-1, or default"
    assert [line.removeprefix(f"{file}: ") for line in str(told.value).splitlines()] == [
        f"models.one: 'US', 'eu-' can't be the keys of a model by Region; {keys}",
        f"models.two: stands for no model; {keys}",
        "models.three: must be a text: write it in double quotes (got 3)",
        "models.four.us: Input should be a valid string",
        "models.four.eu: must be a text: write it in double quotes (got 4)",
        "models.five: Input should be a valid string",
        "run.attempts: Input should be greater than or equal to 1 (got 0)",
    ]


def test_the_schema_tells_both_forms() -> None:
    values = Settings.model_json_schema()["properties"]["models"]["additionalProperties"]
    assert [form["type"] for form in values["anyOf"]] == ["string", "object"]
