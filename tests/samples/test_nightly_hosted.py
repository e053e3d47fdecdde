"""The nightly setup works on GitHub and in AWS: its files are read, and their commands are run in the sandbox."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from bulkprof.config import load
from tests.cli.driver import CommandLine
from tests.samples.nightly import FILES, PROFILES, SAMPLE, created, shell, text
from tests.samples.templates import template

TEMPLATE = SAMPLE / FILES["template"]


def workflow() -> dict[Any, Any]:
    yaml = pytest.importorskip("yaml")
    return dict(yaml.safe_load(text("workflow")))


def steps(job: str) -> dict[str, str]:
    """The named steps of a job that run something."""
    return {step["name"]: step["run"] for step in workflow()["jobs"][job]["steps"] if "run" in step}


# What is common


def test_the_workflow_is_one() -> None:
    found = workflow()
    # YAML 1.1 reads `on` as a truth value; GitHub doesn't.
    on = found[True]
    assert set(on) == {"schedule", "workflow_dispatch", "pull_request"}
    assert [re.fullmatch(r"(\S+ ){4}\S+", entry["cron"]) is not None for entry in on["schedule"]] == [True]
    assert found["permissions"] == {}
    for job in found["jobs"].values():
        assert job["permissions"] == {"contents": "read", "id-token": "write"}
        assert {"if", "runs-on", "timeout-minutes", "concurrency", "steps"} <= set(job)
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert set(step) <= {"name", "id", "if", "uses", "run", "with"}
            assert re.fullmatch(r"[\w-]+/[\w/-]+@v\d+", step.get("uses", "a/b@v1"))
    for path in on["pull_request"]["paths"]:
        assert (SAMPLE / path.removesuffix("/**")).exists()


def test_the_workflow_enters_aws_before_it_needs_to_and_never_with_keys() -> None:
    for job in workflow()["jobs"].values():
        order = [step.get("uses", step.get("run", "")) for step in job["steps"]]
        entered = next(index for index, step in enumerate(order) if step.startswith("aws-actions/configure-aws"))
        used = [index for index, step in enumerate(order) if re.search(r"bulkprof (sync|plan|apply)", step)]
        assert used
        assert min(used) > entered
        assert set(job["steps"][entered]["with"]) >= {"role-to-assume", "aws-region"}
    assert not re.search(r"\{\{\s*secrets\b|access-key", text("workflow"))


def switched_on() -> str:
    """The config with its tables about S3 switched on, as runners without a disk need it."""
    config = (SAMPLE / "bulkprof.toml").read_text(encoding="utf-8")
    return re.sub(r"(?m)^# (\[lock\]|\[state\]|s3 = )", r"\1", config)


def test_the_config_has_a_place_for_what_outlives_a_runner(tmp_path: Path) -> None:
    plain = load(SAMPLE / "bulkprof.toml").settings
    assert (plain.state.s3, plain.lock.s3) == (None, None)
    path = tmp_path / "bulkprof.toml"
    path.write_text(switched_on(), encoding="utf-8")
    settings = load(path).settings
    assert settings.lock.s3 == "s3://example-bulkprof/locks/platform.lock"
    assert settings.state.s3 == "s3://example-bulkprof/state/"


def test_a_night_of_the_workflow_writes_its_summary(setup: Path) -> None:
    needs_jq()
    night = steps("nightly")
    summary = setup / "summary.md"
    ended = shell(night["Sync"], setup)
    assert ended.returncode == 0, ended.stderr
    assert created((setup / "srv" / "summary.json").read_text(encoding="utf-8")) == PROFILES
    assert shell(night["Job summary"], setup, GITHUB_STEP_SUMMARY=str(summary)).returncode == 0
    told = summary.read_text(encoding="utf-8")
    assert told.startswith(f"## bulkprof sync in the sandbox: {PROFILES} created\n")
    assert "111122223333/us-east-1 | search-suggest-prod-nova-lite | created | `arn:aws:bedrock:" in told


def test_a_night_of_the_workflow_that_did_not_start_says_why(setup: Path) -> None:
    needs_jq()
    night = steps("nightly")
    (setup / "srv" / "manifests" / "finance.csv").write_text("team,app,regoin\n", encoding="utf-8")
    assert shell(night["Sync"], setup).returncode == 65
    summary = setup / "summary.md"
    assert shell(night["Job summary"], setup, GITHUB_STEP_SUMMARY=str(summary)).returncode == 0
    assert summary.read_text(encoding="utf-8").startswith("## bulkprof did not run\n\n```\n")


def test_a_pull_request_is_told_what_it_changes(setup: Path) -> None:
    needs_jq()
    check = steps("drift")
    assert shell(check["Validate"], setup).returncode == 0
    summary = setup / "summary.md"

    def plan() -> tuple[int, str, str]:
        summary.write_text("", encoding="utf-8")
        (setup / "srv" / "plan.db").unlink(missing_ok=True)
        ended = shell(check["Plan"], setup, GITHUB_STEP_SUMMARY=str(summary))
        return ended.returncode, ended.stdout, summary.read_text(encoding="utf-8")

    code, out, told = plan()
    assert (code, out.startswith("::warning")) == (0, True)
    assert told.startswith(f"## bulkprof plan in the sandbox: {PROFILES} changes in 6 targets\n")
    assert shell("bulkprof sync manifests/*.csv --yes --json", setup).returncode == 0
    code, out, told = plan()
    assert (code, out, told.splitlines()[0]) == (0, "", "## bulkprof plan in the sandbox: no changes")
    manifest = setup / "srv" / "manifests" / "search.csv"
    manifest.write_text("".join(manifest.read_text(encoding="utf-8").splitlines(keepends=True)[:2]), encoding="utf-8")
    code, _, told = plan()
    assert (code, told.splitlines()[0]) == (4, "## No plan")
    assert "at most 5 may go" in told


def needs_jq() -> None:
    if shutil.which("jq") is None:
        pytest.skip("no jq here")


# AWS


def test_the_task_definition_is_one_and_its_command_runs(setup: Path) -> None:
    from botocore.session import get_session
    from botocore.validate import ParamValidator

    task = json.loads(text("task"))
    shape = get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
    assert ParamValidator().validate(task, shape).generate_report() == ""
    (container,) = task["containerDefinitions"]
    assert container["entryPoint"] == ["/bin/sh", "-c"]
    (command,) = container["command"]
    state = re.search(r"--state-dir (\S+)", command)
    assert state
    # The image has that folder for the user that the task runs as.
    assert f" {state[1]}\n" in (SAMPLE / "aws" / "Dockerfile").read_text(encoding="utf-8")
    ended = shell(command, setup)
    assert ended.returncode == 0, ended.stderr
    assert created(ended.stdout) == PROFILES


def test_the_image_has_what_the_command_needs() -> None:
    copied = re.findall(r"(?m)^COPY (.+) \S+$", (SAMPLE / "aws" / "Dockerfile").read_text(encoding="utf-8"))
    for name in (name for line in copied for name in line.split()):
        assert (SAMPLE / name).exists(), name
    assert {"bulkprof.toml", "cost-centers.csv", "manifests"} == {name for line in copied for name in line.split()}


def test_the_template_has_no_findings() -> None:
    api = pytest.importorskip("cfnlint.api")
    found = api.lint(text("template"), None, ["us-east-1", "us-gov-west-1"])
    assert [f"{each.linenumber}: {each.rule.id} {each.message}" for each in found] == []


def test_the_function_is_the_handler_and_may_do_what_a_night_needs(commands: CommandLine) -> None:
    from bulkprof import lambda_handler

    resources = template(TEMPLATE)["Resources"]
    function = resources["Function"]["Properties"]
    module, _, name = function["Handler"].rpartition(".")
    assert getattr(sys.modules[module], name) is lambda_handler.handler
    lambda_handler.Event.model_validate_json(resources["Nightly"]["Properties"]["Target"]["Input"])
    known = set(re.findall(r"BULKPROF_\w+", str(lambda_handler.__doc__)))
    assert set(function["Environment"]["Variables"]) <= known
    (policy,) = resources["FunctionRole"]["Properties"]["Policies"]
    allowed = {
        action
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    for name in ("cost-centers.csv", "manifests"):
        (commands.folder / name).symlink_to(SAMPLE / name)
    commands.write("bulkprof.toml", switched_on())
    asked = json.loads(commands("iam-policy", "--for", "hub", "--prune").out)
    needed = {action for statement in asked["Statement"] for action in statement["Action"]}
    assert needed <= allowed
    bucket = "arn:aws:s3:::example-bulkprof"
    (state,) = (each for each in asked["Statement"] if each["Sid"] == "KeepState")
    assert state["Resource"] == [f"{bucket}/state/rates.json", f"{bucket}/state/runs/*"]
    (granted,) = (each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == "KeepState")
    parameters = {name: each.get("Default") for name, each in template(TEMPLATE)["Parameters"].items()}
    values = {**parameters, "ManifestBucket": "example-bulkprof", "AWS::Partition": "aws"}
    filled = [re.sub(r"\$\{([\w:]+)\}", lambda found: values[found[1]], each) for each in granted["Resource"]]
    assert filled == state["Resource"]
    assert sorted(granted["Action"]) == sorted(state["Action"])
    assert {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"} <= allowed
    role = load(SAMPLE / "bulkprof.toml").settings.organization.role
    assert template(TEMPLATE)["Parameters"]["MemberRole"]["Default"] == role
