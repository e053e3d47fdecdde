"""Regular expressions of a config, held to an end: one that backtracks for ever stops the run instead of hanging it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

MATCHING_S: Final = 1.0
"""Seconds of computing after which one text is given up: sound patterns need a millionth of it."""
_REPETITION = re.compile(r"(?<!\()[*+?{]")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_FEW = 3


class PatternTooSlowError(Exception):
    """A pattern that doesn't come to an end over a text: its rule can't be kept, so the run must not go on."""


class Pattern:
    """A regular expression in Python's syntax that a whole text must match: a type for the fields of settings."""

    def __init__(self, pattern: str) -> None:
        """Raises `ValueError` for what is no regular expression."""
        self.pattern = pattern
        try:
            self._fullmatch: Callable[[str], object] = re.compile(pattern).fullmatch
            if not _ends_soon(pattern):
                self._fullmatch = _bounded(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None

    def fullmatch(self, text: str) -> bool:
        """Whether the whole of `text` matches. Raises `PatternTooSlowError` where that takes for ever to find out."""
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
        """Let settings give the pattern as text."""
        return core_schema.no_info_plain_validator_function(cls._of)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> Any:
        """Say so in JSON Schemas, too."""
        return {"type": "string", "format": "regex"}


def _ends_soon(pattern: str) -> bool:
    """Whether the standard library's engine comes to an end of any text of a name's length, whatever it is.

    It tries all ways to share a text out among repetitions: few of them have few ways, and one within another has
    more than anybody can wait for. What only looks like a repetition counts as one.
    """
    return not _REPEATED_GROUP.search(pattern) and len(_REPETITION.findall(pattern)) <= _FEW


def _bounded(pattern: str) -> Callable[[str], object]:
    # It takes the same patterns and has a clock, but is half as fast, and loading it takes a moment.
    import regex

    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"{pattern!r} can't be used as a regular expression: {error}") from None

    def fullmatch(text: str) -> object:
        return compiled.fullmatch(text, timeout=MATCHING_S)

    return fullmatch
