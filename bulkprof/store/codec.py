"""How the run file's tables look, and how their rows and the domain's values turn into each other."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import product
from typing import Any, TypeVar

from bulkprof.model import (
    EMPTY,
    NOT_REACHED,
    REPLACEMENT_OPEN,
    Action,
    ActionKind,
    DesiredProfile,
    Outcome,
    OutcomeKind,
    Problem,
    Refusal,
    Severity,
    Target,
)

ADDITIONS = """
CREATE TABLE IF NOT EXISTS replacement (     -- names whose profile was deleted, or was about to be, to be replaced
    account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, old_arn TEXT NOT NULL, run TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) WITHOUT ROWID;
"""
"""What came after the first version's tables: made when a file is opened that lacks it."""
SCHEMA = (
    """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE target (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL,
    begun INTEGER NOT NULL DEFAULT 0,        -- no action with a greater id was sent yet
    UNIQUE (account, region)
);
CREATE TABLE action (
    id INTEGER PRIMARY KEY,
    target INTEGER NOT NULL REFERENCES target,
    name TEXT NOT NULL,
    wanted INTEGER NOT NULL,                 -- 1: a desired profile; 0: a deletion
    file TEXT NOT NULL DEFAULT '', line INTEGER NOT NULL DEFAULT 0,
    model TEXT NOT NULL DEFAULT '', source TEXT NOT NULL DEFAULT '', description TEXT,
    tags TEXT NOT NULL DEFAULT '{}', attributes TEXT NOT NULL DEFAULT '{}',
    kind TEXT,                               -- NULL until planned
    source_arn TEXT NOT NULL DEFAULT '', arn TEXT NOT NULL DEFAULT '',
    set_tags TEXT NOT NULL DEFAULT '{}', remove_tags TEXT NOT NULL DEFAULT '[]', reason TEXT NOT NULL DEFAULT '',
    refusal_code TEXT, refusal_message TEXT, refusal_outcome TEXT
);
CREATE TABLE outcome (
    seq INTEGER PRIMARY KEY,
    action INTEGER NOT NULL UNIQUE REFERENCES action,
    kind TEXT NOT NULL, arn TEXT NOT NULL, old_arn TEXT NOT NULL, attempts INTEGER NOT NULL,
    error_code TEXT NOT NULL, error_message TEXT NOT NULL
);
CREATE TABLE problem (file TEXT, line INTEGER, col TEXT, value TEXT, message TEXT, remedy TEXT, severity TEXT);
CREATE TABLE invalid (file TEXT, line INTEGER, PRIMARY KEY (file, line)) WITHOUT ROWID;
CREATE TABLE call (operation TEXT PRIMARY KEY, sent INTEGER, throttled INTEGER, failed INTEGER) WITHOUT ROWID;
CREATE TABLE delivery (sink TEXT PRIMARY KEY, seq INTEGER NOT NULL, finished INTEGER NOT NULL) WITHOUT ROWID;
"""
    + ADDITIONS
)

ONE_NAME = "CREATE UNIQUE INDEX IF NOT EXISTS one_name ON action (target, name) WHERE wanted = 1"
BY_TARGET = "CREATE INDEX IF NOT EXISTS action_target ON action (target, id)"
INSERT_BRIEF = (
    "INSERT INTO action (target, name, wanted, file, line, source) VALUES (?, ?, 1, ?, ?, ?) ON CONFLICT DO NOTHING"
)
INSERT_DESIRED = (
    "INSERT INTO action (target, name, wanted, file, line, source, model, description, tags, attributes) "
    "VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
INSERT_DELETION = (
    "INSERT INTO action "
    "(target, name, wanted, kind, arn, tags, reason, refusal_code, refusal_message, refusal_outcome) "
    "VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE_PLAN = (
    "UPDATE action SET kind = ?, source_arn = ?, arn = ?, set_tags = ?, remove_tags = ?, reason = ?, "
    "refusal_code = ?, refusal_message = ?, refusal_outcome = ? WHERE id = ?"
)
SELECT_ACTION = (
    "SELECT a.id, t.account, t.region, a.kind, a.name, a.file, a.line, a.model, a.source, a.source_arn, a.description, "
    "a.tags, a.arn, a.set_tags, a.remove_tags, a.reason, a.refusal_code, a.refusal_message, a.refusal_outcome "
    "FROM action a JOIN target t ON t.id = a.target"
)
PROBLEM_COLUMNS = "message, file, line, col, value, remedy, severity"
INSERT_PROBLEM = f"INSERT INTO problem ({PROBLEM_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_OUTCOME = (
    "INSERT INTO outcome (action, kind, arn, old_arn, attempts, error_code, error_message) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_WHAT = "a.id, t.account, t.region, a.name, a.file, a.line, a.model, a.tags"
SELECT_OUTCOME = (
    f"SELECT o.seq, {_WHAT}, o.kind, o.arn, o.old_arn, o.attempts, o.error_code, o.error_message FROM outcome o "
    "JOIN action a ON a.id = o.action JOIN target t ON t.id = a.target"
)
OPEN_HERE = (
    "LEFT JOIN replacement r ON o.action IS NULL AND a.wanted = 1 AND r.account = t.account AND r.region = t.region "
    "AND r.name = a.name"
)
"""Finds the replacement that left a row's name without a profile, where the row (`a`, `t`, `o`) has no outcome."""
KIND_OR_OPEN = (
    f"coalesce(o.kind, CASE WHEN r.name IS NULL THEN '{OutcomeKind.SKIPPED}' ELSE '{OutcomeKind.FAILED}' END)"
)
"""An outcome's kind; what a row without one counts as."""
SELECT_RESULTS = (
    f"SELECT a.id, {_WHAT}, {KIND_OR_OPEN}, "
    "coalesce(o.arn, CASE WHEN r.name IS NULL THEN a.arn ELSE '' END), coalesce(o.old_arn, r.old_arn, ''), "
    "coalesce(o.attempts, 0), "
    f"coalesce(o.error_code, CASE WHEN r.name IS NULL THEN '{NOT_REACHED}' ELSE '{REPLACEMENT_OPEN}' END), "
    "coalesce(o.error_message, CASE WHEN r.name IS NULL THEN 'the run stopped before this profile' "
    "ELSE 'the old profile is deleted, or was about to be, and the run stopped before the new one was made' END) "
    "FROM action a JOIN target t ON t.id = a.target "
    f"LEFT JOIN outcome o ON o.action = a.id {OPEN_HERE} WHERE a.id > ? ORDER BY a.id LIMIT ?"
)
RESULT_KIND = 9
"""Where a row of `SELECT_RESULTS` has the outcome's kind."""
ADD_CALLS = (
    "INSERT INTO call VALUES (?, ?, ?, ?) ON CONFLICT (operation) DO UPDATE SET sent = sent + excluded.sent, "
    "throttled = throttled + excluded.throttled, failed = failed + excluded.failed"
)


Desired = tuple[Any, ...]
"""A desired profile as plain values: account and Region, name, file, line, and what else its form has.

With the target's id in the first one's place, they are the values of `INSERT_BRIEF` or `INSERT_DESIRED`.
"""
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _dump(mapping: Mapping[str, str]) -> str:
    return _encode(dict(mapping)) if mapping else "{}"


class DamageError(sqlite3.DatabaseError):
    """A run file holds what no run writes: told like what SQLite itself finds damaged."""


W = TypeVar("W", bound=StrEnum)


def words(kinds: Iterable[StrEnum]) -> str:
    """These words as a list of SQL: `('failed', 'unknown')`."""
    return f"({', '.join(repr(str(kind)) for kind in kinds)})"


def word(kind: type[W], text: Any) -> W:
    """One of the words that a column holds. Raises `DamageError` for others."""
    try:
        return kind(text)
    except ValueError:
        raise DamageError(f"{text!a} is no {kind.__name__}") from None


def typed(row: tuple[Any, ...], *kinds: type) -> tuple[Any, ...]:
    """A row whose values are of these types, one for each. Raises `DamageError` for another: SQLite takes any."""
    if tuple(map(type, row)) != kinds:
        raise DamageError("a row's values aren't of its columns' types")
    return row


def from_json(text: Any) -> Any:
    """The value of a JSON text. Raises `DamageError`."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise DamageError("a value isn't JSON") from None


def mapping(text: Any) -> Mapping[str, str]:
    """Tags or the like. Raises `DamageError`."""
    if text == "{}":
        return EMPTY
    found = from_json(text)
    if not isinstance(found, dict):
        raise DamageError("tags aren't an object")
    return found


def _keys(text: Any) -> tuple[str, ...]:
    """Keys of tags. Raises `DamageError`."""
    found = from_json(text)
    if not isinstance(found, list):
        raise DamageError("keys of tags aren't a list")
    return tuple(found)


def brief(profile: DesiredProfile) -> Desired:
    """What is asked of a profile that is checked only."""
    request, target = profile.request, profile.target
    return (target.account, target.region), profile.name, request.file, request.line, profile.source


def from_desired(profile: DesiredProfile) -> Desired:
    """All of a desired profile."""
    rest = profile.model, profile.description, _dump(profile.tags), _dump(profile.request.attributes)
    return (*brief(profile), *rest)


def _refusal(refusal: Refusal | None) -> tuple[Any, ...]:
    return (refusal.code, refusal.message, refusal.outcome) if refusal else (None, None, None)


def from_plan(action: Action) -> tuple[Any, ...]:
    """The values of `UPDATE_PLAN` but the id."""
    return (
        action.kind,
        action.source_arn,
        action.arn,
        _dump(action.set_tags),
        json.dumps(action.remove_tags) if action.remove_tags else "[]",
        action.reason,
        *_refusal(action.refusal),
    )


def from_deletion(target_id: int, action: Action) -> tuple[Any, ...]:
    """The values of `INSERT_DELETION`."""
    return (
        target_id,
        action.name,
        action.kind,
        action.arn,
        _dump(action.tags),
        action.reason,
        *_refusal(action.refusal),
    )


_MAYBE = (str, type(None))
_ACTION_TYPES = frozenset(
    product((int,), *[(str,)] * 2, _MAYBE, *[(str,)] * 2, (int,), *[(str,)] * 3, _MAYBE, *[(str,)] * 5, *[_MAYBE] * 3)
)
"""What types the values of a row of `SELECT_ACTION` may have."""


def to_action(row: tuple[Any, ...]) -> Action:
    """An action from a row of `SELECT_ACTION`; one that isn't planned yet has the kind `none`. Raises `DamageError`."""
    if tuple(map(type, row)) not in _ACTION_TYPES:
        raise DamageError("an action's values aren't of its columns' types")
    tags = mapping(row[11])
    return Action(
        id=row[0],
        target=Target(row[1], row[2]),
        kind=word(ActionKind, row[3]) if row[3] else ActionKind.NONE,
        name=row[4],
        file=row[5],
        line=row[6],
        model=row[7],
        source=row[8],
        source_arn=row[9],
        description=row[10],
        tags=tags,
        arn=row[12],
        # A creation sets the very tags that it declares.
        set_tags=tags if row[13] == row[11] else mapping(row[13]),
        remove_tags=() if row[14] == "[]" else _keys(row[14]),
        reason=row[15],
        refusal=Refusal(row[16], row[17], word(OutcomeKind, row[18])) if row[16] else None,
    )


def from_problem(problem: Problem) -> tuple[Any, ...]:
    """The values of `INSERT_PROBLEM`."""
    return (
        problem.message,
        problem.file,
        problem.line,
        problem.column,
        problem.value,
        problem.remedy,
        problem.severity,
    )


def to_problem(row: tuple[Any, ...]) -> Problem:
    """A problem from a row of `PROBLEM_COLUMNS`. Raises `DamageError`."""
    if bytes in map(type, row):
        raise DamageError("a problem isn't text")
    message, file, line, column, value, remedy, severity = row
    return Problem(message, file, line, column, value, remedy, word(Severity, severity))


def from_outcome(outcome: Outcome) -> tuple[Any, ...]:
    """The values of `INSERT_OUTCOME`."""
    return (
        outcome.action_id,
        outcome.kind,
        outcome.arn,
        outcome.old_arn,
        outcome.attempts,
        outcome.error_code,
        outcome.error_message,
    )


_OUTCOME_TYPES = (int, str, str, str, str, int, str, str, str, str, str, int, str, str)


def to_outcome(row: tuple[Any, ...]) -> Outcome:
    """An outcome from a row of `SELECT_OUTCOME` or `SELECT_RESULTS` without its first column. Raises `DamageError`."""
    typed(row, *_OUTCOME_TYPES)
    return Outcome(
        action_id=row[0],
        target=Target(row[1], row[2]),
        name=row[3],
        file=row[4],
        line=row[5],
        model=row[6],
        tags=mapping(row[7]),
        kind=word(OutcomeKind, row[8]),
        arn=row[9],
        old_arn=row[10],
        attempts=row[11],
        error_code=row[12],
        error_message=row[13],
    )
