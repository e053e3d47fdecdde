"""What comes into an invocation, and the error that makes it count as failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bulkprof.errors import BulkprofError, ExitCode, UsageError
from bulkprof.text.findings import validation_lines
from bulkprof.text.printable import printable_lines

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """An event that has no other keys."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class Planning(Strict):
    """How a plan is made; the command line's flags have the same names."""

    prune: bool = False
    replace: bool = False
    skip_invalid: bool = False
    allow_deletions: int | None = Field(default=None, ge=0)
    allow_updates: int | None = Field(default=None, ge=0)
    allow_replacements: int | None = Field(default=None, ge=0)
    accounts: tuple[str, ...] = ()
    not_accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    failure_tolerance: str | None = None


class Event(Planning):
    """How one invocation goes about its work; the command line's flags have the same names."""

    command: Literal["sync", "apply", "plan"] = "sync"


class Context(Protocol):
    """What the handlers use of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


class RunFailedError(BulkprofError):
    """The run ended with rows that are not in order; the text is its summary as JSON, for code that catches it."""

    exit_code = ExitCode.ROWS_FAILED

    def __init__(self, summary: Mapping[str, Any]) -> None:
        super().__init__(json.dumps(summary))
        self.summary = summary


def understood(event: Mapping[str, Any] | None, shape: type[M]) -> M:
    """Return an event that is written in `shape`. Raises `UsageError`."""
    try:
        return shape.model_validate(event or {})
    except ValidationError as error:
        raise UsageError(printable_lines(f"event: {line}" for line in validation_lines(error, shape))) from None
