"""The events plugin by itself: how events are portioned, and what a batch that comes again sends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from bulkprof_eventbridge import sink as event_sink
from bulkprof_eventbridge.events import MOST_BYTES, Event, in_calls, of_outcome
from bulkprof_eventbridge.sink import EventsError

from bulkprof.plugins import AwsError, OutcomeKind, RunContext
from tests.factories import make_outcomes, run_context

Load = Callable[..., Any]


class Events:
    """EventBridge, which refuses entries or fails as told, call by call."""

    def __init__(self, *answers: int | AwsError) -> None:
        self.answers = list(answers)
        """How many entries of a call are refused, or what is raised instead."""
        self.calls: list[list[str]] = []

    @asynccontextmanager
    async def paced(
        self, service: str, *, region: str | None = None, account: str | None = None
    ) -> AsyncIterator[Events]:
        assert (service, account) == ("events", None)
        yield self

    async def call(self, operation: str, *, Entries: Iterable[Any]) -> Any:  # noqa: N803 - AWS's name
        assert operation == "PutEvents"
        self.calls.append([json.loads(entry["Detail"])["id"] for entry in Entries])
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, AwsError):
            raise answer
        taken = len(self.calls[-1]) - answer
        return {"Entries": [{"EventId": "e"}] * taken + [{"ErrorCode": "InternalFailure"}] * answer}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_sink, "FIRST_WAIT_S", 0.0)


def run_with(events: Events) -> RunContext:
    return replace(run_context(None), paced=events.paced)


def ids(*numbers: int) -> list[str]:
    return [f"run-1/{number}" for number in numbers]


async def test_a_batch_that_comes_again_sends_what_was_not_taken(load: Load) -> None:
    events = Events(0, 2, AwsError("no answer", code="ReadTimeout"))
    (sink,) = load("eventbridge").bulkprof_sinks(run_with(events))
    batch = make_outcomes(14)
    with pytest.raises(EventsError, match="default: ReadTimeout: no answer"):
        await sink.deliver(batch)
    await sink.deliver(batch)
    assert events.calls == [ids(*range(1, 11)), ids(11, 12, 13, 14), ids(13, 14), ids(13, 14)]
    # A batch that was taken isn't remembered: redelivery of another run may send the same numbers.
    await sink.deliver(batch)
    assert sum(map(len, events.calls)) == 10 + 4 + 2 + 2 + 14


async def test_entries_without_an_answer_are_not_taken(load: Load) -> None:
    class Silent(Events):
        async def call(self, operation: str, *, Entries: Iterable[Any]) -> Any:  # noqa: N803 - AWS's name
            await super().call(operation, Entries=Entries)
            return {}

    events = Silent()
    (sink,) = load("eventbridge").bulkprof_sinks(run_with(events))
    with pytest.raises(EventsError, match="2 events were refused 5 times: no answer"):
        await sink.deliver(make_outcomes(2))
    assert events.calls == [ids(1, 2)] * 5


def test_a_call_holds_no_more_bytes_than_eventbridge_takes() -> None:
    def event(size: int) -> Event:
        entry = {"DetailType": "t", "Detail": "x" * (size - len("bulkprof") - 1), "Resources": []}
        return Event(str(size), entry)

    half, small = event(MOST_BYTES // 2), event(1000)
    assert half.size == MOST_BYTES // 2
    assert [len(portion) for portion in in_calls([half, half, small, half, *[small] * 12])] == [2, 10, 4]
    assert list(in_calls([])) == []


def test_what_is_as_it_was_has_no_event() -> None:
    (outcome,) = make_outcomes(1)
    run = run_context(None)
    without = [kind for kind in OutcomeKind if of_outcome(run, replace(outcome, kind=kind), "default") is None]
    assert without == [OutcomeKind.UNCHANGED, OutcomeKind.SKIPPED]


@pytest.mark.parametrize(
    ("bus", "region", "expected"),
    [
        ("default", None, None),
        ("default", "eu-west-1", "eu-west-1"),
        ("arn:aws:events:eu-central-1:444455556666:event-bus/x", None, "eu-central-1"),
    ],
)
async def test_the_region_of_the_bus(load: Load, bus: str, region: str | None, expected: str | None) -> None:
    seen: list[str | None] = []

    class Noting(Events):
        @asynccontextmanager
        async def paced(
            self, service: str, *, region: str | None = None, account: str | None = None
        ) -> AsyncIterator[Events]:
            seen.append(region)
            yield self

    settings = {"bus": bus, "region": region} if region else {"bus": bus}
    (sink,) = load("eventbridge", **settings).bulkprof_sinks(run_with(Noting()))
    await sink.deliver(make_outcomes(1))
    assert seen == [expected]
