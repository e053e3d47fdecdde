"""A receiver of OTLP over HTTP, as a collector is: it takes protobuf, and keeps all of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """One span that was received."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    failed: bool
    seconds: float
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Point:
    """The last value of one series of a metric; of a histogram, how often it was recorded."""

    value: float
    attributes: dict[str, Any]


@dataclass
class Received:
    """What came so far."""

    url: str = ""
    status: int = 200
    """What all is answered with."""
    hold: threading.Event | None = None
    """While it isn't set, nothing is answered."""
    spans: list[Span] = field(default_factory=list)
    metrics: dict[str, list[Point]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    resources: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def named(self, name: str) -> list[Span]:
        """The spans of a name."""
        return [span for span in self.spans if span.name == name]

    def below(self, parent: Span) -> list[Span]:
        """The spans whose parent is `parent`."""
        return [span for span in self.spans if span.parent_id == parent.span_id]

    def sums(self, metric: str, attribute: str) -> dict[str, float]:
        """The sums of a metric by an attribute, without zeros."""
        sums: dict[str, float] = {}
        for point in self.metrics.get(metric, ()):
            if point.value:
                key = point.attributes[attribute]
                sums[key] = sums.get(key, 0) + point.value
        return sums

    def take_spans(self, body: bytes) -> None:
        """Read a request with spans."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(_plain(resource.resource.attributes))
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                failed = span.status.code == span.status.STATUS_CODE_ERROR
                self.spans.append(Span(span.name, *ids, span.kind, failed, seconds, _plain(span.attributes)))

    def take_metrics(self, body: bytes) -> None:
        """Read a request with metrics, whose sums go on from those before."""
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            self.resources.append(_plain(resource.resource.attributes))
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                self.units[metric.name] = metric.unit
                self.kinds[metric.name] = metric.WhichOneof("data").replace("sum", "counter")
                self.metrics[metric.name] = [
                    Point(point.count, _plain(point.attributes))
                    if metric.HasField("histogram")
                    else Point(point.as_double or point.as_int, _plain(point.attributes))
                    for point in getattr(metric, metric.WhichOneof("data")).data_points
                ]


def _plain(attributes: Sequence[Any]) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def receiving() -> Iterator[Received]:
    """Receive while the block runs."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if received.hold is not None:
                received.hold.wait(30)
            received.headers.append({name.lower(): value for name, value in self.headers.items()})
            if received.status < 300:
                {"/v1/traces": received.take_spans, "/v1/metrics": received.take_metrics}[self.path](body)
            self.send_response(received.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield received
    finally:
        if received.hold is not None:
            received.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()
