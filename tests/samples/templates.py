"""CloudFormation templates as tests read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest


@cache
def template(path: Path) -> dict[str, Any]:
    """A template with its functions as what they are given: `!Sub x` is `x`, and `!If [a, b, c]` a list. Read once."""
    yaml = pytest.importorskip("yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[misc,name-defined]
        """YAML with CloudFormation's tags."""

    def value(loader: Any, _suffix: str, node: Any) -> Any:
        return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else node.value

    Loader.add_multi_constructor("!", value)
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader))


def resources(path: Path, kind: str) -> dict[str, dict[str, Any]]:
    """The resources of one type, by their names in the template."""
    return {name: each for name, each in template(path)["Resources"].items() if each["Type"] == kind}


def substituted(text: str, path: Path, values: Mapping[str, str]) -> str:
    """What `!Sub` makes of a text, by the values that are given, and else by the template's defaults."""
    defaults = {name: str(each["Default"]) for name, each in template(path)["Parameters"].items() if "Default" in each}
    known = {"AWS::Partition": "aws", **defaults, **values}
    return re.sub(r"\$\{([\w:.]+)\}", lambda found: known[found[1]], text)
