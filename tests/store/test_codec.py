"""Values survive the run file column by column."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.model import (
    Action,
    ActionKind,
    DesiredProfile,
    Outcome,
    OutcomeKind,
    Problem,
    Refusal,
    Request,
    Severity,
    Target,
)
from bulkprof.store import codec
from bulkprof.store.rows import R, read
from bulkprof.store.schema import TABLES

TARGET = Target("111122223333", "us-east-1")
# SQLite stores no lone surrogates and cuts text at no NUL; intake lets neither through.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
MAPPING = st.dictionaries(TEXT, TEXT, max_size=3)
REFUSALS = st.none() | st.builds(Refusal, TEXT.filter(bool), TEXT, st.sampled_from(OutcomeKind))


@pytest.fixture(scope="module")
def db() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(TABLES)
    connection.execute("INSERT INTO target (id, account, region) VALUES (1, ?, ?)", (TARGET.account, TARGET.region))
    yield connection
    connection.close()


def one(db: sqlite3.Connection, shape: type[R], query: str, *values: object) -> R:
    """The only row of a query."""
    (found,) = db.execute(query, values).fetchall()
    return read(shape, found)


def stored(db: sqlite3.Connection, desired: DesiredProfile, planned: Action | None = None) -> Action:
    """The action as it reads after a desired profile was taken in and planned."""
    db.execute("DELETE FROM action")
    db.execute(codec.INSERT_DESIRED, (1, *codec.from_desired(desired)[1:]))
    if planned is not None:
        db.execute(codec.UPDATE_PLAN, (*codec.from_plan(planned), planned.id))
    return codec.to_action(one(db, codec.ActionRow, codec.SELECT_ACTION))


@given(name=TEXT, file=TEXT, line=st.integers(0, 2**40), model=TEXT, source=TEXT, tags=MAPPING, about=st.none() | TEXT)
def test_a_desired_profile_becomes_an_unplanned_action(
    db: sqlite3.Connection,
    *,
    name: str,
    file: str,
    line: int,
    model: str,
    source: str,
    tags: Mapping[str, str],
    about: str,
) -> None:
    request = Request(file, line, attributes={"team": name})
    profile = DesiredProfile(request, TARGET, model, source, name=name, description=about, tags=tags)
    assert stored(db, profile) == Action(
        1, TARGET, ActionKind.NONE, name, file, line, model, source, description=about, tags=tags
    )
    assert db.execute("SELECT attributes, kind FROM action").fetchone()[1] is None


@given(
    kind=st.sampled_from(ActionKind), arns=st.tuples(TEXT, TEXT), set_tags=MAPPING,
    removed=st.lists(TEXT).map(tuple), reason=TEXT, refusal=REFUSALS, old=MAPPING,
)  # fmt: skip
def test_a_plan_survives(
    db: sqlite3.Connection, *, kind: ActionKind, arns: tuple[str, str], set_tags: Mapping[str, str],
    removed: tuple[str, ...], reason: str, refusal: Refusal | None, old: Mapping[str, str],
) -> None:  # fmt: skip
    planned = Action(
        1, TARGET, kind, "a", "t.csv", 2, source_arn=arns[0], arn=arns[1], set_tags=set_tags, remove_tags=removed,
        reason=reason, refusal=refusal, old=old,
    )  # fmt: skip
    assert stored(db, DesiredProfile(Request("t.csv", 2), TARGET, "", "", name="a"), planned) == planned


@given(name=TEXT, arn=TEXT, tags=MAPPING, reason=TEXT, refusal=REFUSALS)
def test_a_deletion_survives(
    db: sqlite3.Connection, name: str, arn: str, tags: Mapping[str, str], reason: str, refusal: Refusal | None
) -> None:
    deletion = Action(1, TARGET, ActionKind.DELETE, name, arn=arn, tags=tags, reason=reason, refusal=refusal)
    db.execute("DELETE FROM action")
    db.execute(codec.INSERT_DELETION, codec.from_deletion(1, deletion))
    assert codec.to_action(one(db, codec.ActionRow, codec.SELECT_ACTION)) == deletion


@given(kind=st.sampled_from(OutcomeKind), arn=TEXT, old=TEXT, attempts=st.integers(0, 2**40), code=TEXT, message=TEXT)
def test_an_outcome_survives_with_what_its_row_says(
    db: sqlite3.Connection, *, kind: OutcomeKind, arn: str, old: str, attempts: int, code: str, message: str
) -> None:
    profile = DesiredProfile(Request("t.csv", 2), TARGET, "nova", "s", name="a", tags={"k": "v"})
    stored(db, profile)
    outcome = Outcome(1, TARGET, "a", kind, "t.csv", 2, arn, old, "nova", {"k": "v"}, attempts, code, message)
    db.execute("DELETE FROM outcome")
    db.execute(codec.INSERT_OUTCOME, codec.from_outcome(outcome))
    assert codec.to_outcome(one(db, codec.OutcomeRow, codec.SELECT_OUTCOME)) == outcome
    assert codec.to_outcome(one(db, codec.OutcomeRow, codec.SELECT_RESULTS, 0, 10)) == outcome


@given(message=TEXT, file=TEXT, line=st.integers(0, 2**40), cells=st.tuples(TEXT, TEXT, TEXT))
def test_a_problem_survives(
    db: sqlite3.Connection, message: str, file: str, line: int, cells: tuple[str, str, str]
) -> None:
    for severity in Severity:
        problem = Problem(message, file, line, *cells, severity=severity)
        db.execute("DELETE FROM problem")
        db.execute(codec.INSERT_PROBLEM, codec.from_problem(problem))
        assert codec.to_problem(one(db, codec.ProblemRow, codec.SELECT_PROBLEM)) == problem
