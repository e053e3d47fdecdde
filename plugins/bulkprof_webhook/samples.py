"""Made-up messages, with which templates are tried before a run changes anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from bulkprof.plugins import Outcome, OutcomeKind, RunSummary, SinceLast, Target
from bulkprof_webhook.message import Message, batch_message, run_message

_ID, _AT = "20260301-020000-abcdef", "2026-03-01T02:00:00Z"
_RUN = {"id": _ID, "command": "apply", "estate": "example", "started_at": _AT}
_TARGET = Target("111122223333", "us-east-1")
_ARN = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl"
_MADE = Outcome(1, _TARGET, "search", OutcomeKind.CREATED, file="teams.csv", line=2, arn=_ARN, tags={"Team": "search"})
_BAD = Outcome(
    2,
    _TARGET,
    "ranking",
    OutcomeKind.FAILED,
    file="teams.csv",
    line=3,
    error_code="ValidationException",
    # What breaks JSON that is put together by hand.
    error_message='a "quoted" text,\nof two lines',
)


def samples(when: Literal["run", "batch"]) -> Iterator[Message]:
    """Return messages of that kind: one where all is well, and one where something failed."""
    if when == "batch":
        yield from (batch_message("webhook", _RUN, outcomes) for outcomes in ([_MADE], [_MADE, _BAD]))
        return
    well = RunSummary(_ID, "apply", 1, {OutcomeKind.CREATED: 1}, invalid=0, elapsed_s=9.1)
    yield run_message("webhook", _RUN, well, [], {})
    counts = {OutcomeKind.CREATED: 1, OutcomeKind.FAILED: 1}
    since = SinceLast("20260228-020000-abcdef", "2026-02-28T02:00:00Z", 1, 0, 0, counts, first_new=(_BAD,))
    badly = RunSummary(_ID, "apply", 2, counts, invalid=1, elapsed_s=9.1, exit_code=3, since_last=since)
    yield run_message("webhook", _RUN, badly, [_BAD], {"s3": "https://reports.example.com/report.html"})
