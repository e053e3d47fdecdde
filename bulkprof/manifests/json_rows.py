"""Rows from JSON objects, and JSON Lines manifests, which have an object a line.

They are read by the standard library's decoder, made to keep what a manifest must not lose.

Numbers stay as they are written (`1.50`, an account id of any length), keys that repeat are noticed, and `NaN` or
`Infinity`, which JSON doesn't have, become a value that no cell takes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from bulkprof.model import Problem, RawRow
from bulkprof.plugins.api import Source
from bulkprof.tables.encoding import WHOLE, Span, read_blocks
from bulkprof.text.looks import visible

_DEEPEST = 10
_LONE = re.compile(r"[\ud800-\udfff]")
"""Half of a character: JSON's escapes can write it, nothing can print it."""


class Repeating(dict[str, Any]):
    """An object with keys that stand in it more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs)
        self.repeated = tuple(key for key, count in counts.items() if count > 1)


class NotJson:
    """`NaN`, `Infinity` or `-Infinity`."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of keys and values, which remembers keys that repeat."""
    made = dict(pairs)
    return made if len(made) == len(pairs) else Repeating(pairs)


DECODER = json.JSONDecoder(object_pairs_hook=json_object, parse_int=str, parse_float=str, parse_constant=NotJson)


class Found(NamedTuple):
    """A decoded value where a row should be."""

    value: object
    text: str
    """Its source."""
    line: int


def to_rows(values: Iterator[Found], label: str) -> Iterator[RawRow | Problem]:
    """Yield the rows that decoded values are, or what keeps them from being rows; those of one line are numbered.

    What `values` raises passes, after the rows before it.
    """
    row = 0
    this = _next(values)
    while isinstance(this, Found):
        following = _next(values)
        is_shared = isinstance(following, Found) and following.line == this.line
        row = row + 1 if row or is_shared else 0
        yield from to_row(this, label, row)
        row, this = row if is_shared else 0, following
    if this is not None:
        raise this


def _next(values: Iterator[Found]) -> Found | Exception | None:
    """Return the next one, what is raised instead of it, or None at the end."""
    try:
        return next(values, None)
    except Exception as error:  # noqa: BLE001 - it is raised again when the row before it is out
        return error


def to_row(found: Found, label: str, row: int = 0) -> Iterator[RawRow | Problem]:
    """Yield the row that a decoded value is, or what keeps it from being one. `row` is its number on its line."""
    value, text, line = found
    if not isinstance(value, dict):
        kind = "a list" if isinstance(value, list) else "a single value"
        remedy = 'write an object: {"model": …, …}'
        yield Problem(f"{kind} where a profile should be", label, line, remedy=remedy, row=row)
        return
    if _is_deep(value):
        remedy = "a profile has no more than tags inside it"
        yield Problem("the object is nested too deeply", label, line, remedy=remedy, row=row)
        return
    problems = [
        Problem("the key stands in its object more than once", label, line, visible(key), remedy="keep one", row=row)
        for key in _repetitions(value)
    ]
    # Escapes are rare; only they can make half characters of sound UTF-8.
    if "\\u" in text and any(_LONE.search(part) for part in _strings(value)):
        remedy = r"write both halves of the pair, e.g. \ud83d\ude00, or the character itself"
        problems.append(Problem(r"a \u escape is half of a character", label, line, remedy=remedy, row=row))
    if problems:
        yield from problems
    else:
        yield RawRow(line, value, row)


def _is_deep(value: object) -> bool:
    """Whether `value` goes deeper than any profile: what follows is recursive, and hostile input may not reach it."""
    level: list[object] = [value]
    for _ in range(_DEEPEST):
        parts: list[object] = []
        for one in level:
            if isinstance(one, dict):
                parts += one.values()
            elif isinstance(one, list):
                parts += one
        level = [part for part in parts if part.__class__ is not str]
        if not level:
            return False
    return True


def _repetitions(value: object) -> Iterator[str]:
    if isinstance(value, Repeating):
        yield from value.repeated
    if isinstance(value, dict):
        for part in value.values():
            if part.__class__ is not str:
                yield from _repetitions(part)
    elif isinstance(value, list):
        for part in value:
            if part.__class__ is not str:
                yield from _repetitions(part)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def syntax_problem(message: str, label: str, line: int, column: int) -> Problem:
    """Where and why a text is not JSON."""
    return Problem(f"not JSON at character {column} of the line: {message}", label, line)


def parse_json_lines(source: Source, span: Span = WHOLE) -> Iterator[RawRow | Problem]:
    """Yield the rows of a JSON Lines file, and a problem in the place of each line that can't be read.

    Reading goes on after such a line.
    """
    with source.path.open("rb") as file:
        for block in read_blocks(file, source.label, span):
            for number, line in enumerate(block.lines, block.first):
                if number in block.bad:
                    yield block.bad[number]
                elif line.strip():
                    yield from _parse_line(line, source.label, number)
            if not block.complete:
                yield from block.bad.values()


def _parse_line(line: str, label: str, number: int) -> Iterator[RawRow | Problem]:
    try:
        value = DECODER.decode(line)
    except json.JSONDecodeError as error:
        yield syntax_problem(error.msg, label, number, error.pos + 1)
    except RecursionError:
        yield syntax_problem("it is nested too deeply", label, number, 1)
    else:
        yield from to_row(Found(value, line, number), label)
