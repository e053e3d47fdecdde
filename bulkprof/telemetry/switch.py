"""Whether the environment asks for telemetry, and a run's telemetry from its beginning to its end.

Without a setting that asks for it, nothing is imported, and nothing is sent.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from bulkprof.errors import BulkprofError, in_a_line, named
from bulkprof.telemetry.seam import NO_TELEMETRY, Telemetry, Watched
from bulkprof.telemetry.settings import wanted

if TYPE_CHECKING:
    from bulkprof.telemetry.otel import OtelTelemetry

_NEEDED = "pip install 'bulkprof[otel]'"


@asynccontextmanager
async def telemetry_of(
    run: Callable[[], Watched], *, warn: Callable[[str], None], note: Callable[[str], None]
) -> AsyncIterator[Telemetry]:
    """Yield what takes a run's telemetry, and send all of it at the end, as far as that takes no long time.

    Nothing about it fails the run: what goes wrong is told in a line, by `warn` or `note`.
    """
    if not any(wanted(os.environ, signal) for signal in ("TRACES", "METRICS")):
        yield NO_TELEMETRY
        return
    started = await anyio.to_thread.run_sync(partial(_started, run, warn, note))
    if started is None:
        yield NO_TELEMETRY
        return
    error: BaseException | None = None
    try:
        # What else makes spans in this context, such as instrumented plugins or shares of a fleet, joins the run's.
        with started.current():
            yield started
    except BaseException as caught:
        error = caught
        raise
    finally:
        started.failed(error)
        # Also where the run is cancelled: the waiting is bounded.
        with anyio.CancelScope(shield=True):
            if problem := await anyio.to_thread.run_sync(started.send_the_rest):
                warn(f"OpenTelemetry: not everything was sent: {in_a_line(problem)}")


def _started(
    run: Callable[[], Watched], warn: Callable[[str], None], note: Callable[[str], None]
) -> OtelTelemetry | None:
    """Load OpenTelemetry and start it; None where that can't be done, which is told."""
    try:
        from bulkprof.telemetry.otel import OtelTelemetry

        return OtelTelemetry(run(), warn)
    except Exception as error:  # noqa: BLE001 - whatever a setting makes of it, the run is worth more
        if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("opentelemetry"):
            # Such settings may be there for all programs of a machine, and not for this one.
            note(f"OpenTelemetry is set in the environment, and nothing is sent without its library: {_NEEDED}")
        else:
            why = in_a_line(str(error)) if isinstance(error, BulkprofError) else named(error)
            warn(f"OpenTelemetry could not start, and nothing is sent: {why}")
    return None
