"""YAML manifests: a list of profiles, or `profiles:` with one, read profile by profile.

PyYAML's parser says what is written where; values are put together here, as its `BaseLoader` does it: every scalar is
text as it is written. So `NO` stays a country, `007` an id and `1.10` a version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from bulkprof.errors import ConfigError
from bulkprof.limits import spell
from bulkprof.manifests.json_array import around_profiles
from bulkprof.manifests.json_rows import Found, json_object, to_rows
from bulkprof.model import Problem, RawRow
from bulkprof.plugins.api import Source
from bulkprof.tables.encoding import read_text
from bulkprof.text.looks import folded, visible

if TYPE_CHECKING:
    from yaml.events import Event

_DEEPEST = 20
_LARGEST = 10_000
"""Values of one profile, those that aliases stand for included: a few lines of them can stand for billions."""
_ESCAPED = "\\u"
"""Stands for a profile's text: YAML's escapes can write half characters, as JSON's can."""
_STANDARD = "tag:yaml.org,2002:"
_SHAPE = "write a list (- name: …), or profiles: with one under it"


class _WrongYamlError(Exception):
    """The file stops being a YAML manifest here; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse_yaml(source: Source) -> Iterator[RawRow | Problem]:
    """Yield the profiles of a YAML file; after a syntax error, a problem that says where, and nothing more.

    Raises `ConfigError` where PyYAML isn't installed.
    """
    try:
        import yaml
    except ImportError:
        what = "PyYAML, which reads it, is not installed: pip install 'bulkprof[yaml]'"
        raise ConfigError(f"{source.label}: {what}") from None
    with source.path.open("rb") as file:
        # The parser doesn't say where what it takes for no text stands.
        if wrong := _no_text(read_text(file, source.label), source.label, yaml.reader.Reader.NON_PRINTABLE):
            yield wrong
            return
        file.seek(0)
        loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        try:
            yield from _Document(yaml.parse(file, loader), source.label).rows()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            what = " ".join(filter(None, (error.context, error.problem)))
            yield Problem(f"not YAML at character {column} of the line: {what}", source.label, line)
        except _WrongYamlError as error:
            yield error.problem


def _no_text(pieces: Iterator[str | Problem], label: str, forbidden: re.Pattern[str]) -> Problem | None:
    """The first thing in a file that no YAML has: a byte that isn't UTF-8, a control character."""
    line = 1
    for piece in pieces:
        if isinstance(piece, Problem):
            return piece
        if found := forbidden.search(piece):
            line += piece.count("\n", 0, found.start())
            return Problem(f"{spell(found[0])} can't be in YAML", label, line, remedy="remove it, or write it as \\x…")
        line += piece.count("\n")
    return None


class _Document:
    """A file's values, put together from what the parser finds."""

    def __init__(self, events: Iterator[Event], label: str) -> None:
        import yaml

        self._yaml = yaml
        self._events = events
        self._label = label
        self._anchors: dict[str, tuple[Any, int]] = {}
        """Values by their anchors, and how many values each of them is."""
        self._size = 0

    def rows(self) -> Iterator[RawRow | Problem]:
        """Yield the profiles, and what keeps some from being one."""
        yaml = self._yaml
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                break
        else:
            return
        first = next(self._events)
        if isinstance(first, yaml.SequenceStartEvent):
            yield from to_rows(self._profiles(), self._label)
        elif isinstance(first, yaml.MappingStartEvent):
            yield from self._wrapper(first)
        elif isinstance(first, yaml.ScalarEvent) and not first.value:
            return
        else:
            self._stop(first, "a manifest can't be a single value", _SHAPE)
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._stop(event, "a second document begins here", "a manifest is one; write one list without ---")

    def _profiles(self) -> Iterator[Found]:
        for event in self._events:
            if isinstance(event, self._yaml.SequenceEndEvent):
                return
            self._size = 0
            line = _line(event)
            yield Found(self._value(event, 0), _ESCAPED, line)

    def _wrapper(self, first: Event) -> Iterator[RawRow | Problem]:
        """The mapping around the profiles; other keys (a version, anchors to use) mean nothing here."""
        yaml, label = self._yaml, self._label
        keys: list[str] = []
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = _line(event)
            written = self._key(event)
            value = next(self._events)
            key = folded(written)
            if key == "profiles" and "profiles" in keys:
                yield Problem("the key stands in the file more than once", label, line, key, remedy="join the two")
            keys.append(key if key == "profiles" else written)
            if key != "profiles":
                self._size = 0
                yield from around_profiles(written, self._value(value, 0), label, line)
            elif isinstance(value, yaml.SequenceStartEvent):
                yield from to_rows(self._profiles(), label)
            elif isinstance(value, yaml.AliasEvent) and isinstance(rows := self._value(value, 0), list):
                yield from to_rows((Found(row, _ESCAPED, line) for row in rows), label)
            elif not (isinstance(value, yaml.ScalarEvent) and not value.value):
                self._stop(value, "profiles: must be a list", _SHAPE)
        if "profiles" not in keys:
            found = ", ".join(map(repr, keys[:5])) or "nothing"
            line = _line(first)
            yield Problem(f"the file has no profiles:, only {found}", label, line, remedy=_SHAPE)

    def _key(self, event: Event) -> str:
        if not isinstance(event, self._yaml.ScalarEvent):
            self._stop(event, "a key must be a text", "write key: value")
        if event.value == "<<" and not event.style:
            self._stop(event, "a merge (<<) is not read", "write the values into each profile")
        self._note(event, event.value, 1)
        return str(event.value)

    def _value(self, event: Event, depth: int) -> Any:
        """The value that begins with `event`."""
        yaml = self._yaml
        before = self._size
        self._grow(event, 1)
        if depth > _DEEPEST:
            self._stop(event, "it is nested too deeply", "a profile has no more than tags inside it")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                self._stop(event, f"the alias *{event.anchor} names nothing above it", f"write &{event.anchor} first")
            value, size = self._anchors[event.anchor]
            self._grow(event, size)
            return value
        tag = getattr(event, "tag", None)
        if tag and tag != "!" and not tag.startswith(_STANDARD):
            self._stop(event, f"the tag {visible(tag)} means nothing in a manifest", "write the value itself")
        if isinstance(event, yaml.ScalarEvent):
            value = str(event.value)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
            while not isinstance(part := next(self._events), yaml.SequenceEndEvent):
                value.append(self._value(part, depth + 1))
        else:
            pairs: list[tuple[str, Any]] = []
            while not isinstance(part := next(self._events), yaml.MappingEndEvent):
                key = self._key(part)
                pairs.append((key, self._value(next(self._events), depth + 1)))
            value = json_object(pairs)
        self._note(event, value, self._size - before)
        return value

    def _grow(self, event: Event, size: int) -> None:
        self._size += size
        if self._size > _LARGEST:
            self._stop(event, f"a profile has more than {_LARGEST:,} values", "aliases count as what they stand for")

    def _note(self, event: Event, value: Any, size: int) -> None:
        if anchor := getattr(event, "anchor", None):
            self._anchors[anchor] = value, size

    def _stop(self, event: Event, message: str, remedy: str) -> NoReturn:
        raise _WrongYamlError(Problem(message, self._label, _line(event), remedy=remedy))


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
