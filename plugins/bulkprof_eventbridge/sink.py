"""The sink: sends the events of each batch while the run goes on, and that of the run at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import anyio

from bulkprof.plugins import AwsError, FinishedRun, GiveUpError, Outcome, PacedClient, RunContext, Sink
from bulkprof_eventbridge.events import Event, in_calls, of_outcome, of_run

TRIES: Final = 5
FIRST_WAIT_S = 0.2
"""Seconds before refused events are sent again; doubled each time."""


class EventsError(RuntimeError):
    """Events could not be sent; the message says where, why, and what to do."""


class RefusedEventsError(EventsError, GiveUpError):
    """The bus isn't there, or takes no events from this run: another try now would fail, too."""


class EventSink(Sink):
    """Sends an event for each change, and one for the run."""

    def __init__(self, *, name: str, bus: str, region: str | None, run: RunContext) -> None:
        self.name = name
        self._bus = bus
        self._region = region
        self._run = run
        self._taken: set[str] = set()
        """The events of the batch under way that are sent already: the batch comes again after a failure."""

    async def deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Send the events of a batch. Raises `EventsError`."""
        events = [event for outcome in outcomes if (event := of_outcome(self._run, outcome, self._bus))]
        if events:
            await self._send(events)
        self._taken.clear()

    async def finish(self, run: FinishedRun) -> None:
        """Send the event of the run. Raises `EventsError`."""
        await self._send([of_run(self._run, run, self._bus)])

    async def _send(self, events: Sequence[Event]) -> None:
        try:
            async with self._run.paced("events", region=self._region) as client:
                for portion in in_calls([event for event in events if event.id not in self._taken]):
                    await self._put(client, portion)
        except AwsError as error:
            raise _refusal(error, self._bus) from error

    async def _put(self, client: PacedClient, events: Sequence[Event]) -> None:
        """Send one call's events, and those that are refused again."""
        wait_s = FIRST_WAIT_S
        for attempt in range(1, TRIES + 1):
            answer = await client.call("PutEvents", Entries=[event.entry for event in events])
            answers = list(answer.get("Entries") or ())
            answers += [{}] * (len(events) - len(answers))
            refused = [(event, each) for event, each in zip(events, answers, strict=False) if not each.get("EventId")]
            self._taken.update({event.id for event in events} - {event.id for event, _ in refused})
            if not refused:
                return
            if attempt < TRIES:
                await anyio.sleep(wait_s)
                wait_s *= 2
            events = [event for event, _ in refused]
        code, said = refused[0][1].get("ErrorCode", "no answer"), refused[0][1].get("ErrorMessage", "")
        raise EventsError(f"{self._bus}: {len(refused)} events were refused {TRIES} times: {code}: {said}")


def _refusal(error: AwsError, bus: str) -> EventsError:
    """Return an error of AWS with what to do."""
    if "AccessDenied" in error.code and error.operation == "PutEvents":
        return RefusedEventsError(
            f"{bus}: {error}; allow events:PutEvents on the bus to the credentials of the run (`bulkprof iam-policy` "
            "writes all that is needed)"
        )
    if error.code == "ResourceNotFoundException":
        return RefusedEventsError(f"{bus}: {error}; create the bus, or correct `bus` under [plugins.eventbridge]")
    return EventsError(f"{bus}: {error}")
