"""The schema of a line of a results file in JSON Lines, as `--results FILE.jsonl` and the sinks write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bulkprof.model import OutcomeKind
from bulkprof.plugins.results import RESULT_COLUMNS
from bulkprof.schemas.parts import ACCOUNT, COUNT, TEXT, Schema, described

_COLUMNS: Mapping[str, tuple[Schema, str]] = {
    "file": (TEXT, "The manifest that asks for the profile; empty for deletions."),
    "line": (COUNT, "Its line in the manifest; 0 for deletions."),
    "account": (ACCOUNT, "The account that the profile is in."),
    "region": (TEXT, "The Region that the profile is in."),
    "name": (TEXT, "The profile's name."),
    "outcome": ({"enum": [str(kind) for kind in OutcomeKind]}, "What became of it."),
    "arn": (TEXT, "The profile's ARN; empty where there is none."),
    "model": (TEXT, "The model as the manifest writes it."),
    "tags": ({"type": "object", "additionalProperties": TEXT}, "All tags that manifest and rules declare."),
    "attempts": (COUNT, "Calls that were sent for it."),
    "error_code": (TEXT, "Why it failed or was skipped, as a code; empty otherwise."),
    "error_message": (TEXT, "Why it failed or was skipped; empty otherwise."),
    "source_arn": (TEXT, "What the profile is made from in its Region; empty where that was never found out."),
    "description": (TEXT, "The description as the manifest wants it."),
    "old_arn": (TEXT, "The ARN that a replacement took out of use; empty otherwise."),
}


def make() -> dict[str, Any]:
    """Return the schema of one line. With `--results-columns`, the manifest's own columns follow: they are open."""
    return {
        "title": "A line of bulkprof's results",
        "type": "object",
        "properties": described({column: _COLUMNS[column] for column in RESULT_COLUMNS}),
        "required": list(RESULT_COLUMNS),
    }
