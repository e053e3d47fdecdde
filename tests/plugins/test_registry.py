"""The registry: which plugins run, in which order, and what people are told when one can't."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkprof.errors import PluginError
from bulkprof.plugins import FinishedRun, PlanOverview, Problem, Request, RunContext, RunSummary, Sink, hookimpl
from bulkprof.plugins.registry import HOOKS, Registry, check_file, listings
from tests.factories import finished, run_context
from tests.plugins.conftest import MakeProfile

HEAD = "from bulkprof.plugins import *\n"
INIT = "class Plugin:\n    def __init__(self, settings, context):"


class Recorder:
    """A plugin with every hook; each call adds its hook and the plugin's name to `calls`."""

    def __init__(self, name: str, calls: list[tuple[str, str]]) -> None:
        self.name = name
        self.calls = calls

    def _fired(self, hook: str) -> None:
        self.calls.append((hook, self.name))

    @hookimpl
    def bulkprof_readers(self) -> dict[str, Any]:
        self._fired("bulkprof_readers")
        return {}

    @hookimpl
    def bulkprof_prepare_request(self, request: Request) -> Request:
        self._fired("bulkprof_prepare_request")
        return request

    @hookimpl
    def bulkprof_name_profile(self) -> str | None:
        self._fired("bulkprof_name_profile")
        return None

    @hookimpl
    def bulkprof_tag_profile(self) -> dict[str, str]:
        self._fired("bulkprof_tag_profile")
        return {}

    @hookimpl
    def bulkprof_check_profile(self) -> Iterator[Problem]:
        self._fired("bulkprof_check_profile")
        yield Problem("said by a generator")

    @hookimpl
    def bulkprof_check_plan(self, plan: PlanOverview) -> None:
        self._fired("bulkprof_check_plan")

    @hookimpl
    def bulkprof_sinks(self, run: RunContext) -> list[Any]:
        self._fired("bulkprof_sinks")
        return []

    @hookimpl
    def bulkprof_run_finished(self, summary: RunSummary) -> None:
        self._fired("bulkprof_run_finished")


def write(directory: Path, text: str, name: str = "rules.py") -> dict[str, Any]:
    """A local plugin file, and the config's table that names it."""
    (directory / name).write_text(HEAD + text)
    return {"path": name}


def install(directory: Path, monkeypatch: pytest.MonkeyPatch, points: str, dist: str = "acme-rules") -> None:
    """A distribution on the import path, as pip would leave it."""
    info = directory / f"{dist.replace('-', '_')}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[bulkprof]\n{points}\n")
    monkeypatch.syspath_prepend(str(directory))


def test_all_hooks_fire_in_the_order_of_the_hookspecs_and_the_plugins_in_that_of_the_config(tmp_path: Path) -> None:
    calls: list[tuple[str, str]] = []
    registry = Registry({}, tmp_path)
    for name in ("first", "second"):
        registry.add(name, Recorder(name, calls))
    for hook in HOOKS:
        list(registry.gather(hook, object()))
    assert calls == [
        ("bulkprof_readers", "first"),
        ("bulkprof_readers", "second"),
        ("bulkprof_prepare_request", "first"),
        ("bulkprof_prepare_request", "second"),
        ("bulkprof_name_profile", "first"),
        ("bulkprof_name_profile", "second"),
        ("bulkprof_tag_profile", "first"),
        ("bulkprof_tag_profile", "second"),
        ("bulkprof_check_profile", "first"),
        ("bulkprof_check_profile", "second"),
        ("bulkprof_check_plan", "first"),
        ("bulkprof_check_plan", "second"),
        ("bulkprof_sinks", "first"),
        ("bulkprof_sinks", "second"),
        ("bulkprof_run_finished", "first"),
        ("bulkprof_run_finished", "second"),
    ]
    assert registry.hooks_of("second") == HOOKS


@pytest.mark.parametrize("order", [["a", "b", "c"], ["c", "a", "b"]])
def test_the_order_of_the_tables_is_the_order_of_the_calls(tmp_path: Path, order: list[str]) -> None:
    tables = {
        name: write(tmp_path, f"@hookimpl\ndef bulkprof_tag_profile(): return {{'k': {name!r}}}", f"{name}.py")
        for name in order
    }
    answers = list(Registry(tables, tmp_path).gather("bulkprof_tag_profile", object()))
    assert answers == [(name, {"k": name}) for name in order]


def test_a_later_plugin_is_not_asked_once_the_first_answer_is_taken(tmp_path: Path) -> None:
    tables = {
        "silent": write(tmp_path, "@hookimpl\ndef bulkprof_name_profile(): return None", "silent.py"),
        "first": write(tmp_path, "@hookimpl\ndef bulkprof_name_profile(): return 'mine'", "first.py"),
        "broken": write(tmp_path, "@hookimpl\ndef bulkprof_name_profile(): 1 / 0", "broken.py"),
    }
    answers = iter(Registry(tables, tmp_path).gather("bulkprof_name_profile", object()))
    assert next(answers) == ("first", "mine")
    with pytest.raises(PluginError, match="plugin 'broken': bulkprof_name_profile: ZeroDivisionError"):
        next(answers)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@hookimpl\ndef bulkprof_tag_profiles(profile): ...", "is not a hook; did you mean bulkprof_tag_profile?"),
        ("@hookimpl\ndef bulkprof_zzz(): ...", "bulkprof_zzz is not a hook; the hooks are bulkprof_readers, "),
        ("@hookimpl\ndef bulkprof_tag_profile(row): ...", "Argument(s) {'row'} are declared in the hookimpl but"),
        ("def bulkprof_tag_profile(profile): ...", "bulkprof_tag_profile lacks the @hookimpl marker"),
        ("import functools\nbulkprof_sinks = hookimpl(functools.partial(print))", "must be a function or a method"),
        ("@hookimpl(wrapper=True)\ndef bulkprof_sinks(run): return (yield)", "sinks: hook wrappers are not supported"),
        ("@hookimpl(hookwrapper=True)\ndef bulkprof_sinks(run): yield", "sinks: hook wrappers are not supported"),
        ("@hookimpl(tryfirst=True)\ndef bulkprof_sinks(run): ...", "sinks: the order of plugins is the config's"),
        ("@hookimpl(trylast=True)\ndef bulkprof_sinks(run): ...", "sinks: the order of plugins is the config's"),
        ("@hookimpl\nasync def bulkprof_sinks(run): ...", "bulkprof_sinks must not be async"),
        ("x = 1", "implements no hook; the hooks are bulkprof_readers, "),
        ("1 / 0", "rules.py can't be imported: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "rules.py can't be imported: SystemExit: 3"),
        ("import no_such_module", "rules.py can't be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:", "rules.py can't be imported: SyntaxError"),
        ("Plugin = 3", "its entry point must be a class or a module, not int"),
        ("class Plugin:\n    Settings = dict", "its `Settings` must be a class derived from PluginSettings"),
        ("class Plugin:\n    def __init__(self): ...\n    def __init__(self, a): ...", "can't be made: TypeError"),
        (f"{INIT} raise ValueError('no file x')", "plugin 'mine': no file x"),
        (f"{INIT} {{}}['k']", "can't be made: KeyError: 'k'"),
    ],
)  # fmt: skip
def test_a_plugin_that_cannot_run_is_named_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PluginError, match=re.escape(message)) as caught:
        Registry({"mine": write(tmp_path, text)}, tmp_path)
    assert str(caught.value).startswith("plugin 'mine': ")
    assert "\n" not in str(caught.value)


def test_a_hook_of_a_newer_bulkprof_may_be_marked_optional(tmp_path: Path) -> None:
    text = "@hookimpl(optionalhook=True)\ndef bulkprof_later(): ...\n@hookimpl\ndef bulkprof_sinks(run): ..."
    assert Registry({"mine": write(tmp_path, text)}, tmp_path).hooks_of("mine") == ("bulkprof_sinks",)


def test_one_object_under_two_names_is_refused(tmp_path: Path) -> None:
    registry = Registry({}, tmp_path)
    plugin = Recorder("one", [])
    registry.add("one", plugin)
    with pytest.raises(PluginError, match="plugin 'two': is the same plugin as 'one'"):
        registry.add("two", plugin)


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
    registry = Registry({"mine": {**write(tmp_path, SETTINGS), "limit": 7, "enabled": True}}, tmp_path)
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
    write(tmp_path, "", "rules.txt")
    with pytest.raises(PluginError, match=re.escape(message)):
        Registry({"mine": {**write(tmp_path, SETTINGS), **table}}, tmp_path)


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
    table = write(tmp_path, text)
    assert Registry({"mine": table}, tmp_path).hooks_of("mine") == ("bulkprof_sinks",)
    with pytest.raises(PluginError, match="takes no settings, but the config has limit"):
        Registry({"mine": {**table, "limit": 1}}, tmp_path)


def test_a_switched_off_plugin_is_not_imported(tmp_path: Path) -> None:
    assert Registry({"mine": {**write(tmp_path, "1 / 0"), "enabled": False}}, tmp_path).objects == {}


def test_an_installed_plugin_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "class Guard:\n    @hookimpl\n    def bulkprof_check_plan(self, plan): ...", "acme_rules.py")
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
    with pytest.raises(
        PluginError,
        match=r"plugin 'namign': is not installed \(installed: naming, s3, slack, tags\); did you mean naming\?",
    ):
        Registry({"namign": {}}, tmp_path)


def test_two_distributions_that_offer_a_name_are_both_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "a", monkeypatch, "guard = acme_rules:Guard", dist="acme-rules")
    install(tmp_path / "b", monkeypatch, "guard = other:Guard", dist="other-rules")
    with pytest.raises(PluginError, match="is offered by acme-rules and other-rules; uninstall one of them"):
        Registry({"guard": {}}, tmp_path)


def test_listings_tell_everything_and_import_only_active_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Importing `acme_bomb` would fail, so a listing without an error shows that nobody did.
    write(tmp_path, "1 / 0", "acme_bomb.py")
    install(tmp_path, monkeypatch, "bomb = acme_bomb\nlit = acme_bomb")
    tables = {
        "mine": write(tmp_path, "@hookimpl\ndef bulkprof_sinks(run): ..."),
        "off": {**write(tmp_path, "1 / 0", "off.py"), "enabled": False},
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


def test_a_value_error_of_a_row_passes_and_any_other_error_names_its_plugin(
    tmp_path: Path, make_profile: MakeProfile
) -> None:
    text = """
@hookimpl
def bulkprof_tag_profile(profile): raise ValueError("needs a team")
@hookimpl
def bulkprof_check_profile(profile):
    yield Problem("first")
    raise KeyError("second")
@hookimpl
def bulkprof_sinks(run): raise ValueError("no webhook at https://u:secret@hooks.example.com/secret?secret")
@hookimpl
def bulkprof_check_plan(plan): raise SystemExit(3)
"""
    registry = Registry({"mine": write(tmp_path, text)}, tmp_path)
    with pytest.raises(ValueError, match=r"^needs a team$"):
        list(registry.gather("bulkprof_tag_profile", make_profile()))
    # A generator's error must not wait until somebody reads it and nobody knows whose it is.
    with pytest.raises(PluginError, match="plugin 'mine': bulkprof_check_profile: KeyError: 'second'"):
        registry.implementations("bulkprof_check_profile")[0].call(make_profile())
    # Foreign words may hold secrets.
    no_webhook = r"plugin 'mine': bulkprof_sinks: no webhook at https://hooks.example.com/…$"
    with pytest.raises(PluginError, match=no_webhook):
        list(registry.gather("bulkprof_sinks", run_context(None)))
    with pytest.raises(PluginError, match="plugin 'mine': bulkprof_check_plan: SystemExit: 3"):
        list(registry.gather("bulkprof_check_plan", object()))


def test_check_file_answers_the_hooks_without_needing_settings(tmp_path: Path) -> None:
    write(tmp_path, SETTINGS.replace("limit: int = 3", "limit: int"))
    assert check_file(tmp_path / "rules.py") == ("bulkprof_tag_profile",)
    write(tmp_path, "x = 1")
    with pytest.raises(PluginError, match="plugin 'rules': implements no hook"):
        check_file(tmp_path / "rules.py")


async def test_a_plain_sink_ignores_what_it_does_not_override() -> None:
    sink = Sink()
    await sink.deliver([])
    run: FinishedRun = finished([])
    assert await sink.finish(run) is None
    await sink.close()


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
    write(tmp_path, SINKS)
    with pytest.raises(
        PluginError, match=r"plugin 'rules': Audit.finish, Inner.deliver must be async: write `async def`"
    ):
        check_file(tmp_path / "rules.py")
    write(
        tmp_path,
        SINKS.replace("def finish", "async def finish").replace("        def deliver", "        async def deliver"),
    )
    assert check_file(tmp_path / "rules.py") == ("bulkprof_sinks",)


RULE = "@hookimpl\ndef bulkprof_check_profile(profile): pass\n"


@pytest.mark.parametrize("needed", ["team", [3], 3])
def test_what_a_plugin_needs_is_checked(tmp_path: Path, needed: object) -> None:
    registry = Registry({"mine": write(tmp_path, f"fields_needed = {needed!r}\n{RULE}")}, tmp_path)
    with pytest.raises(PluginError, match="plugin 'mine': fields_needed must be a list of NeededField"):
        registry.fields_needed()


def test_plugins_say_which_columns_they_read(tmp_path: Path) -> None:
    registry = Registry({}, tmp_path)
    assert registry.columns_read() == frozenset()
    tables = {
        "naming": {"template": "{team}-{tag:env}-{model}"},
        "tags": {"columns": {"App": "app", "Env": "TAG:env", "Where": "Account"}},
    }
    assert Registry(tables, tmp_path).columns_read() == {"team", "app"}
    registry = Registry(tables, tmp_path)
    registry.add("silent", Recorder("silent", []))
    assert registry.columns_read() is None


@pytest.mark.parametrize("fields", ["team", 1, [1]])
def test_fields_read_must_be_a_list_of_fields(tmp_path: Path, fields: Any) -> None:
    recorder = Recorder("odd", [])
    recorder.fields_read = fields  # type: ignore[attr-defined]
    registry = Registry({}, tmp_path)
    registry.add("odd", recorder)
    with pytest.raises(PluginError, match="fields_read must be a list of fields"):
        registry.columns_read()
