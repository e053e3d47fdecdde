"""Regular expressions of a config, with a time limit: one that backtracks endlessly stops the run with an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

MATCHING_S: Final = 1.0
"""Seconds after which matching a text is given up: usual patterns need a millionth of it."""
_REPETITION = re.compile(r"(?<!\()[*+?{]")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_FEW = 3


class PatternTooSlowError(Exception):
    """A pattern takes too long to match a text. Its rule can't be applied, so the run must not go on."""


class Pattern:
    """A regular expression in Python's syntax that a whole text must match: a type for the fields of settings."""

    def __init__(self, pattern: str) -> None:
        """Raises `ValueError` if `pattern` isn't a regular expression."""
        self.pattern = pattern
        try:
            self._fullmatch: Callable[[str], object] = re.compile(pattern).fullmatch
            if not _ends_soon(pattern):
                self._fullmatch = _bounded(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None

    def fullmatch(self, text: str) -> bool:
        """Return whether the whole of `text` matches. Raises `PatternTooSlowError` if that takes too long."""
        try:
            return self._fullmatch(text) is not None
        except TimeoutError:
            raise PatternTooSlowError(
                f"the pattern {self.pattern!r} takes too long to look at {text!r}; write it without repetitions "
                "within repetitions, such as (a+)+"
            ) from None

    @classmethod
    def _of(cls, value: object) -> Pattern:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError("must be a regular expression")  # noqa: TRY004  pydantic wants ValueError
        return cls(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Return a schema that takes the pattern as text."""
        return core_schema.no_info_plain_validator_function(cls._of)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> Any:
        """Return the same as JSON Schema."""
        return {"type": "string", "format": "regex"}


def _ends_soon(pattern: str) -> bool:
    """Return whether the standard library's engine matches any text of a name's length in short time.

    It tries all ways to divide a text among the repetitions. With few repetitions these are few; with one repetition
    within another there can be far too many. Anything that looks like a repetition is counted as one.
    """
    return not _REPEATED_GROUP.search(pattern) and len(_REPETITION.findall(pattern)) <= _FEW


def _bounded(pattern: str) -> Callable[[str], object]:
    # `regex` takes the same patterns and a timeout, but is half as fast, and takes a moment to load.
    import regex

    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"{pattern!r} can't be used as a regular expression: {error}") from None

    def fullmatch(text: str) -> object:
        return compiled.fullmatch(text, timeout=MATCHING_S)

    return fullmatch
