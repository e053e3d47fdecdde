"""What is noticed before anything is changed, and what is missing is said once."""

from __future__ import annotations

import pytest

from bulkprof.sandbox import Sandbox, SandboxSettings
from tests.cli.driver import CommandLine
from tests.conftest import FAST

OWN = "123456789012"


@pytest.fixture
def many(commands: CommandLine) -> str:
    """A manifest of one profile more than AWS's default quota."""
    return commands.manifest(*(f"team-{number}" for number in range(1001)))


def test_a_plan_over_the_quota_is_told_before_it_is_approved(
    commands: CommandLine, sandbox: Sandbox, many: str
) -> None:
    commands.apply(commands.manifest("a", "b", file="there.csv"))
    ended = commands("plan", many)
    assert ended.code == 0
    assert (
        f"warning: {OWN}/us-east-1: 2 profiles exist and 1001 are to be created, but the quota is 1000: AWS will "
        "refuse 3 of them. To raise it: aws service-quotas request-service-quota-increase --service-code bedrock "
        "--quota-code L-40EC9882 --desired-value 1003 --region us-east-1"
    ) in ended.err
    assert sandbox.ledger().count("GetServiceQuota") == 1


def test_a_raised_quota_is_asked_for(commands: CommandLine, many: str) -> None:
    with Sandbox(SandboxSettings(rate=FAST, account_quotas={OWN: 1001})) as sandbox:
        commands.connect(sandbox)
        assert "quota" not in commands("plan", many).err
        assert sandbox.ledger().count("GetServiceQuota") == 1


def test_the_default_holds_where_the_quota_cant_be_read(commands: CommandLine, sandbox: Sandbox, many: str) -> None:
    sandbox.set_denied(actions=["servicequotas:*"])
    ended = commands("plan", many)
    assert ended.code == 0
    assert "the quota is 1000 by default (the account's own can't be read: AccessDeniedException" in ended.err
    assert "AWS will refuse 1 of them" in ended.err


def test_a_plan_that_fits_asks_for_no_quota(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands("plan", commands.manifest("team-a")).code == 0
    assert sandbox.ledger().count("GetServiceQuota") == 0


def test_a_missing_permission_is_said_once(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_denied(actions=["bedrock:CreateInferenceProfile"])
    accounts = "|".join(f"{number}" * 12 for number in range(1, 5))
    manifest = commands.manifest(*(f"team-{number:02},{accounts}" for number in range(5)), header="name,account")
    ended = commands("apply", manifest, "--yes", "--results", "results.jsonl")
    assert ended.code == 3
    (said,) = [line for line in ended.out.splitlines() if "AccessDeniedException" in line]
    assert said.startswith(
        "20 profiles in 4 targets: failed: AccessDeniedException on bedrock:CreateInferenceProfile "
        "(the first: teams.csv:2 111111111111/us-east-1 team-00): User: "
    )
    assert "to mend: allow bedrock:CreateInferenceProfile; `bulkprof iam-policy` prints all that runs need" in ended.out
    assert [line["error_code"] for line in commands.results()] == ["AccessDeniedException"] * 20
    (run,) = commands("runs", "--json").json()["runs"]
    report = commands("report", run["run_id"]).out.splitlines()
    assert [line for line in report if "AccessDeniedException" in line] == [said]
    assert f"each row by itself: bulkprof report {run['run_id']} --results results.csv" in report


def test_a_few_failures_are_said_one_by_one(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_denied(actions=["bedrock:CreateInferenceProfile"])
    ended = commands("apply", commands.manifest("team-a", "team-b", "team-c"), "--yes")
    lines = [line for line in ended.out.splitlines() if "AccessDeniedException" in line]
    assert [line.split(": ")[0] for line in lines] == [
        f"teams.csv:{line} {OWN}/us-east-1 team-{name}" for line, name in enumerate("abc", 2)
    ]


def test_a_model_that_only_runs_through_a_system_profile_is_said_once(commands: CommandLine, sandbox: Sandbox) -> None:
    accounts = "111111111111|222222222222"
    rows = [f"team-{name},amazon.nova-premier-v1:0,{accounts}" for name in "abc"]
    ended = commands("plan", commands.manifest(*rows, header="name,model,account"))
    assert ended.code == 0
    (said,) = [line for line in ended.err.splitlines() if "premier" in line]
    assert said == (
        "warning: us-east-1: amazon.nova-premier-v1:0 can't be invoked on demand by itself; "
        "use us.amazon.nova-premier-v1:0"
    )
