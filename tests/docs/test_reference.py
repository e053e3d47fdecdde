"""The reference has everything that it is about, and the table of results columns is the one that files have."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bulkprof import errors
from bulkprof.aws.errors.codes import CODES
from bulkprof.model import OutcomeKind
from bulkprof.plugins.registry import HOOKS
from bulkprof.plugins.results import RESULT_COLUMNS
from bulkprof.schemas.config import make
from tests.contract.surface import surface
from tests.docs.sessions import DOCS
from tools.site import pacing, reference


@cache
def made() -> Mapping[str, str]:
    """The pages as the site's build makes them, which takes no more than the code."""
    return reference.pages()


def test_every_command_and_flag_is_on_its_page(tmp_path: Path) -> None:
    page = made()["reference/commands.md"]
    for name, parameters in surface(tmp_path)["commands"].items():
        (section,) = re.findall(rf"^## bulkprof {name}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        for shown, variable in _flags(parameters):
            assert all(flag in section for flag in shown.split() if flag.startswith("-")), (name, shown)
            assert f"`{variable}`" in section or not variable, (name, shown)


def _flags(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    for name, each in parameters.items():
        if "variable" in each:
            yield name, each["variable"]
        else:
            yield from _flags(each)


def test_every_key_of_the_config_is_on_its_page_with_its_default() -> None:
    page = made()["reference/config.md"]
    parts = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert '| `estate` | text | `"default"` | The name that' in parts["At the top"]
    assert "| `max_calls_in_flight` | integer, 1 to 1000 | `64` | Calls whose answers are due." in parts["`[run]`"]
    assert "| `percent` | number, 0 to 100 | `25` | Of the estate's profiles" in parts["`[caps.replacements]`"]
    assert "| `template` |" in parts["`[plugins.naming]`"]
    assert "| `file` | text | needed |" in parts["`[[plugins.tags.lookup]]`"]
    keys = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    tables = {name for title in parts for name in re.findall(r"[\w-]+", title)}
    schema = make()
    sections = [schema, *schema["$defs"].values()]
    assert {key for section in sections for key in section["properties"]} <= keys | tables


def test_every_hook_is_on_its_page() -> None:
    page = made()["reference/hooks.md"]
    assert re.findall(r"^def (\w+)\(", page, re.MULTILINE) == list(HOOKS)


@pytest.mark.parametrize("code", errors.ExitCode)
def test_every_exit_code_is_on_its_page(code: errors.ExitCode) -> None:
    assert re.search(rf"^\| {int(code)} \| .+ \| .+ \|$", made()["reference/exit-codes.md"], re.MULTILINE)


def test_every_error_is_on_its_page_with_a_remedy(tmp_path: Path) -> None:
    page = made()["reference/errors.md"]
    roots = {"BulkprofError", "AwsError"}
    rows = re.findall(r"^\| `(\w+Error)` \| [^|]+ \| [^|]+ \| [^|]+ \|$", page, re.MULTILINE)
    assert sorted(rows) == sorted(set(surface(tmp_path)["errors"]) - roots)
    assert all(f"| `{code}` | `{kind.__name__}` |" in page for code, kind in CODES.items())


def test_results_have_the_columns_and_outcomes_that_their_page_lists() -> None:
    page = (DOCS / "results.md").read_text(encoding="utf-8")
    table = page[page.index("| column |") : page.index("New columns come at the end")]
    listed = [name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert listed == list(RESULT_COLUMNS)
    (outcomes,) = re.findall(r"^\| `outcome` \| (.+) \|$", table, re.MULTILINE)
    assert set(outcomes.split(", ")) == set(OutcomeKind)


def test_pages_name_no_option_of_the_library() -> None:
    assert not re.search(r"PydanticUndefined|<class|functools|typing\.", "".join(made().values()))


def test_the_group_of_the_site_is_bounded_and_not_in_the_one_that_tests_need() -> None:
    groups = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    assert all(re.fullmatch(r"[\w-]+>=[\d.]+,<\d+", each) for each in groups["docs"])
    assert not [each for each in groups["dev"] if "mkdocs" in each]


def test_the_picture_of_pacing_is_what_the_pacer_does() -> None:
    assert pacing.FILE.read_text(encoding="utf-8") == pacing.picture(), "run .venv/bin/python -m tools.site.pacing"
