"""The workflows of GitHub, the Dockerfile and what they name: each is valid, and names what there is."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = set(PROJECT["optional-dependencies"])
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def jobs() -> list[tuple[str, dict[str, Any]]]:
    """All jobs, with their names."""
    found = [yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"] for path in WORKFLOWS]
    return [(name, job) for each in found for name, job in each.items()]


def steps() -> list[dict[str, Any]]:
    return [step for _, job in jobs() for step in job.get("steps", [])]


@pytest.mark.parametrize(
    ("schema", "files"),
    [("github-workflows", WORKFLOWS), ("dependabot", [ROOT / ".github" / "dependabot.yml"])],
    ids=["workflows", "dependabot"],
)
def test_files_are_as_github_wants_them(schema: str, files: list[Path]) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_run_make_targets_that_there_are() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = {name for step in steps() for name in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))}
    assert {"dist", "docs", "lint", "platforms", "test", "test-lowest", "test-wheel"} <= called
    assert called <= targets


def test_what_ci_runs_before_a_merge_is_run_there_too() -> None:
    here = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8")))
    called = {name for step in steps() for name in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))}
    assert here <= called


def test_the_matrix_has_the_versions_that_the_project_names() -> None:
    named = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if re.search(r":: Python :: 3\.\d", text)]
    (matrix,) = (job["strategy"]["matrix"]["python"] for name, job in jobs() if name == "test")
    assert matrix == named
    assert PROJECT["requires-python"] == f">={named[0]}"
    assert set(re.findall(r"python:(3\.\d+)-slim", DOCKERFILE)) == {named[-1]}
    candidates = re.search(r"PYTHON:-(.*?)}", (ROOT / "tools" / "bootstrap").read_text(encoding="utf-8"))
    assert candidates is not None
    assert candidates[1].split() == [*(f"python{version}" for version in reversed(named)), "python3"]


def test_jobs_end_and_may_do_little() -> None:
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}
    for name, job in jobs():
        assert "uses" in job or job["timeout-minutes"] <= 60, name
        # Only what publishes may do more than read, and those two wait for an environment.
        more = {key for key, right in job.get("permissions", {}).items() if right == "write"}
        assert not more or ("environment" in job and not any("run" in step for step in job["steps"])), name


def test_actions_are_pinned_and_keep_no_credentials() -> None:
    for step in steps():
        if action := step.get("uses"):
            assert re.fullmatch(r"actions/[\w-]+@v\d+|pypa/gh-action-pypi-publish@release/v1", action)
            assert "checkout" not in action or step["with"]["persist-credentials"] is False


def instructions(name: str) -> list[str]:
    """The arguments of each such instruction of the Dockerfile."""
    lines = DOCKERFILE.replace("\\\n", " ").splitlines()
    return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]


def test_the_image_copies_what_there_is() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    copied = [source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]]
    assert sorted(copied) == sorted(kept)
    assert all((ROOT / source).exists() for source in copied)
    assert not [name for name in kept if any(fnmatch(name, line) for line in ignored if line[0] not in "!#*")]


def test_the_image_runs_as_another_user_than_root_and_has_no_build_tools() -> None:
    (build, _) = instructions("RUN")
    assert extras_in(build) <= EXTRAS
    assert instructions("USER") == ["10001"]
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert not re.search(r"\b(apt-get|gcc|pip|git)\b", final)


def test_systems_elsewhere_install_extras_that_there_are() -> None:
    run = [step.get("run", "") for name, job in jobs() if name == "elsewhere" for step in job["steps"]]
    (installs,) = (line for line in run if "pip install" in line)
    assert extras_in(installs) <= EXTRAS


def extras_in(line: str) -> set[str]:
    """The extras that a line installs, the sandbox among them."""
    found = re.search(r"\[([\w,]+)\]", line)
    assert found is not None
    extras = set(found[1].split(","))
    assert "sandbox" in extras
    return extras
