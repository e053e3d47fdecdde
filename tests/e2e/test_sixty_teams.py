"""Sixty teams in two accounts, told to every sink at once: onboarded, moved to another model, three of them pruned."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from bulkprof_eventbridge import sink as event_sink

from bulkprof.delivery import sinks
from bulkprof.engine import retry
from bulkprof.pacing import pacer
from bulkprof.sandbox import Fault, Sandbox
from tests.cli.driver import CommandLine
from tests.e2e.others import Others
from tests.e2e.test_events import FINISHED, Bus
from tests.e2e.test_webhook import Receiver, receiver

__all__ = ["receiver"]

ACCOUNTS = ("123456789012", "444455556666")
TEAMS = [f"team-{n:02}" for n in range(60)]
GONE, STAYING = TEAMS[:3], TEAMS[3:]
SONNET, HAIKU = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-haiku-4-5-20251001-v1:0"
CONFIG = """\
[catalog]
account = "target"

[plugins.catalog]
files = [
  {{ format = "json", out = "s3://catalog-{0}/profiles.json" }},
  {{ format = "csv", out = "out/all.csv" }},
  {{ format = "env", out = "out/all.env" }},
  {{ format = "tfvars", out = "out/all.auto.tfvars.json" }},
  {{ format = "litellm", out = "litellm/{{tag:Team}}.yaml" }},
  {{ format = "claude-code", out = "claude/{{tag:Team}}-{{account}}.json" }},
  {{ format = "opencode", out = "opencode/{{account}}.json" }},
]

[plugins.ssm]
parameter = "/bedrock/{{tag:Team}}/{{name}}"
where = "target"

[plugins.eventbridge]
bus = "platform"

[plugins.s3]
bucket = "reports-{0}"

[plugins.webhook]
send = "change"

[plugins.slack]
when = "change"
"""
ALL = ["catalog", "eventbridge", "s3", "slack", "ssm", "webhook"]
ARN = re.compile(r"arn:aws:bedrock:us-east-1:\d{12}:application-inference-profile/\w+")

Arns = Mapping[tuple[str, str], str]
"""By account and team."""


class World:
    """What callers and people find."""

    def __init__(self, commands: CommandLine, sandbox: Sandbox, receiver: Receiver) -> None:
        self._commands = commands
        self._others = {account: Others(sandbox, account) for account in ACCOUNTS}
        self._hub = Others(sandbox)
        self._receiver = receiver
        self._bus = Bus(sandbox)
        self._night = ""

    def config(self, night: str) -> None:
        """Write the config; each night has buckets of its own."""
        self._night = night
        self._commands.config(CONFIG.format(night))

    def buckets(self) -> None:
        """Make the buckets of the night."""
        for bucket in (f"catalog-{self._night}", f"reports-{self._night}"):
            self._hub.client("s3").create_bucket(Bucket=bucket)

    def manifest(self, teams: Iterable[str], model: str) -> str:
        rows = [f"{team},{model},{'|'.join(ACCOUNTS)},{team}" for team in teams]
        return self._commands.manifest(*rows, header="name,model,account,tag:Team")

    def arns(self) -> Arns:
        """The profiles of the last run."""
        lines = [line for line in self._commands.results() if line["outcome"] != "deleted"]
        return {(line["account"], line["name"]): line["arn"] for line in lines}

    def parameters(self, account: str) -> Arns:
        pages = self._others[account].client("ssm").get_paginator("get_parameters_by_path")
        found = pages.paginate(Path="/bedrock", Recursive=True)
        values = {each["Name"]: each["Value"] for page in found for each in page["Parameters"]}
        assert all(name.split("/")[2] == name.split("/")[3] for name in values)
        return {(account, name.rpartition("/")[2]): value for name, value in values.items()}

    def objects(self, bucket: str) -> dict[str, str]:
        s3 = self._hub.client("s3")
        name = f"{bucket}-{self._night}"
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=name).get("Contents", [])]
        return {key: s3.get_object(Bucket=name, Key=key)["Body"].read().decode() for key in keys}

    def files(self) -> dict[Path, tuple[int, str]]:
        """The files of the catalog, with their times."""
        every = [path for folder in ("out", "litellm", "claude", "opencode") for path in Path(folder).iterdir()]
        return {path: (path.stat().st_mtime_ns, path.read_text(encoding="utf-8")) for path in every}

    def events(self) -> Counter[str]:
        """How many events of each type came since the last look, each counted once."""
        return Counter(kind for _, kind in {(each["detail"]["id"], each["detail-type"]) for each in self._bus.taken()})

    def messages(self) -> list[str]:
        """Who was told since the last look, each message counted once."""
        found: dict[str | None, Any] = dict(self._receiver.received)
        self._receiver.received.clear()
        return sorted("slack" if "blocks" in message else "webhook" for message in found.values())

    def says(self, arns: Arns) -> None:
        """Check that all that callers read has these profiles and no other."""
        for account in ACCOUNTS:
            of_account = {place: arn for place, arn in arns.items() if place[0] == account}
            assert self.parameters(account) == of_account
            opencode = json.loads(Path(f"opencode/{account}.json").read_text(encoding="utf-8"))
            models = opencode["provider"]["amazon-bedrock"]["models"]
            assert {model["id"] for model in models.values()} == set(of_account.values())
        entries = json.loads(self.objects("catalog")["profiles.json"])
        assert {(each["account"], each["name"]): each["arn"] for each in entries} == arns
        rows = csv.DictReader(io.StringIO(Path("out/all.csv").read_text(encoding="utf-8")))
        assert {(row["account"], row["name"]): row["arn"] for row in rows} == arns
        for name in ("all.env", "all.auto.tfvars.json"):
            assert sorted(ARN.findall(Path("out", name).read_text(encoding="utf-8"))) == sorted(arns.values())
        for team in TEAMS:
            wanted = [arns[account, team] for account in ACCOUNTS if (account, team) in arns]
            models = yaml.safe_load(Path(f"litellm/{team}.yaml").read_text(encoding="utf-8"))["model_list"]
            assert [model["litellm_params"]["model_id"] for model in models] == wanted
            for account in ACCOUNTS:
                path = Path(f"claude/{team}-{account}.json")
                overrides = json.loads(path.read_text(encoding="utf-8"))["modelOverrides"]
                assert list(overrides.values()) == [arn for arn in wanted if f":{account}:" in arn]


@pytest.fixture
def world(commands: CommandLine, sandbox: Sandbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(sinks, "backoff", lambda attempt: 0.01)
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(event_sink, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(pacer, "START_PACE", 1000.0)
    monkeypatch.setenv("SLACK_WEBHOOK_URL", receiver.url)
    return World(commands, sandbox, receiver)


def test_all_of_it_moves_and_all_of_it_goes(
    commands: CommandLine, sandbox: Sandbox, receiver: Receiver, world: World
) -> None:
    world.config("first")
    world.buckets()
    summary = commands.summary("apply", world.manifest(TEAMS, SONNET))
    assert summary["outcomes"]["created"] == 120
    first = world.arns()
    assert len(set(first.values())) == 120
    world.says(first)
    assert world.events() == {"Bedrock Profile Created": 120, FINISHED: 1}
    assert world.messages() == ["slack", "webhook"]
    assert len(world.objects("reports")) == 3

    # On the night on which all models change, nothing can be told to anyone but the teams of the first account.
    world.config("second")
    receiver.fault = "broken"
    sandbox.set_faults(
        [
            Fault("access_denied", operation="ssm:PutParameter", account=ACCOUNTS[1]),
            Fault("half_accepted", operation="events:PutEvents", share=0.9),
        ]
    )
    flags = ("--prune", "--replace", "--allow-replacements", "200", "--allow-deletions", "10")
    summary = commands.summary("sync", world.manifest(STAYING, HAIKU), *flags)
    assert (summary["outcomes"]["replaced"], summary["outcomes"]["deleted"]) == (114, 6)
    second = world.arns()
    assert set(second) == {(account, team) for account in ACCOUNTS for team in STAYING}
    assert not set(second.values()) & set(first.values())
    assert world.parameters(ACCOUNTS[0]) == {place: arn for place, arn in second.items() if place[0] == ACCOUNTS[0]}
    assert world.parameters(ACCOUNTS[1]) == {place: arn for place, arn in first.items() if place[0] == ACCOUNTS[1]}
    before = world.events()
    assert world.messages() == []

    receiver.fault = ""
    sandbox.set_faults([])
    world.buckets()
    mended = commands("runs", "redeliver", summary["run_id"], "--json").json()
    assert mended == {"run_id": summary["run_id"], "delivered": ALL, "missing": []}
    world.says(second)
    every = before + world.events()
    assert every["Bedrock Profile Replaced"] >= 114
    assert (every["Bedrock Profile Deleted"] >= 6, every[FINISHED]) == (True, 1)
    assert world.messages() == ["slack", "webhook"]
    assert len(world.objects("reports")) == 3

    # A second run writes nothing.
    sent = [sandbox.ledger().count(f"ssm:{each}") for each in ("PutParameter", "DeleteParameters")]
    files, objects = world.files(), world.objects("catalog")
    assert commands.apply("teams.csv") == {"unchanged": 114}
    assert [sandbox.ledger().count(f"ssm:{each}") for each in ("PutParameter", "DeleteParameters")] == sent
    assert (world.files(), world.objects("catalog")) == (files, objects)
    assert world.events() == {FINISHED: 1}
    assert world.messages() == []
