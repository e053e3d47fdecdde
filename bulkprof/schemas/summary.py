"""The schema of a run's summary, as `apply`, `sync` and `resume` print it with `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bulkprof.errors import ExitCode
from bulkprof.schemas.parts import ACCOUNT, COUNT, TEXT, Schema, described
from bulkprof.totals import JSON_OUTCOME_ORDER

_CALLS = {
    "type": "object",
    "properties": {"sent": COUNT, "throttled": COUNT, "failed": COUNT},
    "required": ["sent", "throttled", "failed"],
}
_LOST = {
    "type": "object",
    "properties": {"account": ACCOUNT, "region": TEXT, "name": TEXT, "old_arn": TEXT, "run_id": TEXT},
    "required": ["account", "region", "name", "old_arn", "run_id"],
}
_OUTCOMES = {
    "type": "object",
    "properties": {str(kind): COUNT for kind in JSON_OUTCOME_ORDER},
    "required": [str(kind) for kind in JSON_OUTCOME_ORDER],
}
_ALWAYS: Mapping[str, tuple[Schema, str]] = {
    "run_id": (TEXT, "The run's id."),
    "command": (TEXT, "The command that began the run."),
    "desired": (COUNT, "Profiles that the manifests want."),
    "outcomes": (_OUTCOMES, "How many profiles ended as what: desired ones, and deletions."),
    "invalid": (COUNT, "Manifest rows that were left out because of their problems."),
    "elapsed_s": ({"type": "number", "minimum": 0}, "Seconds at work, over all executions."),
    "calls": ({"type": "object", "additionalProperties": _CALLS}, "Calls by AWS operation; each attempt counts once."),
    "exit_code": ({"enum": sorted(map(int, ExitCode))}, "The exit code."),
}
_SOMETIMES: Mapping[str, tuple[Schema, str]] = {
    "sandbox": ({"const": True}, "There where the run worked in the sandbox, and not in AWS."),
    "stopped": (TEXT, "Why the run stopped early, where it did so by itself."),
    "without_profile": (
        {"type": "array", "items": _LOST, "minItems": 1},
        "Names that a replacement left without a profile, where there are any.",
    ),
}


def make() -> dict[str, Any]:
    """Return the schema of a summary. Later versions may add keys."""
    return {
        "title": "The summary of a run of bulkprof",
        "type": "object",
        "properties": described({**_ALWAYS, **_SOMETIMES}),
        "required": list(_ALWAYS),
    }
