"""The rows of a run that its shares have, column by column, as they go from one file into the other."""

from __future__ import annotations

TARGET = ("id", "account", "region", "begun")
ACTION = (
    *("id", "target", "name", "wanted", "file", "line", "model", "source", "description", "tags", "attributes"),
    *("kind", "source_arn", "arn", "set_tags", "remove_tags", "reason"),
    *("refusal_code", "refusal_message", "refusal_outcome", "old", "row"),
)
PLANNED = (
    *("kind", "source_arn", "arn", "set_tags", "remove_tags", "reason"),
    *("refusal_code", "refusal_message", "refusal_outcome", "old"),
)
"""Of an action, what planning finds out."""
OUTCOME = ("seq", "action", "kind", "arn", "old_arn", "attempts", "error_code", "error_message")
REPLACEMENT = ("account", "region", "name", "old_arn", "run")
SEAL = ("target", "actions", "digest")
PROBLEM = ("file", "line", "col", "value", "message", "remedy", "severity", "row")
INVALID = ("file", "line", "row")


def listed(names: tuple[str, ...], table: str = "") -> str:
    """Return columns as a list of SQL."""
    prefix = f"{table}." if table else ""
    return ", ".join(prefix + name for name in names)


def insert(table: str, names: tuple[str, ...]) -> str:
    """Return the statement that adds a row."""
    return f"INSERT INTO {table} ({listed(names)}) VALUES ({', '.join('?' * len(names))})"
