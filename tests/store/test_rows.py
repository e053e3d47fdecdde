"""Rows are read by the names of their columns, and only with values of the types that those have."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import pytest

from bulkprof.model import ActionKind
from bulkprof.store.errors import DamageError
from bulkprof.store.rows import columns, read, word


class Owner(NamedTuple):
    """What the queries below read."""

    team: str
    size: int
    lead: str | None


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE owner (lead, size, team)")
        yield connection


def owner(db: sqlite3.Connection, lead: object, size: object, team: object) -> Owner:
    """The row of these values, as it is read."""
    db.execute("DELETE FROM owner")
    db.execute("INSERT INTO owner VALUES (?, ?, ?)", (lead, size, team))
    return read(Owner, db.execute(f"SELECT {columns(Owner)} FROM owner").fetchone())


def test_names_count_and_not_the_order_of_the_table(db: sqlite3.Connection) -> None:
    assert owner(db, "Ann", 3, "blue") == Owner(team="blue", size=3, lead="Ann")
    assert owner(db, None, 3, "blue").lead is None


def test_a_column_may_be_an_expression(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO owner VALUES (NULL, 3, 'blue')")
    query = f"SELECT {columns(Owner, 'o', lead='upper(o.team)')} FROM owner o"
    assert read(Owner, db.execute(query).fetchone()) == Owner("blue", 3, "BLUE")


@pytest.mark.parametrize("values", [("Ann", "3", "blue"), ("Ann", 3, None), (b"Ann", 3, "blue"), ("Ann", 3.5, "blue")])
def test_a_value_of_another_type_is_damage(db: sqlite3.Connection, values: tuple[object, ...]) -> None:
    with pytest.raises(DamageError):
        owner(db, *values)


def test_a_word_that_no_run_writes_is_damage() -> None:
    assert word(ActionKind, "create") is ActionKind.CREATE
    with pytest.raises(DamageError, match="'x' is no ActionKind"):
        word(ActionKind, "x")
