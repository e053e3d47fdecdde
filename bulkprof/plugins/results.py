"""One outcome as one line: the form of every results file.

`bulkprof apply --results FILE` and the sinks share these, so that a file from S3 and a local one are equal.
"""

from __future__ import annotations

from typing import Any

from bulkprof.model import Outcome
from bulkprof.text.printable import json_text, spreadsheet_cells

RESULT_COLUMNS = (
    "file",
    "line",
    "account",
    "region",
    "name",
    "outcome",
    "arn",
    "model",
    "tags",
    "attempts",
    "error_code",
    "error_message",
    "source_arn",
    "description",
    "old_arn",
)
"""The columns of a results file, in their order: a contract with all programs that read one."""


def outcome_record(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as JSON-ready values under `RESULT_COLUMNS`, in their order."""
    return {
        "file": outcome.file,
        "line": outcome.line,
        "account": outcome.target.account,
        "region": outcome.target.region,
        "name": outcome.name,
        "outcome": str(outcome.kind),
        "arn": outcome.arn,
        "model": outcome.model,
        "tags": dict(outcome.tags),
        "attempts": outcome.attempts,
        "error_code": outcome.error_code,
        "error_message": outcome.error_message,
        "source_arn": outcome.source_arn,
        "description": outcome.description,
        "old_arn": outcome.old_arn,
    }


def outcome_json(outcome: Outcome) -> str:
    """Return the outcome as a line of JSON Lines, its newline included."""
    return json_text(outcome_record(outcome)) + "\n"


def outcome_cells(outcome: Outcome, *, raw: bool = False) -> list[str]:
    """Return the outcome as a row for `csv.writer`: tags are a JSON object in one cell, line 0 (no line) is empty.

    Cells are made printable and safe for spreadsheets, which run none as a formula; `raw` leaves them as they are.
    """
    record = outcome_record(outcome)
    record["tags"] = json_text(record["tags"])
    record["line"] = record["line"] or ""
    if not raw:
        # A spreadsheet may take a semicolon as a separator; JSON can write it as an escape.
        record["tags"] = record["tags"].replace(";", r"\u003b")
    cells = [str(record[column]) for column in RESULT_COLUMNS]
    return cells if raw else spreadsheet_cells(cells)
