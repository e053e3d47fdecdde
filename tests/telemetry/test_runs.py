"""What a receiver gets of runs in the sandbox: a tree of spans, and metrics that add up to the run's summary."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulkprof.sandbox import Fault, Sandbox
from bulkprof.telemetry import names
from tests.cli.driver import CommandLine, outcomes_of
from tests.telemetry.receiver import Received

CALLER = "123456789012"
OTHER = "111122223333"
REGION = "us-east-1"
CLIENT = 3
"""The kind of spans that are calls."""


def two_targets(commands: CommandLine) -> None:
    commands.manifest(*(f"team-{n},{CALLER}|{OTHER},{REGION}" for n in range(3)), header="name,account,region")


def spans_of(summary: dict[str, Any], received: Received) -> dict[str, dict[str, int]]:
    """The spans of calls, counted as the summary counts calls."""
    found: dict[str, dict[str, int]] = {}
    for span in received.spans:
        if span.kind == CLIENT:
            count = found.setdefault(span.attributes[names.RPC_METHOD], {"sent": 0, "throttled": 0, "failed": 0})
            count["sent"] += 1
            throttled = span.attributes[names.THROTTLED]
            count["throttled"] += throttled
            count["failed"] += span.failed and not throttled
    return found


def test_a_run_is_a_tree_and_its_metrics_add_up(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    faults = [
        Fault("access_denied", operation="CreateInferenceProfile", name="team-1", account=OTHER),
        Fault("throttle", operation="CreateInferenceProfile", account=CALLER, times=2),
    ]
    sandbox.set_faults(faults)
    two_targets(commands)
    summary = commands.summary("apply", "teams.csv", code=3)
    (run,) = received.named("bulkprof apply")
    assert (run.parent_id, run.failed) == ("", True)
    assert {span.trace_id for span in received.spans} == {run.trace_id}
    told = {name: run.attributes[name] for name in (names.RUN_ID, names.COMMAND, names.ESTATE, names.EXIT_CODE)}
    assert told == {
        names.RUN_ID: summary["run_id"],
        names.COMMAND: "apply",
        names.ESTATE: "tests",
        names.EXIT_CODE: 3,
    }
    assert {kind: run.attributes[names.OUTCOMES + kind] for kind in summary["outcomes"]} == summary["outcomes"]

    below = received.below(run)
    (entering,) = [span for span in below if span.kind == CLIENT]
    assert (entering.name, entering.attributes[names.ACCOUNT]) == ("STS.AssumeRole", OTHER)
    targets = [span for span in below if span.kind != CLIENT]
    assert sorted((span.name, span.attributes[names.ACCOUNT], span.attributes[names.REGION]) for span in targets) == [
        (f"{step} target", account, REGION) for step in ("change", "plan") for account in (OTHER, CALLER)
    ]
    calls = [call for target in targets for call in received.below(target)]
    assert len(calls) + len(below) + 1 == len(received.spans)
    for target in targets:
        for call in received.below(target):
            assert (call.attributes[names.ACCOUNT], call.kind) == (target.attributes[names.ACCOUNT], CLIENT)
            assert call.seconds <= target.seconds

    assert spans_of(summary, received) == summary["calls"]
    for metric, count in ((names.CALLS, "sent"), (names.THROTTLES, "throttled"), (names.FAILURES, "failed")):
        wanted = {operation: counts[count] for operation, counts in summary["calls"].items() if counts[count]}
        assert received.sums(metric, names.RPC_METHOD) == wanted
    waits = {operation: counts["sent"] for operation, counts in summary["calls"].items() if operation != "AssumeRole"}
    assert received.sums(names.WAIT, names.RPC_METHOD) == {**waits, "AssumeRole": 1}
    assert received.sums(names.ENDED, names.OUTCOME) == outcomes_of(summary) == {"created": 5, "failed": 1}


def test_what_is_known_of_a_call(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    sandbox.set_faults([Fault("throttle", operation="CreateInferenceProfile", times=1)])
    commands.manifest("team-a")
    commands.apply("teams.csv")
    first, second = sorted(received.named("Bedrock.CreateInferenceProfile"), key=lambda span: span.failed, reverse=True)
    same = {
        names.RPC_SYSTEM: "aws-api",
        names.RPC_SERVICE: "Bedrock",
        names.RPC_METHOD: "CreateInferenceProfile",
        names.ACCOUNT: CALLER,
        names.REGION: REGION,
    }
    ids = {span.attributes.pop(names.REQUEST_ID) for span in (first, second)}
    assert len(ids - {""}) == 2
    for span in (first, second):
        assert span.attributes.pop(names.WAIT_S) >= 0
    throttled = {names.ATTEMPT: 1, names.THROTTLED: True, names.ERROR_TYPE: "ThrottlingException"}
    assert first.attributes == {**same, **throttled}
    assert second.attributes == {**same, names.ATTEMPT: 2, names.THROTTLED: False}


def test_learned_rates_are_a_gauge(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    sandbox.set_faults([Fault("throttle", operation="CreateInferenceProfile", times=1)])
    commands.manifest("team-a", "team-b")
    commands.apply("teams.csv")
    (rate,) = received.metrics[names.RATE]
    assert rate.value > 0
    assert (rate.attributes[names.RPC_METHOD], rate.attributes[names.ACCOUNT]) == ("CreateInferenceProfile", CALLER)


def test_an_account_that_cannot_be_entered(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    sandbox.set_faults([Fault("access_denied", operation="AssumeRole")])
    two_targets(commands)
    summary = commands.summary("apply", "teams.csv", code=3)
    assert spans_of(summary, received)["AssumeRole"] == summary["calls"]["AssumeRole"]
    assert all(span.failed for span in received.named("STS.AssumeRole"))
    (target,) = [span for span in received.named("plan target") if span.attributes[names.ACCOUNT] == OTHER]
    assert (target.failed, target.attributes[names.ERROR_TYPE]) == (True, "AccessDeniedException")
    assert received.sums(names.ENDED, names.OUTCOME) == outcomes_of(summary)


def test_a_run_that_ends_before_it_sends_anything(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    commands.manifest("team.a")
    assert commands("sync", "teams.csv", "--yes").code == 65
    (run,) = received.spans
    assert (run.name, run.failed, run.attributes[names.ERROR_TYPE]) == ("bulkprof sync", True, "ManifestError")
    assert run.attributes[names.EXIT_CODE] == 65


def test_plan_resume_and_disown_are_runs_too(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    commands.manifest("team-a", "team-b")
    assert commands("plan", "teams.csv", "--out", "plan.db").code == 0
    assert [span.name for span in received.spans if not span.parent_id] == ["bulkprof apply"]
    assert {span.name for span in received.below(received.spans[-1])} == {"plan target"}
    received.spans.clear()
    commands.apply("plan.db")
    assert {span.name for span in received.below(received.spans[-1])} == {"plan target", "change target"}
    received.spans.clear()
    assert commands("disown", "team-a", "--yes").code == 0
    assert [span.name for span in received.spans if not span.parent_id] == ["bulkprof disown"]


def test_what_is_stopped_counts_as_skipped(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile")])
    commands.manifest(*(f"team-{n}" for n in range(60)))
    summary = commands.summary("apply", "teams.csv", "--failure-tolerance", "0", code=4)
    assert summary["outcomes"]["skipped"]
    assert received.sums(names.ENDED, names.OUTCOME) == outcomes_of(summary)


def test_log_lines_carry_the_trace(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    commands.manifest("team-a")
    ended = commands("apply", "teams.csv", "--yes", "--log-format", "json")
    (trace,) = {span.trace_id for span in received.spans}
    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert {line["trace_id"] for line in lines} == {trace}
    assert lines[0]["message"] == f"trace: {trace}"
    told = commands("sync", "teams.csv", "--yes").err
    assert told.startswith(f"trace: {received.spans[-1].trace_id}\n")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "bulkprof"),
        ({"OTEL_SERVICE_NAME": "onboarding"}, "onboarding"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=nightly,deployment.environment.name=test"}, "nightly"),
    ],
)
def test_the_service_is_bulkprof_unless_it_is_named(
    commands: CommandLine, sandbox: Sandbox, received: Received, settings: dict[str, str], expected: str
) -> None:
    for name, value in settings.items():
        commands.monkeypatch.setenv(name, value)
    commands.manifest("team-a")
    commands.apply("teams.csv")
    assert len(received.resources) == 2
    assert {resource["service.name"] for resource in received.resources} == {expected}
