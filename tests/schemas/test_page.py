"""The page on editors tells the truth: its examples fit the schemas, and the files that it names are there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from bulkprof.cli.commands.init import CONFIG
from bulkprof.schemas import SchemaName, json_schema

PAGE = (Path(__file__).parents[2] / "docs" / "editors.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The page's example in this language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_examples_fit() -> None:
    manifest = Draft202012Validator(json_schema(SchemaName.MANIFEST))
    assert list(manifest.iter_errors(yaml.safe_load(block("yaml")))) == []
    assert CONFIG.startswith(block("toml"))
    names: dict[str, str] = {}
    exec(block("python"), names)
    assert json.loads(names["schema"]) == json_schema(SchemaName.RESULTS)


def test_every_schema_is_on_it() -> None:
    assert set(re.findall(r"bulkprof schema (\w+)", PAGE)) == set(SchemaName)
