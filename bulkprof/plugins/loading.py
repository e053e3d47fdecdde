"""Makes a plugin of its table in the config: finds it, imports it, and gives it its settings.

Only the plugin that is asked for is imported. Every error is a `PluginError` that names it.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from bulkprof.errors import PluginError
from bulkprof.plugins.api import PluginContext
from bulkprof.text.findings import validation_lines

GROUP = "bulkprof"
OWN = "bulkprof"
"""The distribution whose plugins come with bulkprof."""
_RESERVED = frozenset({"path", "enabled"})
"""Keys of a plugin's table that are the registry's; a plugin's own settings never see them."""

Installed = Mapping[str, Sequence[EntryPoint]]
"""Entry points by plugin name; more than one where several distributions claim a name."""


def find_installed() -> Installed:
    """Return the plugins that installed distributions offer. Reads their metadata and imports nothing."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return found


def shipped_settings() -> dict[str, type[BaseModel]]:
    """Return the settings of the plugins that come with bulkprof, by their names. Imports these plugins."""
    own = [point for points in find_installed().values() for point in points if point.dist and point.dist.name == OWN]
    return {point.name: point.load().Settings for point in sorted(own, key=lambda point: point.name)}


def is_enabled(name: str, table: Mapping[str, Any]) -> bool:
    """Return whether a plugin's table enables it: unless it has `enabled = false`."""
    enabled = table.get("enabled", True)
    if not isinstance(enabled, bool):
        raise PluginError(name, "`enabled` must be true or false")
    return enabled


def load_plugin(name: str, table: Mapping[str, Any], directory: Path, installed: Installed) -> Any:
    """Import the plugin `name`, and return it made with its settings. Raises `PluginError` that says what is wrong."""
    settings = {key: value for key, value in table.items() if key not in _RESERVED}
    if "path" in table:
        found: Any = import_path(name, table["path"], directory)
    else:
        found = _import_entry_point(name, installed)
    factory = getattr(found, "Plugin", None) if isinstance(found, ModuleType) else found
    if factory is None:
        _refuse_settings(name, settings)
        return found
    if not inspect.isclass(factory):
        raise PluginError(name, f"its entry point must be a class or a module, not {type(factory).__name__}")
    return _make(name, factory, settings, PluginContext(name=name, directory=directory))


def origin(points: Sequence[EntryPoint]) -> str:
    """Return the distributions that offer a plugin, for people."""
    return " and ".join(sorted(point.dist.name if point.dist else point.value for point in points))


def _make(name: str, factory: Callable[..., Any], settings: Mapping[str, Any], context: PluginContext) -> Any:
    model = getattr(factory, "Settings", None)
    if model is not None and not (inspect.isclass(model) and issubclass(model, BaseModel)):
        raise PluginError(name, "its `Settings` must be a class derived from PluginSettings")
    try:
        if model is not None:
            return factory(model.model_validate(settings), context)
        _refuse_settings(name, settings)
        # A class of hooks alone needs no constructor.
        return factory(None, context) if inspect.signature(factory).parameters else factory()
    except ValidationError as error:
        # Without settings, it is something of the plugin's own that was validated.
        said = validation_lines(error, model or BaseModel)
        raise PluginError(name, "; ".join(_finding(name, line) for line in said)) from None
    except PluginError:
        raise
    except ValueError as error:
        # As in hooks: a ValueError has a message for the user, about the settings.
        raise PluginError(name, str(error)) from error
    except (Exception, SystemExit) as error:
        raise PluginError(name, f"can't be made: {type(error).__name__}: {error}") from error


def _finding(name: str, line: str) -> str:
    # `validation_lines` writes "settings" for the whole table.
    place, _, message = line.partition(": ")
    at = f"plugins.{name}" if place == "settings" else f"plugins.{name}.{place}"
    return f"{at}: {message}"


def _refuse_settings(name: str, settings: Mapping[str, Any]) -> None:
    if settings:
        raise PluginError(name, f"takes no settings, but the config has {', '.join(settings)}")


def import_path(name: str, path: object, directory: Path) -> ModuleType:
    """Import a local file as the plugin `name`, and return the module. Raises `PluginError`."""
    if not isinstance(path, str):
        raise PluginError(name, "`path` must be a string")
    file = directory / path
    module_name = f"bulkprof_local_{name.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    if not file.is_file():
        raise PluginError(name, f"{file}: no such file")
    if spec is None or spec.loader is None:
        raise PluginError(name, f"{file}: is not a Python file (its name must end in .py)")
    module = importlib.util.module_from_spec(spec)
    # dataclasses and pydantic look up a class's module by name while the class is created.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise PluginError(name, f"{file} can't be imported: {type(error).__name__}: {error}") from error
    return module


def _import_entry_point(name: str, installed: Installed) -> Any:
    points = installed.get(name, ())
    if not points:
        known = ", ".join(sorted(installed)) or "none"
        near = difflib.get_close_matches(name.lower(), installed, n=1)
        remedy = f"did you mean {near[0]}?" if near else "name a local file with `path`"
        raise PluginError(name, f"is not installed (installed: {known}); {remedy}")
    if len(points) > 1:
        raise PluginError(name, f"is offered by {origin(points)}; uninstall one of them")
    try:
        return points[0].load()
    except (Exception, SystemExit) as error:
        raise PluginError(name, f"can't be imported: {type(error).__name__}: {error}") from error
