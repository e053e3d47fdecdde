"""Where telemetry is sent, as OpenTelemetry's own settings say, and its end, which is never waited for long.

The SDK reads nearly all of the settings itself. What is read here is which exporters are meant: a program can be made
to use them by `opentelemetry-instrument` alone, and bulkprof needs no such wrapper.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, Final

from opentelemetry.metrics import MeterProvider as AnyMeters
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import NoOpTracerProvider
from opentelemetry.trace import TracerProvider as AnyTracers

from bulkprof._version import __version__
from bulkprof.errors import ConfigError, in_a_line
from bulkprof.telemetry.quiet import Quiet
from bulkprof.telemetry.settings import wanted

LONGEST_S: Final = 3.0
"""Seconds that a run's end waits until the rest is sent."""
AFTER_FAILURE_S: Final = 0.5
"""The same once sending has failed: what can't be reached now won't be a second later."""
LOOK_S: Final = 0.05
"""Seconds after which it is looked again whether anything failed."""
_PROTOCOLS: Final = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
"""The exporters of OTLP, by the protocol."""


class Providers:
    """The tracers and meters of one run. Their threads send what is collected while the run is at work."""

    def __init__(self, environment: Mapping[str, str], warn: Callable[[str], None]) -> None:
        """Start them. Raises `ConfigError` for an exporter that there is none of, and what the SDK raises.

        What the SDK says of settings that it can't use goes to `warn`: it works without them.
        """
        self.tracers: AnyTracers = NoOpTracerProvider()
        self.meters: AnyMeters = NoOpMeterProvider()
        self._exporters: list[SpanExporter | MetricExporter] = []
        self._shut_down: list[Callable[[], None]] = []
        self._quiet = Quiet()
        try:
            self._start(environment)
        except Exception:
            self.end()
            raise
        if doubt := self._quiet.taken():
            warn(f"OpenTelemetry: {in_a_line(doubt)}")

    def _start(self, environment: Mapping[str, str]) -> None:
        # All exporters come first: where one is unknown, nothing has begun.
        spans: list[SpanExporter] = list(_exporters(environment, "TRACES"))
        metrics: list[MetricExporter] = list(_exporters(environment, "METRICS"))
        self._exporters += [*spans, *metrics]
        resource = _resource()
        if spans:
            # At the end of the process, the SDK would wait half a minute for what can't be reached.
            tracers = self.tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
            self._shut_down.append(tracers.shutdown)
            for exporter in spans:
                tracers.add_span_processor(BatchSpanProcessor(exporter))
        if metrics:
            readers = [PeriodicExportingMetricReader(exporter) for exporter in metrics]
            meters = self.meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
            self._shut_down.append(meters.shutdown)

    def end(self) -> str:
        """Send the rest, waiting for it for a short time. Return what went wrong since the start, or an empty text."""
        failures = self._quiet.heard
        threads = [threading.Thread(target=each, daemon=True) for each in self._shut_down]
        for thread in threads:
            thread.start()
        ends_at = time.monotonic() + LONGEST_S
        while (alive := [thread for thread in threads if thread.is_alive()]) and time.monotonic() < ends_at:
            alive[0].join(LOOK_S)
            if self._quiet.heard != failures:
                failures = self._quiet.heard
                ends_at = min(ends_at, time.monotonic() + AFTER_FAILURE_S)
        problem = self._quiet.first or (f"the receiver took more than {LONGEST_S:g} s" if alive else "")
        if alive:
            threading.Thread(target=self._give_up, args=(alive,), daemon=True).start()
        else:
            self._quiet.end()
        return problem

    def _give_up(self, threads: Collection[threading.Thread]) -> None:
        """Let what still sends end, and keep it quiet until then."""
        for exporter in self._exporters:
            exporter.shutdown()
        for thread in threads:
            thread.join()
        self._quiet.end()


def _exporters(environment: Mapping[str, str], signal: str) -> Iterable[Any]:
    if not wanted(environment, signal):
        return
    setting = f"OTEL_{signal}_EXPORTER"
    for name in filter(None, map(str.strip, (environment.get(setting, "").strip() or "otlp").split(","))):
        yield _exporter(environment, signal, setting, name)


def _exporter(environment: Mapping[str, str], signal: str, setting: str, name: str) -> Any:
    registered, package = name, "the package that brings it"
    if name == "otlp":
        settings = (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
        setting = next((each for each in settings if environment.get(each, "").strip()), settings[-1])
        name = environment.get(setting, "").strip() or "http/protobuf"
        registered = _PROTOCOLS.get(name, name)
        package = "opentelemetry-exporter-otlp-proto-grpc" if name == "grpc" else package
    for found in entry_points(group=f"opentelemetry_{signal.lower()}_exporter", name=registered):
        return found.load()()
    raise ConfigError(f"{setting}={name}: there is no such exporter here; install {package}")


def _resource() -> Resource:
    given = OTELResourceDetector().detect().attributes
    return Resource.create({SERVICE_NAME: "bulkprof", SERVICE_VERSION: __version__, **given})
