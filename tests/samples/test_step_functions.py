"""The state machine of samples/fleet works: it is interpreted, and its functions are the handlers, in the sandbox."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bulkprof import lambda_handler
from bulkprof.lambda_handler import merge, shard, share
from bulkprof.sandbox import Sandbox
from bulkprof.workflows.fleet import stored
from tests.cli.driver import CommandLine
from tests.samples.fleet import TEMPLATE, each_once, fleet_bucket, outcomes
from tests.samples.lambdas import BUCKET, PROFILES, SAMPLE, Bucket, Context
from tests.samples.states import LambdaError, Machine
from tests.samples.templates import resources, substituted

SHARES = 4
PLAN_FUNCTION, SHARE_FUNCTION, MERGE_FUNCTION = (f"bulkprof-fleet-{name}" for name in ("plan", "share", "merge"))


@pytest.fixture
def bucket(sandbox: Sandbox, commands: CommandLine) -> Bucket:
    """See `fleet_bucket`."""
    return fleet_bucket(sandbox, commands)


@pytest.fixture
def machine(bucket: Bucket) -> Machine:
    """The template's state machine, with its handlers."""
    (fleet,) = resources(TEMPLATE, "AWS::StepFunctions::StateMachine").values()
    values = {"Bucket": BUCKET, "ProfilesPerShare": "8", "MaxConcurrency": "3"}
    for name, function in resources(TEMPLATE, "AWS::Lambda::Function").items():
        values[f"{name}.Arn"] = (
            f"arn:aws:lambda:us-east-1:111122223333:function:{function['Properties']['FunctionName']}"
        )
    definition = substituted(fleet["Properties"]["DefinitionString"], TEMPLATE, values)
    handlers = {"plan": shard, "share": share, "merge": merge}
    return Machine(
        definition,
        {f"bulkprof-fleet-{name}": partial(_called, handler) for name, handler in handlers.items()},
        bucket.s3,
    )


def _called(handler: Any, event: dict[str, Any]) -> Any:
    return handler(event, Context())


def test_a_night_with_everything_that_goes_wrong(
    machine: Machine, sandbox: Sandbox, commands: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    tried: Counter[str] = Counter()
    put_back = stored._Stored.put_back

    async def lost(self: stored._Stored) -> None:
        if not (self.name == "share-0002.db" and tried[self.name] == 1):
            await put_back(self)

    commands.monkeypatch.setattr(stored._Stored, "put_back", lost)

    def with_faults(event: dict[str, Any]) -> Any:
        name = event["file"]
        tried[name] += 1
        if name == "share-0001.db" and tried[name] <= 2:
            raise LambdaError("Lambda.TooManyRequestsException")
        if name == "share-0003.db":
            raise LambdaError("Runtime.ExitError")
        done = share(event, Context())
        if name == "share-0002.db" and tried[name] == 1:
            # All is sent, and nothing of it was kept.
            raise LambdaError("Sandbox.Timedout")
        return done

    machine.functions = {**machine.functions, SHARE_FUNCTION: with_faults}
    night = machine.run("night-1", {"prune": True})
    assert (night.status, night.error) == ("FAILED", "RunFailedError")
    summary = json.loads(json.loads(night.cause)["errorMessage"])
    missing = summary["outcomes"]["skipped"]
    assert outcomes(summary) == {"created": PROFILES - missing, "skipped": missing}
    assert (summary["exit_code"], missing > 0) == (3, True)
    assert tried == {"share-0001.db": 3, "share-0002.db": 2, "share-0003.db": 6} | {
        f"share-{number:04}.db": 1 for number in range(4, SHARES + 1)
    }
    assert f"share-0003.db (share 3 of {SHARES}) is not finished" in caplog.text
    each_once(sandbox, PROFILES - missing)
    # By hand, the next morning.
    assert share({"folder": "night-1", "file": "share-0003.db"}, Context())["outcomes"] == {"created": missing}
    assert outcomes(merge({"folder": "night-1"}, Context())) == {"created": PROFILES}
    each_once(sandbox)


def test_two_nights_and_another_execution(machine: Machine, sandbox: Sandbox) -> None:
    night = machine.run("night-1", {})
    assert night.status == "SUCCEEDED", night.cause
    assert outcomes(night.output) == {"created": PROFILES}
    assert Counter(machine.invoked) == {(PLAN_FUNCTION, ""): 1, (SHARE_FUNCTION, ""): SHARES, (MERGE_FUNCTION, ""): 1}
    each_once(sandbox)
    machine.invoked.clear()
    quiet = machine.run("night-2", {"prune": True})
    assert (quiet.status, quiet.output["to_do"]) == ("SUCCEEDED", False)
    assert machine.invoked == [(PLAN_FUNCTION, "")]
    machine.running = 2
    refused = machine.run("night-3", {})
    assert (refused.status, refused.error) == ("FAILED", "AnotherExecution")
    assert machine.invoked == [(PLAN_FUNCTION, "")]


def test_a_canary_that_fails_is_the_only_one(machine: Machine, bucket: Bucket, sandbox: Sandbox) -> None:
    config = bucket.s3.get_object(Bucket=BUCKET, Key="nightly/bulkprof.toml")["Body"].read().decode()
    bucket.put("bulkprof.toml", re.sub(r"(?m)^\[rollout\]\n", "", config) + "\n[rollout]\ncanary = 1\n")

    def then_denied(event: dict[str, Any]) -> Any:
        answer = shard(event, Context())
        sandbox.set_denied(accounts={"111122223333", "222233334444", "444455556666"})
        return answer

    machine.functions = {**machine.functions, PLAN_FUNCTION: then_denied}
    night = machine.run("night-1", {})
    assert (night.status, night.error) == ("FAILED", "RunFailedError")
    assert [name for name, _ in machine.invoked] == [PLAN_FUNCTION, SHARE_FUNCTION, MERGE_FUNCTION]
    assert not sandbox.ledger().profiles


def test_an_account_that_can_not_be_entered_is_tolerated(machine: Machine, sandbox: Sandbox) -> None:
    def then_denied(event: dict[str, Any]) -> Any:
        answer = shard(event, Context())
        sandbox.set_denied(accounts={"444455556666"})
        return answer

    machine.functions = {**machine.functions, PLAN_FUNCTION: then_denied}
    night = machine.run("night-1", {})
    summary = json.loads(json.loads(night.cause)["errorMessage"])
    assert (night.error, summary["exit_code"]) == ("RunFailedError", 3)
    assert outcomes(summary) == {"created": 22, "failed": 4}
    assert (SHARE_FUNCTION, "") in machine.invoked
    each_once(sandbox, 22)


def test_shares_that_can_not_be_listed_leave_a_run_that_says_so(machine: Machine, sandbox: Sandbox) -> None:
    class Unreadable:
        def get_object(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

    machine.s3 = Unreadable()
    night = machine.run("night-1", {})
    summary = json.loads(json.loads(night.cause)["errorMessage"])
    assert (night.error, outcomes(summary)) == ("RunFailedError", {"skipped": PROFILES})
    assert not sandbox.ledger().profiles


# The template


def test_the_template_has_no_findings() -> None:
    api = pytest.importorskip("cfnlint.api")
    found = api.lint(TEMPLATE.read_text(encoding="utf-8"), None, ["us-east-1"])
    assert [f"{each.linenumber}: {each.rule.id} {each.message}" for each in found] == []


def test_the_functions_are_the_handlers_and_may_do_what_they_do(commands: CommandLine) -> None:
    known = set(re.findall(r"BULKPROF_\w+", str(lambda_handler.__doc__)))
    allowed: dict[str, set[str]] = {}
    for function in (each["Properties"] for each in resources(TEMPLATE, "AWS::Lambda::Function").values()):
        module, _, name = function["Handler"].rpartition(".")
        assert module == "bulkprof.lambda_handler"
        assert callable(getattr(lambda_handler, name))
        assert set(function["Environment"]["Variables"]) <= known
        role = function["Role"].removesuffix(".Arn")
        (policy,) = resources(TEMPLATE, "AWS::IAM::Role")[role]["Properties"]["Policies"]
        statements = [each for each in policy["PolicyDocument"]["Statement"] if isinstance(each, dict)]
        actions = ([each["Action"]] if isinstance(each["Action"], str) else each["Action"] for each in statements)
        allowed[name] = {action for each in actions for action in each}
    commands.monkeypatch.chdir(SAMPLE)
    asked = json.loads(commands("iam-policy", "--for", "hub", "--prune").out)
    needed = {action for statement in asked["Statement"] for action in statement["Action"]}
    assert needed <= allowed["shard"]
    assert allowed["share"] == {"sts:AssumeRole", "s3:ListBucket", "s3:GetObject", "s3:PutObject"} | {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    assert "sts:AssumeRole" not in allowed["merge"]
