"""How rows of the run file and the domain's values turn into each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic_core import to_json

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
from bulkprof.store.rows import columns, keys, mapping, word


class ActionRow(NamedTuple):
    """What is read of an action."""

    id: int
    account: str
    region: str
    kind: str | None
    name: str
    file: str
    line: int
    model: str
    source: str
    source_arn: str
    description: str | None
    tags: str
    arn: str
    set_tags: str
    remove_tags: str
    reason: str
    refusal_code: str | None
    refusal_message: str | None
    refusal_outcome: str | None
    old: str
    row: int


class OutcomeRow(NamedTuple):
    """What is read of an outcome."""

    seq: int
    action: int
    account: str
    region: str
    name: str
    file: str
    line: int
    model: str
    tags: str
    kind: str
    arn: str
    old_arn: str
    attempts: int
    error_code: str
    error_message: str
    source_arn: str
    description: str


class ProblemRow(NamedTuple):
    """What is read of a problem."""

    message: str
    file: str
    line: int
    col: str
    value: str
    remedy: str
    severity: str
    row: int


INSERT_BRIEF = "INSERT INTO action (target, name, wanted, file, line, row, source) VALUES (?, ?, 1, ?, ?, ?, ?)"
INSERT_DESIRED = (
    "INSERT INTO action (target, name, wanted, file, line, row, source, model, description, tags, attributes) "
    "VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_DELETION = (
    "INSERT INTO action "
    "(target, name, wanted, kind, arn, tags, reason, refusal_code, refusal_message, refusal_outcome) "
    "VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE_PLAN = (
    "UPDATE action SET kind = ?, source_arn = ?, arn = ?, set_tags = ?, remove_tags = ?, reason = ?, "
    "refusal_code = ?, refusal_message = ?, refusal_outcome = ?, old = ? WHERE id = ?"
)
SELECT_ACTION = (
    f"SELECT {columns(ActionRow, 'a', account='t.account', region='t.region')} "
    "FROM action a JOIN target t ON t.id = a.target"
)
SELECT_PROBLEM = f"SELECT {columns(ProblemRow)} FROM problem ORDER BY rowid"
INSERT_PROBLEM = (
    "INSERT INTO problem (message, file, line, col, value, remedy, severity, row) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_INVALID = "INSERT OR IGNORE INTO invalid (file, line, row) VALUES (?, ?, ?)"
INSERT_OUTCOME = (
    "INSERT INTO outcome (action, kind, arn, old_arn, attempts, error_code, error_message) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_OF_TARGET = {"account": "t.account", "region": "t.region"}
_OF_ACTION = {
    "action": "a.id",
    **{name: f"a.{name}" for name in ("name", "file", "line", "model", "tags")},
    "description": "coalesce(a.description, '')",
}


def _source_of(arn: str) -> str:
    """Return the SQL of what the profile `arn` is made from: what was to be replaced is made from another source."""
    return f"CASE WHEN a.kind = '{ActionKind.REPLACE}' AND {arn} = a.arn THEN '' ELSE a.source_arn END"


SELECT_OUTCOME = (
    f"SELECT {columns(OutcomeRow, 'o', **_OF_TARGET, **_OF_ACTION, source_arn=_source_of('o.arn'))} FROM outcome o "
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
_ARN = "coalesce(o.arn, CASE WHEN r.name IS NULL THEN a.arn ELSE '' END)"
_RESULT = {
    "seq": "a.id",
    "kind": KIND_OR_OPEN,
    "arn": _ARN,
    "source_arn": _source_of(_ARN),
    "old_arn": "coalesce(o.old_arn, r.old_arn, '')",
    "attempts": "coalesce(o.attempts, 0)",
    "error_code": (
        f"coalesce(o.error_code, CASE WHEN r.name IS NULL THEN '{NOT_REACHED}' ELSE '{REPLACEMENT_OPEN}' END)"
    ),
    "error_message": (
        "coalesce(o.error_message, CASE WHEN r.name IS NULL THEN 'the run stopped before this profile' "
        "ELSE 'the old profile is deleted, or was about to be, and the run stopped before the new one was made' END)"
    ),
}
SELECT_RESULTS = (
    f"SELECT {columns(OutcomeRow, **_OF_TARGET, **_OF_ACTION, **_RESULT)} "
    "FROM action a JOIN target t ON t.id = a.target "
    f"LEFT JOIN outcome o ON o.action = a.id {OPEN_HERE} WHERE a.id > ? ORDER BY a.id LIMIT ?"
)
"""Rows of outcomes, where an action that has none gets what it counts as, and the action's id stands for `seq`."""
ADD_CALLS = (
    "INSERT INTO call VALUES (?, ?, ?, ?) ON CONFLICT (operation) DO UPDATE SET sent = sent + excluded.sent, "
    "throttled = throttled + excluded.throttled, failed = failed + excluded.failed"
)


Desired = tuple[Any, ...]
"""A desired profile as plain values: account and Region, name, file, line, row, and what else its form has.

With the target's id in the first one's place, they are the values of `INSERT_BRIEF` or `INSERT_DESIRED`.
"""


def encode(value: object) -> str:
    """Return a value as JSON: the standard library's encoder takes four times as long for so small ones."""
    return to_json(value).decode()


def _dump(mapping: Mapping[str, str]) -> str:
    return encode(dict(mapping)) if mapping else "{}"


def brief(profile: DesiredProfile) -> Desired:
    """Return what is asked of a profile that is checked only."""
    request, target = profile.request, profile.target
    return (target.account, target.region), profile.name, request.file, request.line, request.row, profile.source


def from_desired(profile: DesiredProfile) -> Desired:
    """Return all of a desired profile."""
    rest = profile.model, profile.description, _dump(profile.tags), _dump(profile.request.attributes)
    return (*brief(profile), *rest)


def _refusal(refusal: Refusal | None) -> tuple[Any, ...]:
    return (refusal.code, refusal.message, refusal.outcome) if refusal else (None, None, None)


def from_plan(action: Action) -> tuple[Any, ...]:
    """Return the values of `UPDATE_PLAN` but the id."""
    return (
        action.kind,
        action.source_arn,
        action.arn,
        _dump(action.set_tags),
        json.dumps(action.remove_tags) if action.remove_tags else "[]",
        action.reason,
        *_refusal(action.refusal),
        _dump(action.old),
    )


def from_deletion(target_id: int, action: Action) -> tuple[Any, ...]:
    """Return the values of `INSERT_DELETION`."""
    return (
        target_id,
        action.name,
        action.kind,
        action.arn,
        _dump(action.tags),
        action.reason,
        *_refusal(action.refusal),
    )


def to_action(row: ActionRow) -> Action:
    """Return a row of `SELECT_ACTION` as an action, of the kind `none` where it isn't planned. Raises `DamageError`."""
    tags = mapping(row.tags)
    return Action(
        id=row.id,
        target=Target(row.account, row.region),
        kind=word(ActionKind, row.kind) if row.kind else ActionKind.NONE,
        name=row.name,
        file=row.file,
        line=row.line,
        model=row.model,
        source=row.source,
        source_arn=row.source_arn,
        description=row.description,
        tags=tags,
        arn=row.arn,
        # A creation sets the very tags that it declares.
        set_tags=tags if row.set_tags == row.tags else mapping(row.set_tags),
        remove_tags=() if row.remove_tags == "[]" else keys(row.remove_tags),
        reason=row.reason,
        refusal=_to_refusal(row) if row.refusal_code else None,
        old=EMPTY if row.old == "{}" else mapping(row.old),
        row=row.row,
    )


def _to_refusal(row: ActionRow) -> Refusal:
    return Refusal(row.refusal_code or "", row.refusal_message or "", word(OutcomeKind, row.refusal_outcome))


def from_problem(problem: Problem) -> tuple[Any, ...]:
    """Return the values of `INSERT_PROBLEM`."""
    return (
        problem.message,
        problem.file,
        problem.line,
        problem.column,
        problem.value,
        problem.remedy,
        problem.severity,
        problem.row,
    )


def to_problem(row: ProblemRow) -> Problem:
    """Return a row of `SELECT_PROBLEM` as a problem. Raises `DamageError`."""
    severity = word(Severity, row.severity)
    return Problem(row.message, row.file, row.line, row.col, row.value, row.remedy, severity, row=row.row)


def from_outcome(outcome: Outcome) -> tuple[Any, ...]:
    """Return the values of `INSERT_OUTCOME`."""
    return (
        outcome.action_id,
        outcome.kind,
        outcome.arn,
        outcome.old_arn,
        outcome.attempts,
        outcome.error_code,
        outcome.error_message,
    )


def to_outcome(row: OutcomeRow) -> Outcome:
    """Return a row of `SELECT_OUTCOME` or `SELECT_RESULTS` as an outcome. Raises `DamageError`."""
    return Outcome(
        action_id=row.action,
        target=Target(row.account, row.region),
        name=row.name,
        file=row.file,
        line=row.line,
        model=row.model,
        tags=mapping(row.tags),
        kind=word(OutcomeKind, row.kind),
        arn=row.arn,
        old_arn=row.old_arn,
        attempts=row.attempts,
        error_code=row.error_code,
        error_message=row.error_message,
        source_arn=row.source_arn,
        description=row.description,
    )
