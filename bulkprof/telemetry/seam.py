"""What the code at work tells, call by call and outcome by outcome; as these classes are, none of it goes anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from bulkprof.model import OutcomeKind, Target

Rates = Callable[[], Iterable[tuple[Target, str, float]]]
"""Returns the calls a second that each target is known to take of each operation; is called in any thread."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The run that telemetry is about."""

    run_id: str
    command: str
    estate: str
    sandbox: bool
    api_name: Callable[[str], tuple[str, str]]
    """Returns AWS's names of the service and the operation, of an operation as runs count it."""


@dataclass(slots=True)
class Call:
    """One attempt of a call to AWS, after its end. Times are those of `time.monotonic`."""

    operation: str
    sent_at: float = 0.0
    ended_at: float = 0.0
    waited_s: float = 0.0
    """Seconds that it waited before it was sent: for its turn, by its pace, and for one more call to be in flight."""
    error: BaseException | None = None
    """Why there was no answer that is of use."""
    attempt: int = 0
    """1 is the first; 0 where that isn't known."""
    request_id: str = ""
    """AWS's id of it; empty where none came back."""


class Calls:
    """Takes the calls to one target."""

    def take(self, call: Call) -> None:
        """Take a call that has ended."""


class Telemetry:
    """Takes what a run does."""

    trace_id: str = ""
    """The id of the run's trace; empty where no spans are made."""

    def begins(self, step: str) -> None:
        """Take what is done in targets from now on: `plan` or `change`."""

    def target(self, target: Target) -> AbstractContextManager[Calls]:
        """Take that a target is entered, until the block ends. Return what takes its calls."""
        return nullcontext(NO_CALLS)

    def calls(self, target: Target) -> Calls:
        """Return what takes calls that belong to no target that is entered, such as those that assume roles."""
        return NO_CALLS

    def outcomes(self, kind: OutcomeKind, count: int = 1, target: Target | None = None) -> None:
        """Take so many more outcomes of a kind; without a target where they are not of one alone."""

    def rates(self, read: Rates) -> None:
        """Take what tells the rates that are known, to be asked now and then."""

    def ended(self, exit_code: int, outcomes: Mapping[OutcomeKind, int]) -> None:
        """Take the run's end in numbers, those of its earlier processes included."""


NO_CALLS = Calls()
NO_TELEMETRY = Telemetry()
