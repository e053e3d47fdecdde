"""When something is sent, and where to; and that nothing about it harms a run."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

import pytest

from bulkprof.sandbox import Sandbox
from bulkprof.telemetry import exporters
from bulkprof.telemetry.settings import wanted
from tests.cli.driver import CommandLine, ended_threads
from tests.cli.test_startup import PROGRAM
from tests.telemetry.receiver import Received

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
UNREACHABLE = "http://127.0.0.1:9"


def warnings_of(commands: CommandLine, **settings: str) -> list[str]:
    """Run with more settings. Return the lines about OpenTelemetry; all else is as it should be."""
    for name, value in settings.items():
        commands.monkeypatch.setenv(name, value)
    commands.manifest("team-a")
    ended = commands("apply", "teams.csv", "--yes")
    assert ended.code == 0, ended.err
    return [line for line in ended.err.splitlines() if "elemetry" in line or "TRACEPARENT" in line]


@pytest.mark.parametrize(
    ("settings", "signals"),
    [
        ({}, set()),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on"}, set()),
        ({ENDPOINT: " "}, set()),
        ({ENDPOINT: UNREACHABLE, "OTEL_SDK_DISABLED": "TRUE"}, set()),
        ({ENDPOINT: UNREACHABLE, "OTEL_SDK_DISABLED": "false"}, {"TRACES", "METRICS"}),
        ({ENDPOINT: UNREACHABLE, "OTEL_METRICS_EXPORTER": "none"}, {"TRACES"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": UNREACHABLE}, {"METRICS"}),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, {"TRACES"}),
    ],
)
def test_what_asks_for_a_signal(settings: dict[str, str], signals: set[str]) -> None:
    assert {signal for signal in ("TRACES", "METRICS") if wanted(settings, signal)} == signals


def test_nothing_is_imported_where_nothing_is_to_be_sent(commands: CommandLine, sandbox: Sandbox) -> None:
    """With the library installed, in a whole run."""
    commands.monkeypatch.setenv("OTEL_SERVICE_NAME", "onboarding")
    commands.manifest("team-a")
    program = [sys.executable, "-c", PROGRAM, "apply", "teams.csv", "--yes"]
    ended = subprocess.run(program, cwd=commands.folder, capture_output=True, text=True, check=True)
    imported = ended.stderr.splitlines()[-1].split()
    assert "bulkprof.telemetry.switch" in imported
    assert not [name for name in imported if name.startswith(("opentelemetry", "google", "requests"))]


@pytest.mark.parametrize(
    ("settings", "paths"),
    [
        ({}, {"spans", "metrics"}),
        ({"OTEL_TRACES_EXPORTER": "none"}, {"metrics"}),
        ({"OTEL_METRICS_EXPORTER": "none"}, {"spans"}),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "None"}, set()),
        ({"OTEL_SDK_DISABLED": "true"}, set()),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, {"metrics"}),
    ],
)
def test_each_signal_can_be_switched_off(
    commands: CommandLine, sandbox: Sandbox, received: Received, settings: dict[str, str], paths: set[str]
) -> None:
    assert warnings_of(commands, **settings) == []
    assert {name for name in ("spans", "metrics") if getattr(received, name)} == paths


def test_an_endpoint_of_one_signal_sends_only_that(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    commands.monkeypatch.delenv(ENDPOINT)
    more = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{received.url}/v1/metrics", "OTEL_EXPORTER_OTLP_HEADERS": "key=k1"}
    assert warnings_of(commands, **more) == []
    assert (received.spans, [headers["key"] for headers in received.headers]) == ([], ["k1"])
    assert received.units["bulkprof.call.wait"] == "s"


def test_without_the_library_a_line_says_what_to_install(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.monkeypatch.delitem(sys.modules, "bulkprof.telemetry.otel", raising=False)
    commands.monkeypatch.setitem(sys.modules, "opentelemetry.context", None)
    (line,) = warnings_of(commands, **{ENDPOINT: UNREACHABLE})
    assert line == (
        "OpenTelemetry is set in the environment, and nothing is sent without its library: pip install 'bulkprof[otel]'"
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER=zipkin: there is no such exporter here"),
        ({"OTEL_METRICS_EXPORTER": "otlp,carrier"}, "OTEL_METRICS_EXPORTER=carrier: there is no such exporter here"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/xml"}, "OTEL_EXPORTER_OTLP_PROTOCOL=http/xml: there is no such"),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/yaml"},
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/yaml: there is no such",
        ),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "-1"}, "interval value"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_in_a_line(
    commands: CommandLine, sandbox: Sandbox, received: Received, settings: dict[str, str], told: str
) -> None:
    before = set(threading.enumerate())
    (line,) = warnings_of(commands, **settings)
    assert line.startswith("warning: OpenTelemetry could not start, and nothing is sent: ")
    assert told in line
    assert logging.getLogger("opentelemetry").propagate
    assert not [each for each in set(threading.enumerate()) - before if each.name.startswith("Otel")]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"OTEL_TRACES_SAMPLER": "some"}, "Couldn't recognize sampler some."),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "x-team: k3y-0f-ours"}, "name=value occurrences: …"),
        ({"OTEL_TRACES_EXPORTER": "otlp,,"}, ""),
    ],
)
def test_a_setting_that_the_library_leaves_out_is_told_and_no_key(
    commands: CommandLine, sandbox: Sandbox, received: Received, settings: dict[str, str], told: str
) -> None:
    lines = warnings_of(commands, **settings)
    assert len(lines) == bool(told)
    for line in lines:
        assert line.startswith("warning: OpenTelemetry: ")
        assert line.endswith(told)
        assert "not everything was sent" not in line
    assert received.spans


def test_grpc_names_its_package(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    commands.monkeypatch.setattr(exporters, "entry_points", lambda **_: ())
    (line,) = warnings_of(commands, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert line.endswith("there is no such exporter here; install opentelemetry-exporter-otlp-proto-grpc")


def test_a_parent_that_cannot_be_read_is_told(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    assert warnings_of(commands, TRACEPARENT="00-abc-def-01") == [
        "warning: TRACEPARENT '00-abc-def-01' is no W3C trace context, so the run's trace begins with itself"
    ]
    assert received.named("bulkprof apply")[0].parent_id == ""


@pytest.mark.parametrize("status", [0, 404, 503])
def test_a_receiver_that_takes_nothing_costs_one_line(
    commands: CommandLine, sandbox: Sandbox, received: Received, status: int
) -> None:
    commands.monkeypatch.setattr(exporters, "AFTER_FAILURE_S", 0.0)
    if status:
        received.status = status
    else:
        commands.monkeypatch.setenv(ENDPOINT, UNREACHABLE)
    (line,) = warnings_of(commands)
    assert line.startswith("warning: OpenTelemetry: not everything was sent: ")


def test_a_receiver_that_does_not_answer_is_not_waited_for(
    commands: CommandLine, sandbox: Sandbox, received: Received
) -> None:
    commands.monkeypatch.setattr(exporters, "LONGEST_S", 0.1)
    received.hold = threading.Event()
    before = set(threading.enumerate())
    (line,) = warnings_of(commands)
    assert line == "warning: OpenTelemetry: not everything was sent: the receiver took more than 0.1 s"
    logger = logging.getLogger("opentelemetry")
    assert not logger.propagate
    received.hold.set()
    ended_threads(before)
    assert (logger.propagate, logger.handlers) == (True, [])
