"""What a run's trace goes on from: the program around it, `TRACEPARENT`, or the invocation of a Lambda function.

`TRACEPARENT` and `TRACESTATE` are the headers of W3C Trace Context as variables, so that runs that something else
starts, such as the shares of a fleet, join its trace. `_X_AMZN_TRACE_ID` is what Lambda sets for AWS X-Ray.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentelemetry.context import Context
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.propagators.aws.aws_xray_propagator import TRACE_HEADER_KEY
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

LAMBDA = "_X_AMZN_TRACE_ID"


def parent_of(environment: Mapping[str, str], warn: Callable[[str], None]) -> Context | None:
    """Return the context that a run's span belongs into; None where its trace begins with it."""
    if get_current_span().get_span_context().is_valid:
        # None stands for the current one.
        return None
    if given := environment.get("TRACEPARENT", "").strip():
        carrier = {"traceparent": given, "tracestate": environment.get("TRACESTATE", "").strip()}
        found = TraceContextTextMapPropagator().extract(carrier, Context())
        if get_current_span(found).get_span_context().is_valid:
            return found
        warn(f"TRACEPARENT {given!r} is no W3C trace context, so the run's trace begins with itself")
    if invocation := environment.get(LAMBDA, "").strip():
        return AwsXRayPropagator().extract({TRACE_HEADER_KEY: invocation}, Context())
    return Context()
