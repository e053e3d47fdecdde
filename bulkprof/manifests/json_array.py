"""JSON manifests: an array of objects, or an object with `profiles`; read object by object through a sliding window.

The standard library decodes whole documents, so the brackets around the objects are read here, and each object by
`raw_decode` on the part of the file that is in memory. An object that goes over the window's end is tried again with
more of the file; one that is longer than the limit is a problem.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from bulkprof.manifests.columns import KNOWN
from bulkprof.manifests.csv_rows import HeaderProblem
from bulkprof.manifests.json_rows import DECODER, Found, syntax_problem, to_rows
from bulkprof.manifests.likely import likely_column
from bulkprof.model import Problem, RawRow
from bulkprof.plugins.api import Source
from bulkprof.tables.encoding import read_text
from bulkprof.text.looks import TAG_PREFIX, folded, odd_letter, skeleton, tag_key, visible

LARGEST_OBJECT = 1 << 23
"""Characters of one object: far more than any profile has, and little enough to hold."""

_BLANK = re.compile(r"[ \t\r\n]*")
_EDGE = 16
"""An error this near the window's end may be a literal or an escape that was cut there."""
_SHAPE = 'write an array of objects, or {"profiles": [ … ]}'


class _SyntaxError(Exception):
    """The file stops being a JSON manifest here; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Window:
    """The part of a file that is in memory, and the place in it up to which it was read."""

    def __init__(self, file: BinaryIO, label: str) -> None:
        self._pieces = read_text(file, label)
        self._label = label
        self._text = ""
        self._at = 0
        self._line = 1
        self._column = 1
        self._fault: Problem | None = None
        self._ended = False

    @property
    def line(self) -> int:
        """The line of the next character."""
        return self._line

    def _more(self, least: int = 0) -> bool:
        """Read on, at least `least` characters where there are as many; False at the end of the file."""
        pieces = [self._text[self._at :]]
        got = 0
        while not self._ended and got <= least:
            piece = next(self._pieces, None)
            if piece is None or isinstance(piece, Problem):
                self._ended = True
                self._fault = piece
                break
            pieces.append(piece)
            got += len(piece)
        self._text = "".join(pieces)
        self._at = 0
        if not got and self._fault:
            raise _SyntaxError(self._fault)
        return got > 0

    def _advance(self, end: int) -> None:
        lines = self._text.count("\n", self._at, end)
        if lines:
            self._line += lines
            self._column = end - self._text.rfind("\n", self._at, end)
        else:
            self._column += end - self._at
        self._at = end

    def peek(self) -> str:
        """The next character that isn't blank, or nothing at the end of the file."""
        while True:
            match = _BLANK.match(self._text, self._at)
            if match:
                self._advance(match.end())
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> bool:
        """Step over the next character that isn't blank, if it is `wanted`."""
        if self.peek() != wanted:
            return False
        self._advance(self._at + 1)
        return True

    def expect(self, wanted: str) -> None:
        """Step over `wanted`, or say that it is missing."""
        if not self.take(wanted):
            raise self.error(f"{wanted!r} is missing")

    def error(self, message: str, at: int | None = None) -> _SyntaxError:
        """A syntax error here, or at `at` in the text."""
        if at is not None:
            self._advance(at)
        return _SyntaxError(syntax_problem(message, self._label, self._line, self._column))

    def value(self) -> tuple[Any, str]:
        """Decode the next value, and return it with its text."""
        self.peek()
        while True:
            size = len(self._text) - self._at
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # Reading on moves the text, so places are kept relative to where the value begins.
                place = error.pos - self._at
                cut = place >= size - _EDGE or error.msg.startswith("Unterminated string")
                if size > LARGEST_OBJECT:
                    raise self.error(f"an object is longer than {LARGEST_OBJECT:,} characters") from None
                if not cut or not self._more(size):
                    raise self.error(error.msg, self._at + place) from None
            except RecursionError:
                raise self.error("it is nested too deeply") from None
            else:
                length = end - self._at
                # A number at the end may go on in the next piece.
                if length < size or not self._more():
                    text = self._text[self._at : self._at + length]
                    self._advance(self._at + length)
                    return value, text


def parse_json(source: Source) -> Iterator[RawRow | Problem]:
    """Yield the profiles of a JSON file; after a syntax error, a problem that says where, and nothing more."""
    with source.path.open("rb") as file:
        window = _Window(file, source.label)
        try:
            if not window.peek():
                return
            if window.take("["):
                yield from to_rows(_array(window), source.label)
            elif window.take("{"):
                yield from _wrapper(window, source.label)
            else:
                raise window.error(f"a manifest can't begin with {window.peek()!r}; {_SHAPE}")
            if window.peek():
                raise window.error("more text after the end; for an object a line, name the file .jsonl")
        except _SyntaxError as error:
            yield error.problem


def _array(window: _Window) -> Iterator[Found]:
    if window.take("]"):
        return
    while True:
        window.peek()
        line = window.line
        value, text = window.value()
        yield Found(value, text, line)
        if window.take("]"):
            return
        if not window.take(","):
            raise window.error("',' or ']' is missing")


def _wrapper(window: _Window, label: str) -> Iterator[RawRow | Problem]:
    """The object around the profiles; other keys (a version, a name) mean nothing here."""
    keys: list[str] = []
    first = window.line
    while not window.take("}"):
        if keys:
            window.expect(",")
        if window.peek() != '"':
            raise window.error("a key in double quotes is missing")
        line = window.line
        written, _ = window.value()
        key = folded(written)
        window.expect(":")
        if key == "profiles" and "profiles" in keys:
            yield Problem("the key stands in the file more than once", label, line, "profiles", remedy="join the two")
        keys.append(written if key != "profiles" else key)
        if key == "profiles" and window.take("["):
            yield from to_rows(_array(window), label)
        elif key == "profiles":
            raise window.error('"profiles" must be an array')
        else:
            value, _ = window.value()
            yield from around_profiles(written, value, label, line)
    if "profiles" not in keys:
        found = ", ".join(repr(key) for key in keys[:5]) or "nothing"
        yield Problem(f'the object has no "profiles", only {found}', label, first, remedy=_SHAPE)


def around_profiles(written: str, value: object, label: str, line: int) -> Iterator[Problem]:
    """What is wrong with a key beside `profiles`."""
    if skeleton(written) == "profiles":
        message = f"looks like profiles and is not: {odd_letter(written) or visible(written)}"
        yield Problem(message, label, line, visible(written), remedy="write profiles")
    if meant := _meant_for_profiles(written, value):
        remedy = "write it into each profile, or under [defaults] in the config"
        yield HeaderProblem(f"{meant} beside the profiles is not read", label, line, visible(written), remedy=remedy)


def _meant_for_profiles(key: str, value: object) -> str:
    """What of a profile's a key beside the profiles says, or an object under it: a file may have a name of its own."""
    for name in (key, *(value if isinstance(value, dict) else ())):
        plain = folded(name)
        meant = TAG_PREFIX if tag_key(name) is not None else plain if plain in KNOWN else likely_column(name)
        if meant in {"account", "region", "model"} or meant.startswith(TAG_PREFIX):
            return "a tag" if meant.startswith(TAG_PREFIX) else meant
    return ""
