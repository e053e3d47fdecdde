"""The GitOps sample: its workflows are carried out, with a repository, a `gh` and a sandbox of the tests."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from bulkprof.config import load
from bulkprof.plugins.registry import Registry
from tests.cli.driver import CommandLine
from tests.samples.gitops import PULL, SAMPLE, WORKFLOWS, Forge, workflow

NAMES = ("plan", "apply", "drift")
NEW = "finance,invoices,nova-lite,prod,Reads invoices"
OTHER = "finance,forecast,nova-lite,test,Looks ahead"

needs_tools = pytest.mark.skipif(not (shutil.which("jq") and shutil.which("git")), reason="no jq, or no git")


# What can be said without running it


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_workflow(name: str) -> None:
    schema = json.loads(
        files("check_jsonschema").joinpath("builtin_schemas/vendor/github-workflows.json").read_text(encoding="utf-8")
    )
    found = {"on" if key is True else key: value for key, value in workflow(name).items()}
    assert [error.message for error in Draft7Validator(schema).iter_errors(found)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_may_do_no_more_than_it_needs(name: str) -> None:
    found = workflow(name)
    assert found["permissions"] == {}
    text = (WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8")
    assert not re.search(r"\{\{\s*secrets\b|access-key|pull_request_target", text)
    for job in found["jobs"].values():
        assert {"timeout-minutes", "permissions"} <= set(job)
        assert job["permissions"]["contents"] == "read"
        uses = [step["uses"] for step in job["steps"] if "uses" in step]
        assert all(re.fullmatch(r"[\w-]+/[\w/-]+@v\d+", each) for each in uses)
        # What users write gets into scripts as variables, never as text of the script.
        assert not any("${{" in step["run"] for step in job["steps"] if "run" in step)
        assert job["steps"][0]["with"] == {"persist-credentials": False}
        if any(each.startswith("aws-actions/") for each in uses):
            assert {"if", "concurrency"} <= set(job)
            assert job["permissions"]["id-token"] == "write"


def test_plans_and_applies_are_about_the_same_files() -> None:
    plan, apply = workflow("plan"), workflow("apply")
    inputs = plan["env"]["INPUTS"].split()
    assert apply["env"]["INPUTS"].split() == inputs
    assert [path.removesuffix("/**") for path in apply[True]["push"]["paths"]] == inputs
    assert all((SAMPLE / path).exists() for path in inputs)


def test_roles_trust_what_the_workflows_are() -> None:
    def subjects(name: str) -> Any:
        (statement,) = json.loads((SAMPLE / "iam" / f"{name}-trust.json").read_text())["Statement"]
        return statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]

    ours = "repo:example-org/profiles"
    assert subjects("plan") == [f"{ours}:pull_request", f"{ours}:ref:refs/heads/main"]
    assert subjects("apply") == f"{ours}:environment:{workflow('apply')['jobs']['apply']['environment']}"


def test_manifests_are_valid_and_the_readme_names_every_file(commands: CommandLine) -> None:
    commands.monkeypatch.chdir(SAMPLE)
    found = commands("validate", *sorted(map(str, Path("manifests").iterdir())), "--json").json()
    assert (found["problems"], found["desired"]) == ([], 10)
    config = load(SAMPLE / "bulkprof.toml")
    Registry(config.settings.plugins, config.directory)
    page = (SAMPLE / "README.md").read_text(encoding="utf-8")
    for path in SAMPLE.rglob("*"):
        if path.is_file() and path.parent.name != "manifests" and path.name not in {"README.md", ".gitignore"}:
            assert path.name in page, path


def test_the_roles_of_the_readme_can_do_what_they_are_for(commands: CommandLine) -> None:
    page = (SAMPLE / "README.md").read_text(encoding="utf-8")
    shutil.copytree(SAMPLE, commands.folder / "repo")
    commands.monkeypatch.chdir(commands.folder / "repo")
    written = re.findall(r"^\$ (sed|bulkprof) (.*) > (\S+)$", page, re.MULTILINE)
    assert [name for name, _, _ in written] == ["sed", *["bulkprof"] * 4]
    # As the workflows write it.
    for name in ("plan", "drift"):
        assert f"sed {written[0][1]} > reader.toml" in (WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8")
    config = Path("bulkprof.toml").read_text(encoding="utf-8")
    Path("reader.toml").write_text(config.replace('"BulkprofMember"', '"BulkprofReader"'), encoding="utf-8")
    for _, arguments, out in written[1:]:
        ended = commands(*arguments.split())
        assert ended.code == 0, ended.err
        role, other = ("Member", "Reader") if out in {"apply-policy.json", "member.yaml"} else ("Reader", "Member")
        assert f"Bulkprof{role}" in ended.out
        assert f"Bulkprof{other}" not in ended.out
        assert ("CreateInferenceProfile" in ended.out) == (out == "member.yaml")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="no shellcheck here")
def test_shellcheck_has_nothing_to_say(tmp_path: Path) -> None:
    scripts = [SAMPLE / "ci" / "comment.sh"]
    for name in NAMES:
        for job in workflow(name)["jobs"].values():
            for number, step in enumerate(job["steps"]):
                if "run" in step:
                    script = tmp_path / f"{name}-{number}.sh"
                    script.write_text(f"#!/bin/sh\nset -e\n{step['run']}", encoding="utf-8")
                    scripts.append(script)
    # INPUTS is a list of words, and comes from outside.
    command = ["shellcheck", "-e", "SC2086,SC2153", *map(str, scripts)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == ""


# A pull request, and its merge


@pytest.fixture
def forge(commands: CommandLine) -> Forge:
    return Forge(commands.folder)


def comments(forge: Forge) -> list[str]:
    return [comment["body"] for comment in forge.state["comments"].get(str(PULL), [])]


@needs_tools
def test_merging_applies_the_plan_that_was_shown(forge: Forge) -> None:
    forge.propose("finance.csv", NEW)
    planned = forge.plan()
    assert planned.code == 0, planned.errors
    (comment,) = comments(forge)
    assert comment.startswith("<!-- bulkprof-plan -->\n## bulkprof plan in the sandbox: 12 changes in 4 targets\n")
    assert "Merging applies just this" in comment
    # The next push changes the same comment.
    forge.propose("finance.csv", NEW, OTHER)
    assert forge.plan().code == 0
    (comment,) = comments(forge)
    assert "14 changes in 4 targets" in comment
    # What no plan is made of may change meanwhile.
    forge.git("checkout", "-q", "main")
    (forge.repo / "NOTES.md").write_text("Other things\n", encoding="utf-8")
    forge.commit("Meanwhile")
    forge.merge(squash=True)
    applied = forge.on_main("apply", "push")
    assert applied.code == 0, applied.errors
    _, told = comments(forge)
    assert told.startswith("<!-- bulkprof-apply -->\n## bulkprof apply in the sandbox: 14 created\n")
    # The run has the plan's id, on a runner that never saw it; a second attempt of the job makes nothing twice.
    again = forge.on_main("apply", "push")
    assert again.code == 0, again.errors
    assert "| unchanged | 14 |" in comments(forge)[1]


@needs_tools
def test_a_plan_of_other_manifests_is_stale(forge: Forge) -> None:
    forge.propose("finance.csv", NEW)
    assert forge.plan().code == 0
    # Another pull request is merged meanwhile.
    forge.git("checkout", "-q", "main")
    forge.write("support.csv", "support,assistant,nova-lite,test,Answers customers")
    forge.commit("Meanwhile")
    forge.merge()
    refused = forge.on_main("apply", "push")
    assert (refused.code, refused.ran) == (1, ["Find the plan"])
    assert "No plan of just these files" in comments(forge)[1]
    assert not (forge.repo / ".bulkprof" / "runs").exists()
    # By hand: plan what is on main, look, and apply that run.
    assert forge.on_main("plan", "workflow_dispatch").code == 0
    run = max(forge.state["runs"])
    applied = forge.on_main("apply", "workflow_dispatch", plan_run=run)
    assert applied.code == 0, applied.errors
    assert "10 created" in applied.summary


@needs_tools
def test_what_changed_in_aws_since_fails_and_stays(forge: Forge, commands: CommandLine) -> None:
    by_hand(forge, commands, "search", "support")
    # A first attempt goes over a cap: it is shown, and never applied.
    forge.propose("search.csv", "search,suggest,nova-lite,prod,Completes queries")
    assert forge.plan().code == 4
    (comment,) = comments(forge)
    assert "**This plan is refused:**" in comment
    assert "Merging applies nothing: mend it first (exit code 4)" in comment
    forge.git("revert", "--no-edit", "HEAD^2")
    forge.git("branch", "-f", "change")
    forge.propose("finance.csv", NEW)
    assert forge.plan().code == 0
    assert "2 changes" in comments(forge)[0]
    # Meanwhile, tags of support's profiles are changed by hand.
    owners = forge.repo / "cost-centers.csv"
    written = owners.read_text(encoding="utf-8")
    owners.write_text(written.replace("support@", "other@"), encoding="utf-8")
    by_hand(forge, commands, "support")
    owners.write_text(written, encoding="utf-8")
    forge.merge()
    applied = forge.on_main("apply", "push")
    assert applied.code == 3, applied.errors
    told = comments(forge)[1]
    assert "2 created" in told
    assert "StalePlan" in told
    assert forge.on_main("drift", "schedule").code == 0
    assert "4 changes" in forge.state["issues"][0]["body"]


@needs_tools
def test_without_a_plan_nothing_is_applied(forge: Forge) -> None:
    forge.propose("finance.csv", "finance,invoices,nova-lite,prod,Reads invoices,too many")
    planned = forge.plan()
    assert planned.code == 65, planned.errors
    (comment,) = comments(forge)
    assert "## No plan" in comment
    assert "manifests/finance.csv:2" in comment
    forge.merge()
    assert forge.on_main("apply", "push").code == 1
    assert "The pull request has no plan that ended well." in comments(forge)[1]
    # Pushed to main without one.
    forge.git("rm", "-q", "manifests/finance.csv")
    forge.commit("Mended")
    assert "came without a pull request" in forge.on_main("apply", "push").summary
    # Not a plan of main.
    assert "is not a plan of main" in forge.on_main("apply", "workflow_dispatch", plan_run="9000").summary


@needs_tools
def test_a_fork_gets_no_credentials(forge: Forge) -> None:
    forge.propose("finance.csv", NEW)
    head = {"repo": {"full_name": "someone/profiles"}}
    assert forge.plan(event={"pull_request": {"number": PULL, "head": head}}).ran == []
    forge.merge()
    assert "it came from a fork" in forge.on_main("apply", "push").summary


# Drift


@needs_tools
def test_drift_opens_an_issue_and_closes_it(forge: Forge, commands: CommandLine) -> None:
    assert forge.on_main("drift", "schedule").code == 0
    (issue,) = forge.state["issues"]
    assert (issue["state"], issue["label"]) == ("open", "bulkprof-drift")
    assert issue["body"].startswith("## bulkprof plan in the sandbox: 10 changes in 4 targets\n")
    assert "Found by https://x/example-org/profiles/actions/runs/9000" in issue["body"]
    assert forge.on_main("drift", "schedule").code == 0
    (issue,) = forge.state["issues"]
    assert (issue["state"], issue["edits"]) == ("open", 1)
    by_hand(forge, commands, "search", "support")
    assert forge.on_main("drift", "schedule").code == 0
    (issue,) = forge.state["issues"]
    assert issue["state"] == "closed"
    assert issue["comment"].startswith("AWS is as main says: https://x/")


@needs_tools
def test_a_check_that_fails_says_nothing_about_drift(forge: Forge) -> None:
    forge.write("finance.csv", "finance,invoices,nova-lite,nowhere,")
    forge.commit("Broken")
    assert forge.on_main("drift", "schedule").code == 65
    assert forge.state["issues"] == []


def by_hand(forge: Forge, commands: CommandLine, *teams: str) -> None:
    """Let AWS be as the manifests of these teams say."""
    commands.monkeypatch.chdir(forge.repo)
    ended = commands("apply", *(f"manifests/{team}.csv" for team in teams), "--yes", "--sandbox")
    assert ended.code == 0, ended.err
