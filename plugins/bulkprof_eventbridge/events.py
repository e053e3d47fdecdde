"""Outcomes and runs as entries of PutEvents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bulkprof.plugins import FinishedRun, Outcome, OutcomeKind, RunContext, outcome_record

SOURCE: Final = "bulkprof"
TYPES: Final[Mapping[OutcomeKind, str]] = {
    OutcomeKind.CREATED: "Bedrock Profile Created",
    OutcomeKind.ADOPTED: "Bedrock Profile Adopted",
    OutcomeKind.UPDATED: "Bedrock Profile Updated",
    OutcomeKind.REPLACED: "Bedrock Profile Replaced",
    OutcomeKind.DELETED: "Bedrock Profile Deleted",
    OutcomeKind.FAILED: "Bedrock Profile Failed",
    OutcomeKind.UNKNOWN: "Bedrock Profile Failed",
}
"""The detail types. What is unchanged or skipped has no event; `outcome` in the detail says which of the failed ones
may be done all the same."""
RUN_FINISHED: Final = "Bedrock Profiles Run Finished"
MOST_ENTRIES: Final = 10
MOST_BYTES: Final = 256 * 1024
"""EventBridge's limits for one call."""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry."""

    id: str
    """The same whenever this event is sent again: the run's id, with the action's number for a profile."""
    entry: Mapping[str, Any]

    @property
    def size(self) -> int:
        """The bytes of it, as EventBridge counts them."""
        texts = (SOURCE, self.entry["DetailType"], self.entry["Detail"], *self.entry["Resources"])
        return sum(len(text.encode()) for text in texts)


def of_outcome(run: RunContext, outcome: Outcome, bus: str) -> Event | None:
    """Return the event of an outcome, if it has one."""
    kind = TYPES.get(outcome.kind)
    if kind is None:
        return None
    number = f"{run.run_id}/{outcome.action_id}"
    detail = {"id": number, **_of_run(run), **outcome_record(outcome)}
    return _event(number, kind, detail, [arn for arn in (outcome.arn, outcome.old_arn) if arn], bus)


def of_run(run: RunContext, finished: FinishedRun, bus: str) -> Event:
    """Return the event of a run's end. One that was stopped, and then resumed, has several ends."""
    summary = finished.summary
    reached = sum(count for kind, count in summary.outcomes.items() if kind is not OutcomeKind.SKIPPED)
    number = f"{run.run_id}/stopped/{reached}" if summary.stopped else run.run_id
    detail = {
        "id": number,
        **_of_run(run),
        "started_at": run.started_at,
        "summary": summary.as_json(),
        "links": dict(finished.links),
    }
    return _event(number, RUN_FINISHED, detail, [], bus)


def in_calls(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Yield the events in portions that one call takes."""
    portion: list[Event] = []
    size = 0
    for event in events:
        if portion and (len(portion) == MOST_ENTRIES or size + event.size > MOST_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(event)
        size += event.size
    if portion:
        yield portion


def _of_run(run: RunContext) -> dict[str, str]:
    return {"run_id": run.run_id, "command": run.command, "estate": run.estate}


def _event(number: str, kind: str, detail: Mapping[str, Any], resources: list[str], bus: str) -> Event:
    text = json.dumps(detail, separators=(",", ":"))
    entry = {"Source": SOURCE, "DetailType": kind, "Detail": text, "Resources": resources, "EventBusName": bus}
    return Event(number, entry)
