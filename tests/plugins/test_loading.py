"""Loading plugins from files and entry points, with their settings; listing and checking them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from bulkprof.errors import PluginError
from bulkprof.plugins.registry import Registry, check_file, listings
from tests.plugins.conftest import write_plugin


def install(directory: Path, monkeypatch: pytest.MonkeyPatch, points: str, dist: str = "acme-rules") -> None:
    """Put a distribution on the import path, as pip installs it."""
    info = directory / f"{dist.replace('-', '_')}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[bulkprof]\n{points}\n")
    monkeypatch.syspath_prepend(str(directory))


SETTINGS = """
class Plugin:
    class Settings(PluginSettings):
        limit: int = 3
    def __init__(self, settings, context):
        self.settings, self.context = settings, context
    @hookimpl
    def bulkprof_tag_profile(self): return {"limit": str(self.settings.limit), "name": self.context.name}
"""


def test_settings_and_context_reach_the_plugin(tmp_path: Path) -> None:
    registry = Registry({"mine": {**write_plugin(tmp_path, SETTINGS), "limit": 7, "enabled": True}}, tmp_path)
    assert list(registry.gather("bulkprof_tag_profile")) == [("mine", {"limit": "7", "name": "mine"})]
    assert registry.objects["mine"].context.directory == tmp_path


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"limit": "many"}, "plugins.mine.limit: Input should be a valid integer"),
        ({"limt": 1}, "plugins.mine.limt: is not a known key; did you mean limit?"),
        ({"x": 1}, "plugins.mine.x: is not a known key; there are limit"),
        ({"enabled": "yes"}, "`enabled` must be true or false"),
        ({"path": 3}, "`path` must be a string"),
        ({"path": "none.py"}, "none.py: no such file"),
        ({"path": "rules.txt"}, "rules.txt: is not a Python file (its name must end in .py)"),
    ],
)
def test_a_wrong_table_is_told_by_key(tmp_path: Path, table: dict[str, Any], message: str) -> None:
    write_plugin(tmp_path, "", "rules.txt")
    with pytest.raises(PluginError, match=re.escape(message)):
        Registry({"mine": {**write_plugin(tmp_path, SETTINGS), **table}}, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "@hookimpl\ndef bulkprof_sinks(run): ...",
        "class Plugin:\n    @hookimpl\n    def bulkprof_sinks(self, run): ...",
        "class Plugin:\n    def __init__(self, settings, context): assert settings is None\n"
        "    @hookimpl\n    def bulkprof_sinks(self, run): ...",
    ],
)
def test_a_plugin_without_settings_may_be_functions_or_a_class(tmp_path: Path, text: str) -> None:
    table = write_plugin(tmp_path, text)
    assert Registry({"mine": table}, tmp_path).hooks_of("mine") == ("bulkprof_sinks",)
    with pytest.raises(PluginError, match="takes no settings, but the config has limit"):
        Registry({"mine": {**table, "limit": 1}}, tmp_path)


def test_a_switched_off_plugin_is_not_imported(tmp_path: Path) -> None:
    assert Registry({"mine": {**write_plugin(tmp_path, "1 / 0"), "enabled": False}}, tmp_path).objects == {}


def test_an_installed_plugin_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_plugin(tmp_path, "class Guard:\n    @hookimpl\n    def bulkprof_check_plan(self, plan): ...", "acme_rules.py")
    install(tmp_path, monkeypatch, "guard = acme_rules:Guard")
    try:
        assert Registry({"guard": {}}, tmp_path).hooks_of("guard") == ("bulkprof_check_plan",)
    finally:
        sys.modules.pop("acme_rules", None)


def test_an_entry_point_that_cannot_be_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "guard = acme_gone:Guard")
    with pytest.raises(PluginError, match="plugin 'guard': can't be imported: ModuleNotFoundError"):
        Registry({"guard": {}}, tmp_path)


def test_a_plugin_that_is_not_installed_is_told_what_is(tmp_path: Path) -> None:
    installed = "catalog, eventbridge, naming, s3, slack, ssm, tags, webhook"
    expected = rf"plugin 'namign': is not installed \(installed: {installed}\); did you mean naming\?"
    with pytest.raises(PluginError, match=expected):
        Registry({"namign": {}}, tmp_path)


def test_two_distributions_that_offer_a_name_are_both_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "a", monkeypatch, "guard = acme_rules:Guard", dist="acme-rules")
    install(tmp_path / "b", monkeypatch, "guard = other:Guard", dist="other-rules")
    with pytest.raises(PluginError, match="is offered by acme-rules and other-rules; uninstall one of them"):
        Registry({"guard": {}}, tmp_path)


def test_listings_tell_everything_and_import_only_active_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Importing `acme_bomb` would fail, so a listing without an error shows that it wasn't imported.
    write_plugin(tmp_path, "1 / 0", "acme_bomb.py")
    install(tmp_path, monkeypatch, "bomb = acme_bomb\nlit = acme_bomb")
    tables = {
        "mine": write_plugin(tmp_path, "@hookimpl\ndef bulkprof_sinks(run): ..."),
        "off": {**write_plugin(tmp_path, "1 / 0", "off.py"), "enabled": False},
        "lit": {},
        "gone": {},
    }
    rows = {row.name: row for row in listings(tables, tmp_path)}
    assert list(rows)[:4] == ["mine", "off", "lit", "gone"]
    assert (rows["mine"].active, rows["mine"].hooks, rows["mine"].origin) == (True, ("bulkprof_sinks",), "rules.py")
    assert (rows["off"].active, rows["off"].error) == (False, "")
    assert (rows["bomb"].active, rows["bomb"].error) == (False, "")
    assert (rows["bomb"].version, rows["bomb"].origin) == ("1.2", "acme-rules")
    assert (rows["lit"].active, rows["lit"].origin) == (False, "acme-rules")
    assert "ZeroDivisionError" in rows["lit"].error
    assert "is not installed" in rows["gone"].error
    assert rows["naming"].origin == "bulkprof"
    assert "acme_bomb" not in sys.modules


def test_check_file_returns_the_hooks_without_needing_settings(tmp_path: Path) -> None:
    write_plugin(tmp_path, SETTINGS.replace("limit: int = 3", "limit: int"))
    assert check_file(tmp_path / "rules.py") == ("bulkprof_tag_profile",)
    write_plugin(tmp_path, "x = 1")
    with pytest.raises(PluginError, match="plugin 'rules': implements no hook"):
        check_file(tmp_path / "rules.py")


SINKS = """
import functools
from bulkprof.plugins import Sink, hookimpl

def noted(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)
    return wrapper

class Good(Sink):
    @noted
    async def deliver(self, outcomes):
        pass

class Audit(Good):
    def finish(self, run):
        return "https://example.com"

class Plugin:
    class Inner(Sink):
        def deliver(self, outcomes):
            pass

    @hookimpl
    def bulkprof_sinks(self, run):
        return [Audit()]
"""


def test_check_file_names_methods_of_sinks_that_are_not_async(tmp_path: Path) -> None:
    write_plugin(tmp_path, SINKS)
    with pytest.raises(
        PluginError, match=r"plugin 'rules': Audit.finish, Inner.deliver must be async: write `async def`"
    ):
        check_file(tmp_path / "rules.py")
    write_plugin(
        tmp_path,
        SINKS.replace("def finish", "async def finish").replace("        def deliver", "        async def deliver"),
    )
    assert check_file(tmp_path / "rules.py") == ("bulkprof_sinks",)
