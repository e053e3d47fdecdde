"""The installed plugins, the active ones, and calling their hooks.

A plugin is active if the config names it, and plugins are called in the order of the config. Nothing is imported
for a plugin that isn't named. pluggy checks every implementation against its specification; the hooks of a
run are then called one implementation at a time, so that an error names its plugin.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import GeneratorType, ModuleType
from typing import Any

import pluggy

from bulkprof.errors import PluginError
from bulkprof.plugins import hookspecs
from bulkprof.plugins.api import NeededField, Sink
from bulkprof.plugins.fields import column_of
from bulkprof.plugins.loading import find_installed, import_path, is_enabled, load_plugin, origin

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("bulkprof_"))
"""Every hook's name, in the order in which a run fires them."""
ROW_HOOKS = frozenset(
    {"bulkprof_prepare_request", "bulkprof_name_profile", "bulkprof_tag_profile", "bulkprof_check_profile"}
)
"""Hooks about one row, whose `ValueError` is that row's problem."""


@dataclass(frozen=True, slots=True)
class Implementation:
    """One plugin's implementation of one hook."""

    plugin: str
    hook: str
    function: Callable[..., Any]
    takes_argument: bool
    """False when the implementation left the hook's argument out of its signature."""

    def call(self, argument: Any = None) -> Any:
        """Call it, and return its result. Raises the `ValueError` of a hook about a row; all else as `PluginError`."""
        try:
            result = self.function(argument) if self.takes_argument else self.function()
            # A generator runs when it is read: here, where its errors get the plugin's name.
            return list(result) if type(result) is GeneratorType else result
        except PluginError:
            raise
        except (Exception, SystemExit) as error:
            if isinstance(error, ValueError) and self.hook in ROW_HOOKS:
                raise
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            raise PluginError(self.plugin, f"{self.hook}: {kind}{error}") from error


@dataclass(frozen=True, slots=True)
class PluginListing:
    """A line of `bulkprof plugins`."""

    name: str
    version: str
    origin: str
    """The distribution, or the local file."""
    active: bool
    hooks: tuple[str, ...]
    """Known for active plugins only: the others are not imported."""
    error: str = ""


class Registry:
    """The active plugins of one run."""

    def __init__(self, tables: Mapping[str, Mapping[str, Any]], directory: Path) -> None:
        """Load the plugins that `tables` (the config's `[plugins.*]`) names, in that order.

        `directory` is where relative paths start. Raises `PluginError` for the first that can't be used.
        """
        self._made_of = tables, directory
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.objects: dict[str, Any] = {}
        self._implementations: dict[str, tuple[Implementation, ...]] = dict.fromkeys(HOOKS, ())
        active = {name: table for name, table in tables.items() if is_enabled(name, table)}
        # Reading all installed metadata takes a moment, so it is done only if a plugin needs it.
        installed = {} if all("path" in table for table in active.values()) else find_installed()
        for name, table in active.items():
            self.add(name, load_plugin(name, table, directory, installed))

    def __reduce__(self) -> tuple[type[Registry], tuple[Mapping[str, Mapping[str, Any]], Path]]:
        """Another process makes its own, and loads the plugins once more: functions and modules aren't pickled."""
        return Registry, self._made_of

    def add(self, name: str, plugin: Any) -> None:
        """Add a plugin object; its hooks are called after those that were added before.

        Raises `PluginError` when an implementation doesn't fit its specification, or there is none.
        """
        for attribute in dir(plugin):
            if attribute.startswith("bulkprof_") and callable(value := getattr(plugin, attribute)):
                if not hasattr(value, "bulkprof_impl"):
                    raise PluginError(name, f"{attribute} lacks the @hookimpl marker")
                if not inspect.isroutine(value):
                    raise PluginError(name, f"{attribute} must be a function or a method")
        try:
            self._manager.register(plugin, name)
        except pluggy.PluginValidationError as error:
            # pluggy's message has a line for the plugin, one for the function, and then what is wrong.
            raise PluginError(name, "; ".join(str(error).splitlines()[1:])) from None
        except ValueError:
            same = next(other for other, registered in self.objects.items() if registered is plugin)
            raise PluginError(name, f"is the same plugin as {same!r}") from None
        callers = self._manager.get_hookcallers(plugin)
        if not callers:
            raise PluginError(name, f"implements no hook; the hooks are {', '.join(HOOKS)}")
        for caller in callers:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin:
                    _check(name, caller.name, implementation, known=caller.has_spec())
        self.objects[name] = plugin
        self._implementations = {hook: self._collect(hook) for hook in HOOKS}

    def _collect(self, hook: str) -> tuple[Implementation, ...]:
        """Return a hook's implementations in calling order: that of registration (pluggy's own is the reverse)."""
        return tuple(
            Implementation(found.plugin_name, hook, found.function, bool(found.argnames))
            for found in getattr(self._manager.hook, hook).get_hookimpls()
        )

    def implementations(self, hook: str) -> tuple[Implementation, ...]:
        """Return the implementations of `hook`, in calling order."""
        return self._implementations[hook]

    def hooks_of(self, name: str) -> tuple[str, ...]:
        """Return the hooks that the active plugin `name` implements."""
        return tuple(h for h in HOOKS if any(i.plugin == name for i in self._implementations[h]))

    def columns_read(self) -> frozenset[str] | None:
        """Return the manifests' columns that hooks about rows read, from their plugins' `fields_read`.

        None if a plugin has no such attribute, as it may read any column. Raises `PluginError` for a wrong one.
        """
        columns: set[str] = set()
        for name in {found.plugin: None for hook in sorted(ROW_HOOKS) for found in self._implementations[hook]}:
            fields = getattr(self.objects[name], "fields_read", None)
            if fields is None:
                return None
            if (
                isinstance(fields, str)
                or not isinstance(fields, Collection)
                or not all(isinstance(field, str) for field in fields)
            ):
                raise PluginError(name, f"fields_read must be a list of fields, not {fields!r}")
            columns.update(column for field in fields if (column := column_of(field)) is not None)
        return frozenset(columns)

    def fields_needed(self) -> list[tuple[str, NeededField]]:
        """Return the manifests' columns that plugins with hooks about rows need, each with its plugin.

        Raises `PluginError` if `fields_needed` isn't a list of `NeededField`.
        """
        found: list[tuple[str, NeededField]] = []
        for name in {found.plugin: None for hook in sorted(ROW_HOOKS) for found in self._implementations[hook]}:
            needed = getattr(self.objects[name], "fields_needed", ())
            if not isinstance(needed, Collection) or not all(isinstance(each, NeededField) for each in needed):
                raise PluginError(name, f"fields_needed must be a list of NeededField, not {needed!r}")
            found.extend((name, each) for each in needed if column_of(each.field) is not None)
        return found

    def gather(self, hook: str, argument: Any = None) -> Iterable[tuple[str, Any]]:
        """Call every implementation of `hook`, and yield (plugin, result) for each result that isn't None.

        Lazily: for a hook whose first result is used, take one and stop.
        """
        for implementation in self._implementations[hook]:
            result = implementation.call(argument)
            if result is not None:
                yield implementation.plugin, result


def _check(name: str, hook: str, found: pluggy.HookImpl, *, known: bool) -> None:
    """Raise `PluginError` for what pluggy allows, but bulkprof doesn't support."""
    if not known:
        # A plugin may be ready for hooks that only a newer bulkprof has.
        if found.optionalhook:
            return
        # All begin alike, so a likely one has to be very similar.
        near = difflib.get_close_matches(hook, HOOKS, n=1, cutoff=0.85)
        hint = f"did you mean {near[0]}?" if near else f"the hooks are {', '.join(HOOKS)}"
        raise PluginError(name, f"{hook} is not a hook; {hint}")
    if found.hookwrapper or found.wrapper:
        raise PluginError(name, f"{hook}: hook wrappers are not supported")
    if found.tryfirst or found.trylast:
        raise PluginError(name, f"{hook}: the order of plugins is the config's; leave tryfirst and trylast out")
    if inspect.iscoroutinefunction(found.function) or inspect.isasyncgenfunction(found.function):
        raise PluginError(name, f"{hook} must not be async; what does I/O is an object that a hook answers")


def listings(tables: Mapping[str, Mapping[str, Any]], directory: Path) -> Sequence[PluginListing]:
    """Return all plugins, active ones first in their order; inactive ones are not imported."""
    rows = []
    installed = dict(find_installed())
    for name, table in tables.items():
        points = () if "path" in table else installed.pop(name, ())
        version = points[0].dist.version if len(points) == 1 and points[0].dist else "-"
        place = origin(points) or str(table.get("path", "not installed"))
        try:
            active = is_enabled(name, table)
            hooks = Registry({name: table}, directory).hooks_of(name) if active else ()
            rows.append(PluginListing(name, version, place, active, hooks))
        except PluginError as error:
            rows.append(PluginListing(name, version, place, active=False, hooks=(), error=str(error)))
    for name, points in sorted(installed.items()):
        version = points[0].dist.version if len(points) == 1 and points[0].dist else "-"
        rows.append(PluginListing(name, version, origin(points), active=False, hooks=()))
    return rows


def check_file(file: Path) -> tuple[str, ...]:
    """Load a local plugin file without its settings, and return the hooks that it implements.

    Raises `PluginError` when it can't be imported, marks unknown hooks or implements none, and for sinks whose
    methods are not async.
    """
    name, directory = file.stem, file.absolute().parent
    module = import_path(name, file.name, directory)
    registry = Registry({}, directory)
    registry.add(name, getattr(module, "Plugin", module))
    if plain := list(_plain_methods(module)):
        raise PluginError(name, f"{', '.join(plain)} must be async: write `async def`")
    return registry.hooks_of(name)


def _plain_methods(module: ModuleType) -> Iterator[str]:
    """Yield the methods of a module's sinks that should be async and aren't."""
    outer = [value for value in vars(module).values() if inspect.isclass(value)]
    inner = [value for each in outer if each.__module__ == module.__name__ for value in vars(each).values()]
    for found in dict.fromkeys([*outer, *filter(inspect.isclass, inner)]):
        if issubclass(found, Sink):
            for method in ("deliver", "finish", "close"):
                function = inspect.unwrap(getattr(found, method))
                if inspect.isfunction(function) and not inspect.iscoroutinefunction(function):
                    yield f"{found.__name__}.{method}"
