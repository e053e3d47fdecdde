"""Formats of catalogs that plugins bring: `bulkprof_catalog_formats`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bulkprof.catalog.formats import FORMATS
from bulkprof.errors import PluginError
from bulkprof.plugins.catalog import catalog_formats
from bulkprof.plugins.registry import Registry
from tests.catalog.making import entry
from tests.cli.driver import CommandLine
from tests.plugins.conftest import write_plugin

NAMES = """
def names(entries):
    return CatalogText("".join(f"{each.name} {each.id}\\n" for each in entries), [each.name for each in entries[2:]])
@hookimpl
def bulkprof_catalog_formats(): return {"my-names": names}
"""


def formats(folder: Path, *plugins: str) -> object:
    tables = {f"p{number}": write_plugin(folder, text, f"p{number}.py") for number, text in enumerate(plugins)}
    return catalog_formats(Registry(tables, folder))


def returning(what: str) -> str:
    return f"@hookimpl\ndef bulkprof_catalog_formats(): return {what}"


def test_bulkprofs_own_come_first(tmp_path: Path) -> None:
    assert list(formats(tmp_path, NAMES, returning("None"))) == [*FORMATS, "my-names"]  # type: ignore[call-overload]


REASONS = """
from bulkprof.plugins import CatalogText, hookimpl

def none_of_it(entries):
    return CatalogText("", [f"here {number}: reason {number}" for number in range(19)] + ["one: same"] * 2 + ["x"] * 5)

@hookimpl
def bulkprof_catalog_formats():
    return {"none": none_of_it}
"""


def test_what_is_left_out_for_one_reason_is_a_line(commands: CommandLine) -> None:
    write_plugin(commands.folder, REASONS)
    commands.config('\n[plugins.rules]\npath = "rules.py"\n')
    commands.manifest("a")
    assert commands("apply", "teams.csv", "--sandbox", "--yes").code == 0
    told = commands("catalog", "--sandbox", "--format", "none").err.splitlines()
    assert [line.removeprefix("error: left out: ") for line in told] == [
        *(f"here {number}: reason {number}" for number in range(19)),
        "one: same",
        "6 more; --out PATH --json lists all",
    ]


def test_one_of_a_plugin_is_as_good_as_any(commands: CommandLine) -> None:
    write_plugin(commands.folder, NAMES)
    commands.config('\n[plugins.rules]\npath = "rules.py"\n')
    commands.manifest("a", "b", "c")
    assert commands("apply", "teams.csv", "--sandbox", "--yes").code == 0
    ended = commands("catalog", "--sandbox", "--format", "my-names")
    assert re.fullmatch(r"a \w{12}\nb \w{12}\nc \w{12}\n", ended.out)
    assert (ended.code, "left out: c" in ended.err) == (3, True)
    ended = commands("catalog", "--format", "none")
    assert "the formats are json, csv, env, tfvars, litellm, claude-code, opencode, my-names" in ended.err


@pytest.mark.parametrize(
    ("plugins", "message"),
    [
        ([returning("[]")], "plugin 'p0': bulkprof_catalog_formats returns formats by name, not list"),
        ([returning("{'My Format': str}")], "'My Format' is no name of a format, such as my-gateway"),
        ([returning("{1: str}")], "1 is no name of a format"),
        ([returning("{'mine': 'text'}")], "plugin 'p0': bulkprof_catalog_formats: mine is no function"),
        ([returning("{'json': str}")], "plugin 'p0': bulkprof_catalog_formats: bulkprof has a format json already"),
        ([NAMES, NAMES], "plugin 'p1': bulkprof_catalog_formats: plugin 'p0' has a format my-names already"),
        ([returning("1 / 0")], "plugin 'p0': bulkprof_catalog_formats: ZeroDivisionError"),
    ],
)
def test_wrong_formats_name_their_plugin(tmp_path: Path, plugins: list[str], message: str) -> None:
    with pytest.raises(PluginError, match=re.escape(message)):
        formats(tmp_path, *plugins)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("lambda entries: 'text'", "plugin 'p0': format mine returns a CatalogText, not str"),
        ("lambda entries: entries[9]", "plugin 'p0': format mine: IndexError: list index out of range"),
    ],
)
def test_a_format_that_fails_names_its_plugin(tmp_path: Path, made: str, message: str) -> None:
    found = formats(tmp_path, returning(f"{{'mine': {made}}}"))
    with pytest.raises(PluginError, match=re.escape(message)):
        found["mine"]([entry("a")])  # type: ignore[index]
