"""Calling a hook for a row, and what its answers and complaints turn into."""

from __future__ import annotations

from typing import Any

from bulkprof.limits import Fault
from bulkprof.model import Problem, Request
from bulkprof.plugins.registry import Implementation


def ask(implementation: Implementation, argument: Any, request: Request, problems: list[Problem]) -> Any:
    """The hook's answer, or None after its `ValueError`, which becomes a problem of the row naming the plugin."""
    try:
        return implementation.call(argument)
    except ValueError as error:
        message = f"plugin {implementation.plugin!r}: {str(error) or 'refuses the row'}"
        problems.append(Problem(message, request.file, request.line))
        return None


def cell_problem(request: Request, column: str, value: str, fault: Fault, plugin: str = "") -> Problem:
    """A fault as a problem of its row; `plugin` says who made the value, where the manifest didn't."""
    reason = f"from plugin {plugin!r}: {fault.reason}" if plugin else fault.reason
    return Problem(reason, request.file, request.line, column, value, fault.remedy)
