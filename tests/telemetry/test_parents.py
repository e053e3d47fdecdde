"""Runs join the trace of what started them: a program, a fleet, an invocation of a Lambda function."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator

import pytest
from opentelemetry import context, trace

from bulkprof.lambda_handler import handler
from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine
from tests.samples.lambdas import SAMPLE, Context
from tests.telemetry.receiver import Received, Span

TRACE, PARENT = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
INVOCATION = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={PARENT};Sampled=%d;Lineage=1:2ae2b5c5:0"


def run_of(commands: CommandLine, received: Received, **settings: str) -> Span:
    """The span of a run that has some more settings."""
    for name, value in settings.items():
        commands.monkeypatch.setenv(name, value)
    commands.manifest("team-a")
    commands.apply("teams.csv")
    return received.named("bulkprof apply")[0]


def test_a_traceparent(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    run = run_of(commands, received, TRACEPARENT=TRACEPARENT, _X_AMZN_TRACE_ID=INVOCATION.replace("5759", "0000"))
    assert (run.trace_id, run.parent_id) == (TRACE, PARENT)
    assert {span.trace_id for span in received.spans} == {TRACE}


def test_a_traceparent_that_is_not_sampled_sends_metrics_alone(
    commands: CommandLine, sandbox: Sandbox, received: Received
) -> None:
    commands.monkeypatch.setenv("TRACEPARENT", TRACEPARENT[:-1] + "0")
    commands.manifest("team-a")
    commands.apply("teams.csv")
    assert received.metrics
    assert not received.spans


@pytest.fixture
def _in_a_span() -> Iterator[None]:
    ids = trace.SpanContext(int(TRACE, 16), int(PARENT, 16), is_remote=False, trace_flags=trace.TraceFlags(1))
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(ids)))
    yield
    context.detach(token)


@pytest.mark.usefixtures("_in_a_span")
def test_the_span_of_the_program_around_it(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    run = run_of(commands, received, TRACEPARENT=TRACEPARENT.replace("5759", "0000"))
    assert (run.trace_id, run.parent_id) == (TRACE, PARENT)


def test_an_invocation_of_lambda(
    commands: CommandLine, sandbox: Sandbox, received: Received, caplog: pytest.LogCaptureFixture
) -> None:
    """All that it logs carries the trace, and each invocation sends before it returns."""
    commands.monkeypatch.setenv("_X_AMZN_TRACE_ID", INVOCATION % 1)
    commands.monkeypatch.setenv("LAMBDA_TASK_ROOT", str(shutil.copytree(SAMPLE, commands.folder / "task")))
    commands.monkeypatch.setenv("BULKPROF_STATE_DIR", str(commands.folder / "state"))
    commands.monkeypatch.setenv("BULKPROF_MANIFESTS", "manifests/*.csv")
    with caplog.at_level(logging.INFO, "bulkprof"):
        summary = handler({}, Context())
    (run,) = received.named("bulkprof sync")
    assert (run.trace_id, run.parent_id) == (TRACE, PARENT)
    assert sum(point.value for point in received.metrics["bulkprof.outcomes"]) == summary["desired"]
    told = {getattr(record, "trace_id", "") for record in caplog.records if "trace: " in record.getMessage()}
    assert told == {TRACE}


def test_an_invocation_that_is_not_traced(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    run = run_of(commands, received, _X_AMZN_TRACE_ID=INVOCATION % 0, OTEL_TRACES_SAMPLER="always_on")
    assert (run.trace_id, run.parent_id) == (TRACE, PARENT)


def test_what_a_plugin_makes_in_a_run_joins_it(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    commands.write(
        "watching.py",
        "from opentelemetry import trace\n"
        "from bulkprof.plugins import hookimpl\n\n"
        "@hookimpl\n"
        "def bulkprof_run_finished(summary):\n"
        "    print('in', format(trace.get_current_span().get_span_context().span_id, '016x'))\n",
    )
    commands.config('[plugins.watching]\npath = "watching.py"\n')
    commands.manifest("team-a")
    told = commands("apply", "teams.csv", "--yes").err
    assert received.spans, told
    assert f"in {received.named('bulkprof apply')[0].span_id}\n" in told
    assert not trace.get_current_span().get_span_context().is_valid
