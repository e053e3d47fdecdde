"""Events of changes, by the shipped plugin, on buses of the sandbox's EventBridge over HTTP."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from bulkprof_eventbridge import sink as event_sink
from jsonpath_ng import ext as jsonpath

from bulkprof.delivery import sinks
from bulkprof.engine import retry
from bulkprof.sandbox import Fault, Rate, Sandbox
from tests.cli.driver import CommandLine
from tests.e2e.others import Others

EVENTS = '[plugins.eventbridge]\nbus = "platform"\n'
PUT = "events:PutEvents"
PARSED = cache(jsonpath.parse)
FINISHED = "Bedrock Profiles Run Finished"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "backoff", lambda attempt: 0.01)
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(event_sink, "FIRST_WAIT_S", 0.01)
    # moto makes a parser for each event, of the same few paths.
    monkeypatch.setattr(jsonpath, "parse", PARSED)


class Bus:
    """A bus, with a queue that all of its events go to."""

    def __init__(self, sandbox: Sandbox) -> None:
        others = Others(sandbox)
        events, self._sqs = others.client("events"), others.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="all")["QueueUrl"]
        events.create_event_bus(Name="platform")
        events.put_rule(Name="all", EventBusName="platform", EventPattern=json.dumps({"source": ["bulkprof"]}))
        arn = "arn:aws:sqs:us-east-1:123456789012:all"
        events.put_targets(Rule="all", EventBusName="platform", Targets=[{"Id": "1", "Arn": arn}])

    def taken(self) -> list[dict[str, Any]]:
        """Take the events that came."""
        found: list[dict[str, Any]] = []
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def bus(commands: CommandLine, sandbox: Sandbox) -> Bus:
    commands.config(EVENTS)
    return Bus(sandbox)


def of_profiles(events: list[dict[str, Any]]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The detail type and detail of each profile's event, by its name."""
    return {e["detail"]["name"]: (e["detail-type"], e["detail"]) for e in events if e["detail-type"] != FINISHED}


def test_each_change_is_an_event_and_so_is_the_run(commands: CommandLine, sandbox: Sandbox, bus: Bus) -> None:
    Others(sandbox).create("theirs")
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", name="bad")])
    summary = commands.summary("apply", commands.manifest("app", "old", "theirs", "bad"), code=3)
    events = bus.taken()
    found = of_profiles(events)
    assert {name: kind for name, (kind, _) in found.items()} == {
        "app": "Bedrock Profile Created",
        "old": "Bedrock Profile Created",
        "theirs": "Bedrock Profile Adopted",
        "bad": "Bedrock Profile Failed",
    }
    line = next(line for line in commands.results() if line["name"] == "app")
    detail = found["app"][1]
    assert {key: detail[key] for key in line} == line
    assert (detail["run_id"], detail["estate"], detail["command"]) == (summary["run_id"], "tests", "apply")
    (created,) = (event for event in events if event["detail"].get("name") == "app")
    assert (created["source"], created["resources"]) == ("bulkprof", [line["arn"]])
    (end,) = (event for event in events if event["detail-type"] == FINISHED)
    assert end["detail"]["summary"] == summary
    assert end["detail"]["id"] == summary["run_id"]
    assert len({event["detail"]["id"] for event in events}) == 5

    sandbox.set_faults([])
    before = {name: detail["arn"] for name, (_, detail) in found.items()}
    manifest = commands.write("teams.csv", "name,model,tag:Team\napp,amazon.nova-pro-v1:0,\ntheirs,,Search\n")
    commands.summary("sync", manifest, "--prune", "--replace")
    found = of_profiles(bus.taken())
    assert {name: kind for name, (kind, _) in found.items()} == {
        "app": "Bedrock Profile Replaced",
        "theirs": "Bedrock Profile Updated",
        "old": "Bedrock Profile Deleted",
    }
    replaced = found["app"][1]
    assert replaced["old_arn"] == before["app"]
    assert replaced["arn"] not in {"", before["app"]}
    assert found["old"][1]["arn"] == before["old"]

    commands.summary("sync", manifest)
    assert [event["detail-type"] for event in bus.taken()] == [FINISHED]


def test_a_run_that_stopped_and_went_on_has_two_ends(commands: CommandLine, sandbox: Sandbox, bus: Bus) -> None:
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", nth=1)])
    manifest = commands.manifest(*(f"app-{n}" for n in range(40)))
    stopped = commands.summary("apply", manifest, "--failure-tolerance", "0", code=4)
    sandbox.set_faults([])
    commands.summary("resume", stopped["run_id"], "--failure-tolerance", "1", code=3)
    ends = [event["detail"] for event in bus.taken() if event["detail-type"] == FINISHED]
    assert [end["summary"]["exit_code"] for end in ends] == [4, 3]
    assert ends[0]["id"].startswith(f"{stopped['run_id']}/stopped/")
    assert ends[1]["id"] == stopped["run_id"]


def test_ten_go_in_a_call(commands: CommandLine, sandbox: Sandbox, bus: Bus) -> None:
    assert commands.apply(commands.manifest(*(f"app-{n}" for n in range(25)))) == {"created": 25}
    assert len(bus.taken()) == 26
    assert 4 <= sandbox.ledger().count(PUT) <= 26


def test_only_refused_entries_are_sent_again(commands: CommandLine, sandbox: Sandbox, bus: Bus) -> None:
    sandbox.set_faults([Fault("half_accepted", operation=PUT, times=3)])
    assert commands.apply(commands.manifest(*(f"app-{n}" for n in range(25)))) == {"created": 25}
    ids = [event["detail"]["id"] for event in bus.taken()]
    assert len(ids) == len(set(ids)) == 26


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("half_accepted", operation=PUT), "events were refused 5 times: ThrottlingException"),
        (Fault("access_denied", operation=PUT), "allow events:PutEvents on the bus"),
        (Fault("cut_before", operation=PUT), "EventsError: platform: 123456789012/us-east-1 PutEvents:"),
        (Fault("error_before", operation=PUT), "InternalServerException"),
        (Fault("truncate_empty", operation=PUT), "events were refused 5 times: no answer"),
    ],
    ids=str,
)
def test_redelivery_mends_what_failed(
    commands: CommandLine, sandbox: Sandbox, bus: Bus, fault: Fault, told: str
) -> None:
    sandbox.set_faults([fault])
    ended = commands("apply", commands.manifest("a", "b", "c"), "--yes", "--json")
    assert (ended.code, ended.json()["outcomes"]["created"]) == (0, 3)
    assert ended.err.count("sink 'eventbridge'") == 1
    assert told.removeprefix("1 ") in ended.err
    sandbox.set_faults([])
    told_later = commands("runs", "redeliver", ended.json()["run_id"], "--json").json()
    assert told_later["delivered"] == ["eventbridge"]
    ids = {event["detail"]["id"] for event in bus.taken()}
    run_id = ended.json()["run_id"]
    assert ids == {run_id, f"{run_id}/1", f"{run_id}/2", f"{run_id}/3"}


@pytest.mark.parametrize("kind", ["throttle", "cut_after", "error_after", "truncate_half"])
def test_what_passes_is_no_trouble(commands: CommandLine, sandbox: Sandbox, bus: Bus, kind: str) -> None:
    sandbox.set_faults([Fault(kind, operation=PUT, nth=1)])
    assert commands.apply(commands.manifest("a", "b")) == {"created": 2}
    assert len({event["detail"]["id"] for event in bus.taken()}) == 3


def test_a_slow_bus_holds_up_no_profile(
    commands: CommandLine, sandbox: Sandbox, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "CALL_TIMEOUT_S", 0.1)
    sandbox.set_faults([Fault("delay_before", operation=PUT, delay_s=10.0)])
    ended = commands("apply", commands.manifest("a", "b"), "--yes", "--json")
    assert (ended.code, ended.json()["outcomes"]["created"]) == (0, 2)
    assert "no answer within 0.1 s" in ended.err


def test_throttled_events_are_paced(commands: CommandLine, sandbox: Sandbox, bus: Bus) -> None:
    sandbox.set_rate(Rate(50, 1), operation=PUT)
    commands.apply(commands.manifest(*(f"app-{n}" for n in range(60))))
    assert len({event["detail"]["id"] for event in bus.taken()}) == 61


def test_a_bus_that_is_not_there_is_told(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config('[plugins.eventbridge]\nbus = "nowhere"\n')
    ended = commands("apply", commands.manifest("a"), "--yes")
    assert ended.code == 0
    assert "create the bus, or correct `bus` under [plugins.eventbridge]" in ended.err


@pytest.mark.parametrize(
    ("settings", "resource"),
    [
        ("", "arn:aws:events:*:*:event-bus/default"),
        ('bus = "platform"\nregion = "eu-west-1"', "arn:aws:events:eu-west-1:*:event-bus/platform"),
        (
            'bus = "arn:aws:events:eu-west-1:444455556666:event-bus/x"',
            "arn:aws:events:eu-west-1:444455556666:event-bus/x",
        ),
    ],
)
def test_the_permission_is_for_the_bus(commands: CommandLine, settings: str, resource: str) -> None:
    commands.config(f"[plugins.eventbridge]\n{settings}\n")
    statements = json.loads(commands("iam-policy", "--for", "hub").out)["Statement"]
    (found,) = (each for each in statements if each["Sid"] == "SendEvents")
    assert (found["Action"], found["Resource"]) == (["events:PutEvents"], [resource])


def test_a_bus_has_a_name_or_an_arn(commands: CommandLine) -> None:
    commands.config('[plugins.eventbridge]\nbus = "a bus"\n')
    ended = commands("plan", commands.manifest("a"))
    assert ended.code == 1
    assert "plugins.eventbridge.bus" in ended.err
