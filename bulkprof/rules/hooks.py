"""Hooks about a row: how they are called, the problems that come of it, and the chain that may change the row.

In the chain of `bulkprof_prepare_request`, each plugin gets the row as the one before it left it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bulkprof.errors import PluginError
from bulkprof.limits import Fault
from bulkprof.manifests.columns import NewNames
from bulkprof.model import Problem, Request
from bulkprof.plugins.fields import Attributes
from bulkprof.plugins.registry import Implementation, Registry
from bulkprof.text.looks import TAG_PREFIX


def ask(implementation: Implementation, argument: Any, request: Request, problems: list[Problem]) -> Any:
    """Return what the hook returns; None after its `ValueError`, which becomes a problem that names the plugin."""
    try:
        return implementation.call(argument)
    except ValueError as error:
        message = f"{_said_by(implementation.plugin)}{str(error) or 'refuses the row'}"
        problems.append(Problem(message, request.file, request.line, row=request.row))
        return None


def is_said_by(plugin: str, problem: Problem) -> bool:
    """Whether `problem` is the `ValueError` of a hook of `plugin`."""
    return problem.message.startswith(_said_by(plugin))


def _said_by(plugin: str) -> str:
    return f"plugin {plugin!r}: "


def cell_problem(request: Request, column: str, value: str, fault: Fault, plugin: str = "") -> Problem:
    """A fault as a problem of its row; `plugin` is the one that made the value, where the manifest didn't."""
    reason = f"from plugin {plugin!r}: {fault.reason}" if plugin else fault.reason
    return Problem(reason, request.file, request.line, column, value, fault.remedy, row=request.row)


class Preparation:
    """The plugins that enrich rows, in the config's order."""

    def __init__(self, registry: Registry) -> None:
        self._implementations = registry.implementations("bulkprof_prepare_request")
        self.active = bool(self._implementations)
        self.fields = NewNames()
        """The columns and tags (`tag:KEY`) that plugins gave rows."""

    def prepare(self, request: Request, problems: list[Problem]) -> Request:
        """The row as the last plugin left it. Raises `PluginError` for what isn't this row."""
        for implementation in self._implementations:
            answer = ask(implementation, request, request, problems)
            if answer is not None and answer is not request:
                _check(implementation.plugin, answer, request)
                self._note(request, answer)
                # A plugin may have made it without.
                request = answer if answer.row == request.row else replace(answer, row=request.row)
                if not isinstance(request.attributes, Attributes):
                    # The next plugins find columns in any case, too.
                    request = replace(request, attributes=Attributes(request.attributes))
        return request

    def _note(self, before: Request, after: Request) -> None:
        self.fields.note(after.attributes.keys() - before.attributes.keys())
        self.fields.note(f"{TAG_PREFIX}{key}" for key in after.tags.keys() - before.tags.keys())


def still_has(request: Request, problem: Problem) -> bool:
    """Whether the row as it is now has the value that `problem` is about."""
    column, value = problem.column, problem.value
    several = {"account": request.accounts, "region": request.regions, "model": request.models}
    if column in several:
        return value in several[column]
    if column in {"name", "description"}:
        return value == (request.name if column == "name" else request.description)
    # How many tags there may be in all is checked with those of the rules.
    return column.startswith("tag:") and request.tags.get(column.removeprefix("tag:"), "").strip() == value.strip()


def _check(plugin: str, answer: object, request: Request) -> None:
    """A wrong shape would surface far from the plugin that made it; wrong values are checked with all others."""
    hook = "bulkprof_prepare_request"
    if not isinstance(answer, Request):
        raise PluginError(plugin, f"{hook} returns a Request or None, not {type(answer).__name__}")
    if (answer.file, answer.line) != (request.file, request.line):
        raise PluginError(
            plugin, f"{hook} changed the row's file or line, which must stay {request.file}:{request.line}"
        )
    for field in ("models", "accounts", "regions"):
        values = getattr(answer, field)
        if not isinstance(values, tuple) or not all(isinstance(value, str) and value for value in values):
            raise PluginError(plugin, f"{hook} must leave {field} a tuple of non-empty strings, not {values!r}")
    for field in ("name", "description"):
        value = getattr(answer, field)
        if value is not None and not isinstance(value, str):
            raise PluginError(plugin, f"{hook} must leave {field} a string or None, not {value!r}")
    if not isinstance(answer.disown, bool):
        raise PluginError(plugin, f"{hook} must leave disown True or False, not {answer.disown!r}")
    for field in ("tags", "attributes"):
        mapping = getattr(answer, field)
        if not isinstance(mapping, Mapping) or not all(
            isinstance(key, str) and isinstance(value, str) for key, value in mapping.items()
        ):
            raise PluginError(plugin, f"{hook} must leave {field} a mapping of strings, not {mapping!r}")
