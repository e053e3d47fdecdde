"""What pydantic finds wrong with settings, as lines for people."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def validation_lines(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return pydantic's findings about a `model` as lines for people: `run.attempts: Input should be … (got 'x')`.

    Values are shown only for plain numbers and booleans: strings may be secrets.
    """
    lines = []
    for finding in error.errors(include_url=False):
        place = ".".join(str(part) for part in finding["loc"]) or "settings"
        message = finding["msg"]
        if finding["type"] == "extra_forbidden":
            message = f"is not a known key{_instead(finding['loc'], model)}"
        elif finding["type"] == "value_error":
            message = message.removeprefix("Value error, ")
        elif isinstance(finding["input"], int | float):
            if finding["type"] in {"tuple_type", "string_type"}:
                message = "must be a text: write it in double quotes"
            message = f"{message} (got {_number(finding['input'])})"
        lines.append(f"{place}: {message}")
    return lines


def _instead(place: Sequence[str | int], model: type[BaseModel]) -> str:
    """What an unknown key is likely meant to be, or the keys that there are."""
    *path, key = place
    keys = list(_model_at(path, model).model_fields)
    if near := difflib.get_close_matches(str(key).lower(), keys, n=1, cutoff=0.7):
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(keys)}" if keys else ""


def _model_at(path: Sequence[str | int], model: type[BaseModel]) -> type[BaseModel]:
    """The model of the table at `path`, where what is in `model` can be followed so far."""
    for part in path:
        # An index into a list of tables stands for the tables themselves.
        if isinstance(part, str) and part in model.model_fields:
            model = _table_in(model.model_fields[part].annotation) or model
    return model


def _table_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table_in, get_args(annotation))), None)


def _number(value: float) -> str:
    # Python refuses to write out what has more than some thousand digits, and even a hundred are of no use in a line.
    return "a number of very many digits" if isinstance(value, int) and value.bit_length() > 200 else repr(value)
