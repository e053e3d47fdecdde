"""Lines on standard error as JSON objects, one a line, for programs that collect logs."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bulkprof.text.printable import json_text


class LogFormat(StrEnum):
    """How lines on standard error look."""

    TEXT = "text"
    JSON = "json"


class Level(StrEnum):
    """How much a line matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def log_line(level: Level, message: str, run_id: str, now: datetime, **more: Any) -> str:
    """Return one line; `run_id` is empty before there is a run, `more` are fields that only some lines have."""
    time = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # ASCII with escapes: a line stays a line, and one that can be read, whatever the encoding of the stream is.
    line = {"time": time, "level": str(level), "message": message, "run_id": run_id, **more}
    return json_text(line, ascii_only=True)
