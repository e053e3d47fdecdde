"""A query's rows, read by the names of their columns, with values of the types that those have.

A `NamedTuple` says what a query reads: its fields are the names, and its annotations the types. The list of columns is
made from it, so names and positions can't part. `sqlite3.Row` would do that, too, and takes half as long again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from itertools import product
from typing import Any, NamedTuple, TypeVar, get_args, get_type_hints

from bulkprof.model import EMPTY
from bulkprof.store.errors import DamageError

R = TypeVar("R", bound=tuple[Any, ...])
"""A `NamedTuple`."""
W = TypeVar("W", bound=StrEnum)


def columns(shape: type[tuple[Any, ...]], table: str = "", **others: str) -> str:
    """Return the list of columns that a query of `shape` selects: those of `table`, but for the fields in `others`."""
    prefix = f"{table}." if table else ""
    return ", ".join(f"{others.get(field, prefix + field)} AS {field}" for field in get_type_hints(shape))


def read(shape: type[R], values: tuple[Any, ...]) -> R:
    """Return a row of a query of `shape`. Raises `DamageError` for a value of another type: SQLite takes any."""
    if tuple(map(type, values)) not in _types(shape):
        raise DamageError("a row's values aren't of its columns' types")
    return tuple.__new__(shape, values)


@cache
def _types(shape: type[tuple[Any, ...]]) -> frozenset[tuple[type, ...]]:
    """Return what the types of a row's values may be; a field of `str | None` has two."""
    return frozenset(product(*(get_args(kind) or (kind,) for kind in get_type_hints(shape).values())))


def words(kinds: Iterable[StrEnum]) -> str:
    """Return these words as a list of SQL: `('failed', 'unknown')`."""
    return f"({', '.join(repr(str(kind)) for kind in kinds)})"


def word(kind: type[W], text: Any) -> W:
    """Return one of the words that a column may hold. Raises `DamageError` for others."""
    try:
        return kind(text)
    except ValueError:
        raise DamageError(f"{text!a} is no {kind.__name__}") from None


def from_json(text: Any) -> Any:
    """Return the value of a JSON text. Raises `DamageError`."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise DamageError("a value isn't JSON") from None


def mapping(text: Any) -> Mapping[str, str]:
    """Return tags or the like. Raises `DamageError`."""
    if text == "{}":
        return EMPTY
    found = from_json(text)
    if not isinstance(found, dict):
        raise DamageError("tags aren't an object")
    return found


def keys(text: Any) -> tuple[str, ...]:
    """Return the values of a list, such as keys of tags. Raises `DamageError`."""
    found = from_json(text)
    if not isinstance(found, list):
        raise DamageError("a value isn't a list")
    return tuple(found)


class TargetRow(NamedTuple):
    """An account in a Region."""

    account: str
    region: str


class BegunRow(NamedTuple):
    """How far a target's actions were taken up."""

    begun: int


class CountRow(NamedTuple):
    """How many actions of a kind a target has."""

    account: str
    region: str
    kind: str
    number: int


class SourceRow(NamedTuple):
    """The first action that wants a model source."""

    id: int
    source: str
    account: str
    region: str


class WantedRow(NamedTuple):
    """What is read of a desired profile."""

    name: str
    account: str
    region: str
    model: str
    description: str | None
    tags: str
    attributes: str


class ChangeRow(NamedTuple):
    """A profile that a run changed."""

    account: str
    region: str
    name: str
    arn: str
    old_arn: str
    """The ARN that was replaced."""
    kind: str


class TotalRow(NamedTuple):
    """How many actions a run has."""

    desired: int
    deletions: int


class EndedRow(NamedTuple):
    """How many actions ended as what."""

    kind: str
    number: int


class CallRow(NamedTuple):
    """The calls of an AWS operation."""

    operation: str
    sent: int
    throttled: int
    failed: int


class CallTimeRow(NamedTuple):
    """How calls of an AWS operation were answered in a slice of time."""

    operation: str
    at: int
    sent: int
    throttled: int
    failed: int


class DeliveryRow(NamedTuple):
    """What a sink has of the run."""

    sink: str
    seq: int
    finished: int
