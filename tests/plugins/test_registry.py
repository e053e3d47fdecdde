"""The registry: which plugins run, in which order, and the error when one can't."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkprof.errors import PluginError
from bulkprof.plugins import FinishedRun, PlanOverview, Problem, Request, RunContext, RunSummary, Sink, hookimpl
from bulkprof.plugins.registry import HOOKS, Registry
from tests.factories import finished, run_context
from tests.plugins.conftest import MakeProfile, write_plugin

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

    @hookimpl
    def bulkprof_permissions(self) -> list[Any]:
        self._fired("bulkprof_permissions")
        return []

    @hookimpl
    def bulkprof_catalog_formats(self) -> dict[str, Any]:
        self._fired("bulkprof_catalog_formats")
        return {}


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
        ("bulkprof_permissions", "first"),
        ("bulkprof_permissions", "second"),
        ("bulkprof_catalog_formats", "first"),
        ("bulkprof_catalog_formats", "second"),
    ]
    assert registry.hooks_of("second") == HOOKS


@pytest.mark.parametrize("order", [["a", "b", "c"], ["c", "a", "b"]])
def test_the_order_of_the_tables_is_the_order_of_the_calls(tmp_path: Path, order: list[str]) -> None:
    tables = {
        name: write_plugin(tmp_path, f"@hookimpl\ndef bulkprof_tag_profile(): return {{'k': {name!r}}}", f"{name}.py")
        for name in order
    }
    results = list(Registry(tables, tmp_path).gather("bulkprof_tag_profile", object()))
    assert results == [(name, {"k": name}) for name in order]


def test_a_later_plugin_is_not_asked_once_the_first_answer_is_taken(tmp_path: Path) -> None:
    tables = {
        "silent": write_plugin(tmp_path, "@hookimpl\ndef bulkprof_name_profile(): return None", "silent.py"),
        "first": write_plugin(tmp_path, "@hookimpl\ndef bulkprof_name_profile(): return 'mine'", "first.py"),
        "broken": write_plugin(tmp_path, "@hookimpl\ndef bulkprof_name_profile(): 1 / 0", "broken.py"),
    }
    results = iter(Registry(tables, tmp_path).gather("bulkprof_name_profile", object()))
    assert next(results) == ("first", "mine")
    with pytest.raises(PluginError, match="plugin 'broken': bulkprof_name_profile: ZeroDivisionError"):
        next(results)


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
        Registry({"mine": write_plugin(tmp_path, text)}, tmp_path)
    assert str(caught.value).startswith("plugin 'mine': ")
    assert "\n" not in str(caught.value)


def test_a_hook_of_a_newer_bulkprof_may_be_marked_optional(tmp_path: Path) -> None:
    text = "@hookimpl(optionalhook=True)\ndef bulkprof_later(): ...\n@hookimpl\ndef bulkprof_sinks(run): ..."
    assert Registry({"mine": write_plugin(tmp_path, text)}, tmp_path).hooks_of("mine") == ("bulkprof_sinks",)


def test_one_object_under_two_names_is_refused(tmp_path: Path) -> None:
    registry = Registry({}, tmp_path)
    plugin = Recorder("one", [])
    registry.add("one", plugin)
    with pytest.raises(PluginError, match="plugin 'two': is the same plugin as 'one'"):
        registry.add("two", plugin)


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
    registry = Registry({"mine": write_plugin(tmp_path, text)}, tmp_path)
    with pytest.raises(ValueError, match=r"^needs a team$"):
        list(registry.gather("bulkprof_tag_profile", make_profile()))
    # A generator's error must be raised here, where its plugin is known, and not when it is read.
    with pytest.raises(PluginError, match="plugin 'mine': bulkprof_check_profile: KeyError: 'second'"):
        registry.implementations("bulkprof_check_profile")[0].call(make_profile())
    # Foreign words may hold secrets.
    no_webhook = r"plugin 'mine': bulkprof_sinks: no webhook at https://hooks.example.com/…$"
    with pytest.raises(PluginError, match=no_webhook):
        list(registry.gather("bulkprof_sinks", run_context(None)))
    with pytest.raises(PluginError, match="plugin 'mine': bulkprof_check_plan: SystemExit: 3"):
        list(registry.gather("bulkprof_check_plan", object()))


async def test_a_plain_sink_ignores_what_it_does_not_override() -> None:
    sink = Sink()
    await sink.deliver([])
    run: FinishedRun = finished([])
    assert await sink.finish(run) is None
    await sink.close()


RULE = "@hookimpl\ndef bulkprof_check_profile(profile): pass\n"


@pytest.mark.parametrize("needed", ["team", [3], 3])
def test_what_a_plugin_needs_is_checked(tmp_path: Path, needed: object) -> None:
    registry = Registry({"mine": write_plugin(tmp_path, f"fields_needed = {needed!r}\n{RULE}")}, tmp_path)
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
