"""Checks a request against botocore's service model, as AWS does on its side.

botocore itself checks neither patterns, nor maximum lengths, nor enums, so a client gets these errors from the server.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, Final

from bulkprof.sandbox.errors import ApiError

_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "structure": dict,
    "list": list,
}


@cache
def service_model() -> Any:
    """Return botocore's ServiceModel of Bedrock. Reading it takes some tens of milliseconds, once."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model("bedrock", "service-2"), service_name="bedrock")


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    # AWS's patterns are Java's: \s and \w are ASCII there.
    return re.compile(pattern, re.ASCII)


def validate(operation: str, params: dict[str, Any]) -> None:
    """Raise ValidationException that names every constraint that the operation's input breaks."""
    shape = service_model().operation_model(operation).input_shape
    problems = list(_problems(shape, params, ""))
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise ApiError("ValidationException", f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")


def _problems(shape: Any, value: Any, where: str) -> list[str]:
    expected = _TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (shape.type_name == "integer" and value is True)):
        return [f"Value at '{where}' failed to satisfy constraint: Member must be of type {shape.type_name}"]
    if shape.type_name == "structure":
        return _structure_problems(shape, value, where)
    if shape.type_name == "list":
        found = _size_problems(shape, value, len(value), where)
        for index, item in enumerate(value, start=1):
            found += _problems(shape.member, item, f"{where}.{index}.member")
        return found
    if shape.type_name == "string":
        return _string_problems(shape, value, where)
    if shape.type_name == "integer":
        return _range_problems(shape, value, where)
    return []


def _structure_problems(shape: Any, value: dict[str, Any], where: str) -> list[str]:
    prefix = f"{where}." if where else ""
    found = [
        f"Value null at '{prefix}{name}' failed to satisfy constraint: Member must not be null"
        for name in shape.required_members
        if value.get(name) is None
    ]
    if shape.is_tagged_union and sum(value.get(name) is not None for name in shape.members) != 1:
        found.append(
            f"Value at '{where}' failed to satisfy constraint: Exactly one of {', '.join(shape.members)} must be set"
        )
    for name, member in shape.members.items():
        if value.get(name) is not None:
            found += _problems(member, value[name], prefix + name)
    return found


def _string_problems(shape: Any, value: str, where: str) -> list[str]:
    found = _size_problems(shape, value, len(value), where)
    if shape.enum and value not in shape.enum:
        constraint = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        found.append(_problem(shape, value, where, constraint))
    pattern = shape.metadata.get("pattern")
    if pattern and not _pattern(pattern).fullmatch(value):
        constraint = f"Member must satisfy regular expression pattern: {pattern}"
        found.append(_problem(shape, value, where, constraint))
    return found


def _size_problems(shape: Any, value: Any, size: int, where: str) -> list[str]:
    found = []
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if most is not None and size > most:
        found.append(_problem(shape, value, where, f"Member must have length less than or equal to {most}"))
    if least is not None and size < least:
        found.append(_problem(shape, value, where, f"Member must have length greater than or equal to {least}"))
    return found


def _range_problems(shape: Any, value: int, where: str) -> list[str]:
    found = []
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if most is not None and value > most:
        found.append(_problem(shape, value, where, f"Member must have value less than or equal to {most}"))
    if least is not None and value < least:
        found.append(_problem(shape, value, where, f"Member must have value greater than or equal to {least}"))
    return found


def _problem(shape: Any, value: Any, where: str, constraint: str) -> str:
    if shape.metadata.get("sensitive"):
        return f"Value at '{where}' failed to satisfy constraint: {constraint}"
    shown = value if isinstance(value, str) else json.dumps(value)
    return f"Value '{shown}' at '{where}' failed to satisfy constraint: {constraint}"
