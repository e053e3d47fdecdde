"""A run's telemetry by OpenTelemetry. Importing this takes a tenth of a second: `switch` does, where it is asked for.

Calls come by the hundred a second, so each costs one span with one set of attributes, made after the call's end, and
one number in a histogram. What is only counted is counted in plain integers, which OpenTelemetry reads when it sends.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    format_trace_id,
    set_span_in_context,
    use_span,
)

from bulkprof._version import __version__
from bulkprof.errors import AwsError, BulkprofError, ExitCode, RunInterruptedError, ThrottledError, without_secrets
from bulkprof.model import OutcomeKind, Target
from bulkprof.stop import StopRequestedError
from bulkprof.telemetry import names
from bulkprof.telemetry.exporters import Providers
from bulkprof.telemetry.parents import parent_of
from bulkprof.telemetry.seam import Call, Calls, Rates, Telemetry, Watched
from bulkprof.totals import CallCount

_FAILED = Status(StatusCode.ERROR)


@dataclass(slots=True)
class _Tally:
    """The calls of one operation in one target."""

    span_name: str
    attributes: dict[str, str]
    count: CallCount = field(default_factory=CallCount)


class _Calls(Calls):
    """The calls of one target, or of an account."""

    def __init__(self, telemetry: OtelTelemetry, target: Target, parent: Context) -> None:
        self._telemetry = telemetry
        self._target = target
        self._parent = parent
        self._tallies: dict[str, _Tally] = {}

    def take(self, call: Call) -> None:
        """Send a span, and count."""
        telemetry, error = self._telemetry, call.error
        tally = self._tallies.get(call.operation)
        if tally is None:
            tally = self._tallies[call.operation] = telemetry.tally(self._target, call.operation)
        throttled = isinstance(error, ThrottledError)
        tally.count.sent += 1
        if throttled:
            tally.count.throttled += 1
        elif isinstance(error, AwsError):
            tally.count.failed += 1
        telemetry.wait.record(call.waited_s, tally.attributes)
        attributes: dict[str, Any] = {
            **tally.attributes,
            names.THROTTLED: throttled,
            names.WAIT_S: call.waited_s,
        }
        if call.attempt:
            attributes[names.ATTEMPT] = call.attempt
        if call.request_id:
            attributes[names.REQUEST_ID] = call.request_id
        if error is not None:
            attributes[names.ERROR_TYPE] = _kind_of(error)
        span = telemetry.tracer.start_span(
            tally.span_name, self._parent, SpanKind.CLIENT, attributes, start_time=telemetry.epoch_ns(call.sent_at)
        )
        if error is not None:
            span.set_status(_FAILED)
        span.end(telemetry.epoch_ns(call.ended_at))


class OtelTelemetry(Telemetry):
    """Makes spans and metrics of what a run does."""

    def __init__(self, run: Watched, warn: Callable[[str], None]) -> None:
        """Start, and begin the run's span. Raises `ConfigError`, and what the SDK raises where it can't be set up."""
        self._epoch_ns = time.time_ns() - int(time.monotonic() * 1e9)
        parent = parent_of(os.environ, warn)
        self._providers = Providers(os.environ, warn)
        self._api_name = run.api_name
        self._tallies: dict[tuple[Target, str], _Tally] = {}
        self._outcomes: Counter[tuple[OutcomeKind, Target | None]] = Counter()
        self._step = ""
        self._rates: Rates = tuple
        self.tracer: Tracer = self._providers.tracers.get_tracer("bulkprof", __version__)
        self.wait: Histogram = self._meter()
        self._span = self.tracer.start_span(
            f"bulkprof {run.command}",
            parent,
            attributes={
                names.RUN_ID: run.run_id,
                names.COMMAND: run.command,
                names.ESTATE: run.estate,
                names.SANDBOX: run.sandbox,
            },
        )
        context = self._span.get_span_context()
        self.trace_id = format_trace_id(context.trace_id) if context.is_valid else ""
        self._in_run = set_span_in_context(self._span, Context())

    def current(self) -> AbstractContextManager[Span]:
        """Make the run's span the current one while the block runs."""
        return use_span(self._span, record_exception=False, set_status_on_exception=False)

    def epoch_ns(self, monotonic: float) -> int:
        """Return a time of `time.monotonic` in nanoseconds since the epoch."""
        return self._epoch_ns + int(monotonic * 1e9)

    def tally(self, target: Target, operation: str) -> _Tally:
        """Return what the calls of an operation in a target are counted in, from the run's beginning to its end."""
        if (tally := self._tallies.get((target, operation))) is None:
            service, method = self._api_name(operation)
            tally = _Tally(f"{service}.{method}", self._attributes(target, operation))
            self._tallies[target, operation] = tally
        return tally

    def begins(self, step: str) -> None:
        """Keep it for the targets that are entered from now on."""
        self._step = step

    @contextmanager
    def target(self, target: Target) -> Iterator[Calls]:
        """Make a span for the time in which a target is worked in."""
        attributes = {**_place(target), names.STEP: self._step}
        span = self.tracer.start_span(f"{self._step} target", self._in_run, attributes=attributes)
        try:
            yield _Calls(self, target, set_span_in_context(span, Context()))
        except BaseException as error:
            _fail(span, error)
            raise
        finally:
            span.end()

    def calls(self, target: Target) -> Calls:
        """Return what makes spans of calls right below the run's."""
        return _Calls(self, target, self._in_run)

    def outcomes(self, kind: OutcomeKind, count: int = 1, target: Target | None = None) -> None:
        """Count them."""
        self._outcomes[kind, target] += count

    def rates(self, read: Rates) -> None:
        """Keep it for the gauge."""
        self._rates = read

    def ended(self, exit_code: int, outcomes: Mapping[OutcomeKind, int]) -> None:
        """Put the numbers into the run's span."""
        self._span.set_attributes({f"{names.OUTCOMES}{kind}": count for kind, count in outcomes.items()})
        self._exit(exit_code)

    def failed(self, error: BaseException | None) -> None:
        """Put into the run's span why it ended, if it was by an error."""
        if error is None:
            return
        _fail(self._span, error)
        if isinstance(error, RunInterruptedError):
            self._exit(error.code)
        elif isinstance(error, BulkprofError):
            self._exit(int(error.exit_code))

    def send_the_rest(self) -> str:
        """End the run's span and send all that isn't sent: blocks for a short time. Return what went wrong, if any."""
        self._span.end()
        return self._providers.end()

    def _exit(self, code: int) -> None:
        self._span.set_attribute(names.EXIT_CODE, code)
        if code != ExitCode.DONE:
            self._span.set_status(_FAILED)

    def _meter(self) -> Histogram:
        meter: Meter = self._providers.meters.get_meter("bulkprof", __version__)

        def observe(make: Callable[..., Any], name: str, read: Callable[[], Iterable[Observation]]) -> None:
            unit, description = names.METRICS[name]

            def observed(_: CallbackOptions) -> Iterable[Observation]:
                return read()

            make(name, [observed], unit, description)

        counter = meter.create_observable_counter
        observe(counter, names.CALLS, lambda: self._counted(lambda count: count.sent))
        observe(counter, names.THROTTLES, lambda: self._counted(lambda count: count.throttled))
        observe(counter, names.FAILURES, lambda: self._counted(lambda count: count.failed))
        observe(counter, names.ENDED, self._ended)
        observe(meter.create_observable_gauge, names.RATE, self._known_rates)
        unit, description = names.METRICS[names.WAIT]
        return meter.create_histogram(names.WAIT, unit, description)

    # These are read in a thread of the SDK: each takes a copy in one step of the interpreter first.

    def _counted(self, number: Callable[[CallCount], int]) -> list[Observation]:
        return [Observation(number(tally.count), tally.attributes) for tally in list(self._tallies.values())]

    def _ended(self) -> list[Observation]:
        return [
            Observation(count, {names.OUTCOME: str(kind), **(_place(target) if target else {})})
            for (kind, target), count in list(self._outcomes.items())
        ]

    def _known_rates(self) -> list[Observation]:
        return [Observation(rate, self._attributes(target, operation)) for target, operation, rate in self._rates()]

    def _attributes(self, target: Target, operation: str) -> dict[str, str]:
        service, method = self._api_name(operation)
        named = {names.RPC_SYSTEM: "aws-api", names.RPC_SERVICE: service, names.RPC_METHOD: method}
        return {**named, **_place(target)}


def _place(target: Target) -> dict[str, str]:
    return {names.ACCOUNT: target.account, names.REGION: target.region}


def _kind_of(error: BaseException) -> str:
    """Return AWS's code of an error, or the class where it has none."""
    return (isinstance(error, AwsError) and error.code) or type(error).__name__


def _fail(span: Span, error: BaseException) -> None:
    if isinstance(error, StopRequestedError):
        # Nothing is wrong with what a stop cuts short.
        return
    span.set_attribute(names.ERROR_TYPE, _kind_of(error))
    text = without_secrets(str(error)).partition("\n")[0]
    span.set_status(Status(StatusCode.ERROR, text))
