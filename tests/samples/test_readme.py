"""The README and the page on the config tell the truth: commands, plugins and tables exist."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.cli.app import HOMES
from bulkprof.config.settings import Settings
from tests.cli.driver import CommandLine

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SESSION = re.findall(r"^\$ bulkprof (.*?)  +#", README.partition("Without `--sandbox`")[0], re.MULTILINE)
TABLES = [
    (page.name, block)
    for page in (ROOT / "README.md", ROOT / "docs" / "config.md")
    for block in re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_session_works_as_it_is_written(commands: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without AWS's settings, and with `--yes`, since a test is no terminal."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    Path("bulkprof.toml").unlink()
    codes = {}
    for line in SESSION:
        arguments = line.split()
        codes[line] = commands(*arguments, *(["--yes"] if arguments[0] in {"apply", "sync"} else [])).code
    assert len(codes) >= 9
    # Nothing was interrupted, so there is nothing to resume.
    assert codes.pop("resume") == 64
    assert not any(codes.values()), codes


def test_every_command_plugin_and_extra_has_a_line() -> None:
    listed = re.findall(r"`([\w-]+)[^`]*`", "\n".join(re.findall(r"^\| (`.*?) \|", README, re.MULTILINE)))
    assert set(HOMES) <= set(listed)
    assert set(PROJECT["entry-points"]["bulkprof"]) <= set(listed)
    assert set(re.findall(r"'bulkprof\[(\w+)\]'", README)) == set(PROJECT["optional-dependencies"])


def test_numbers_on_the_page_of_the_config_are_the_defaults() -> None:
    page, block = next((page, block) for page, block in TABLES if page == "config.md")
    defaults = Settings().model_dump()
    seen = 0

    def compare(table: dict[str, Any], expected: dict[str, Any]) -> None:
        nonlocal seen
        for key, value in table.items():
            if isinstance(value, dict):
                compare(value, expected.get(key) or {})
            elif isinstance(value, int | float):
                assert value == expected[key], f"{page}: {key}"
                seen += 1

    compare(tomllib.loads(block), defaults)
    assert seen > 10


@pytest.mark.parametrize(("page", "block"), TABLES)
def test_configs_load(page: str, block: str, tmp_path: Path) -> None:
    file = tmp_path / f"{page}.toml"
    file.write_text(block, encoding="utf-8")
    bulkprof.load_config(file)
