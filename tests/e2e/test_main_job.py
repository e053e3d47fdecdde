"""The main job: from a spreadsheet to profiles, over HTTP, with the samples as they are shipped."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine

SAMPLES = Path(__file__).parents[2] / "samples"


def take_samples(commands: CommandLine) -> None:
    for name in (
        "bulkprof.toml",
        "cost-centers.csv",
        "kubernetes-subprojects.csv",
        "onboarding.csv",
        "onboarding.json",
    ):
        shutil.copy(SAMPLES / name, commands.folder / name)


def test_the_kubernetes_community(commands: CommandLine, sandbox: Sandbox) -> None:
    take_samples(commands)
    summary = commands.summary("apply", "kubernetes-subprojects.csv")
    assert summary["desired"] == summary["outcomes"]["created"] == 472
    ledger = sandbox.ledger()
    assert len(ledger.live) == len(ledger.profiles) == 472
    assert Counter(profile.source.rpartition("/")[2] for profile in ledger.live) == {
        "amazon.nova-lite-v1:0": 236,
        "us.anthropic.claude-sonnet-4-20250514-v1:0": 236,
    }
    by_name = {profile.name: profile for profile in ledger.live}
    assert by_name["api-machinery-component-base-nova-lite"].tags == {
        "ManagedBy": "bulkprof",
        "Team": "API Machinery",
        "Unit": "api-machinery",
        "App": "component-base",
        "Slack": "sig-api-machinery",
        "CostCenter": "CC-4100",
        "Owner": "api-machinery@example.com",
        "bulkprof:estate": "kubernetes-community",
        "bulkprof:keys": "App CostCenter ManagedBy Owner Slack Team Unit",
    }
    assert {line["name"]: line["arn"] for line in commands.results()} == {
        name: profile.arn for name, profile in by_name.items()
    }
    assert commands.apply("kubernetes-subprojects.csv") == {"unchanged": 472}
    assert sandbox.ledger().count("CreateInferenceProfile") == summary["calls"]["CreateInferenceProfile"]["sent"]
    plan = commands("plan", "kubernetes-subprojects.csv", "--detailed-exitcode", "--json")
    assert (plan.code, plan.json()["changes"]) == (0, [])


def test_every_column_and_form(commands: CommandLine, sandbox: Sandbox) -> None:
    take_samples(commands)
    outcomes = commands.apply("onboarding.csv", "onboarding.json")
    live = sandbox.ledger().live
    assert outcomes == {"created": len(live)}
    assert {profile.account for profile in live} == {"123456789012", "111122223333", "444455556666"}
    assert {profile.region for profile in live} == {"us-east-1", "us-west-2"}
    assert Counter(profile.region for profile in live if "policy-helper" in profile.name) == {
        "us-east-1": 2,
        "us-west-2": 2,
    }
    assert commands.apply("onboarding.json", "onboarding.csv") == {"unchanged": len(live)}
    assert {line["file"] for line in commands.results()} == {"onboarding.csv", "onboarding.json"}


def test_several_manifests(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest("team-a", file="one.csv")
    commands.write("two.json", '[{"name": "team-b", "tags": {"Team": "b"}}]')
    commands.write("three.jsonl", '{"name": "team-c"}\n\n{"name": "team-d", "region": ["us-east-1", "us-west-2"]}\n')
    assert commands.apply("one.csv", "two.json", "three.jsonl") == {"created": 5}
    places = [(line["file"], line["line"], line["name"]) for line in commands.results()]
    assert sorted(places) == [
        ("one.csv", 2, "team-a"),
        ("three.jsonl", 1, "team-c"),
        ("three.jsonl", 3, "team-d"),
        ("three.jsonl", 3, "team-d"),
        ("two.json", 1, "team-b"),
    ]
    commands.manifest("team-e", "team-b", file="one.csv")
    ended = commands("apply", "one.csv", "two.json", "--yes")
    assert ended.code == 65
    assert "two.json:1: name 'team-b': the same name in (caller)/us-east-1 as one.csv:3" in ended.err
    assert len(sandbox.ledger().profiles) == 5


def test_standard_input(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands.apply("-", stdin=b"name;description\nteam-a;Answers tickets\n") == {"created": 1}
    assert commands.apply("-", stdin=b'\xef\xbb\xbf[{"name": "team-b"}]') == {"created": 1}
    assert commands.apply("-", stdin=b'{"name": "team-c"}\n{"name": "team-a"}\n') == {"created": 1, "unchanged": 1}
    assert sorted(profile.name for profile in sandbox.ledger().profiles) == ["team-a", "team-b", "team-c"]
    assert commands("apply", "-", "--yes", stdin=b"").code == 65
    with commands.started("apply", "-", "--yes") as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 65, err


def test_a_row_fans_out(commands: CommandLine, sandbox: Sandbox) -> None:
    header = "name,model,account,region"
    row = "{0},amazon.nova-lite-v1:0,111111111111|222222222222,us-east-1|eu-west-1|us-west-2"
    commands.manifest(row.format("team-a"), header=header)
    assert commands.apply("teams.csv") == {"created": 6}
    made = {(profile.account, profile.region) for profile in sandbox.ledger().live}
    assert len(made) == 6
    assert sandbox.ledger().count("AssumeRole") == 2
    assert commands.apply("teams.csv") == {"unchanged": 6}


def test_a_denied_account_fails_its_rows_only(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_denied(accounts=["222222222222"])
    commands.manifest("team-a,111111111111|222222222222", "team-b,222222222222", "team-c,", header="name,account")
    assert commands.apply("teams.csv", code=3) == {"created": 2, "failed": 2}
    failed = [line for line in commands.results() if line["outcome"] == "failed"]
    assert {line["account"] for line in failed} == {"222222222222"}
    assert all("AccessDenied" in line["error_code"] for line in failed)
    sandbox.set_denied(accounts=[])
    assert commands.apply("teams.csv") == {"created": 2, "unchanged": 2}
    sandbox.set_denied(accounts=["222222222222"])
    ended = commands("apply", commands.manifest("team-b,222222222222", header="name,account"), "--yes")
    assert ended.code == 1
    assert "AccessDenied" in ended.err


def test_two_runs_in_one_process_know_nothing_of_each_other(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands.apply(commands.manifest("team-a")) == {"created": 1}
    with Sandbox() as another:
        commands.connect(another)
        assert commands.apply("teams.csv") == {"created": 1}
        assert [profile.name for profile in another.ledger().live] == ["team-a"]
    commands.connect(sandbox)
    assert commands.apply("teams.csv") == {"unchanged": 1}
    assert sandbox.ledger().count("CreateInferenceProfile") == 1
