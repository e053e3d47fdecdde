"""The sample package, the way its author would use it: installed for real, tested on its own, and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkprof.errors import PluginError
from bulkprof.plugins import ActionKind, PlanOverview
from bulkprof.plugins.registry import Registry, check_file, listings
from tests.plugins.conftest import MakeProfile

SAMPLE = Path(__file__).parents[2] / "samples" / "custom-plugin"
MODULE = "bulkprof_budget_guard"


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed sample. Built from a copy: builds leave files beside their source."""
    source = tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(SAMPLE, source)
    target = tmp_path_factory.mktemp("site")
    # Nothing is downloaded: the build backend is there, and bulkprof is what is being tested.
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    run("-m", "pip", "install", *options, "--target", target, source, cwd=source)
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(site))
    yield site
    sys.modules.pop(MODULE, None)


def test_its_own_tests_pass_against_what_was_installed(site: Path, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE / "tests", tmp_path / "tests")
    output = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tmp_path, PYTHONPATH=str(site))
    assert "5 passed" in output


def test_it_is_found_by_its_entry_point_and_runs(installed: Path, tmp_path: Path, make_profile: MakeProfile) -> None:
    registry = Registry({"budget-guard": {"expensive": ["nova-lite"], "max_creates": 1}}, tmp_path)
    assert registry.hooks_of("budget-guard") == ("bulkprof_check_profile", "bulkprof_check_plan")
    ((plugin, problems),) = registry.gather("bulkprof_check_profile", make_profile({"env": "sandbox"}))
    assert plugin == "budget-guard"
    assert [str(problem) for problem in problems] == [
        "model 'nova-lite': nova-lite is not for sandbox; choose a smaller model, or another env"
    ]
    plan = PlanOverview("run-1", "apply", "example", {ActionKind.CREATE: 2}, {}, lambda: iter(()))
    ((_, problems),) = registry.gather("bulkprof_check_plan", plan)
    assert "the plan creates 2 profiles, and 1 are allowed" in str(problems[0])


def test_it_is_listed_but_not_imported_until_named(installed: Path, tmp_path: Path) -> None:
    (row,) = [row for row in listings({}, tmp_path) if row.name == "budget-guard"]
    assert (row.version, row.origin, row.active) == ("1.0", "bulkprof-budget-guard", False)
    assert MODULE not in sys.modules


def test_its_settings_are_checked(installed: Path, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"plugins\.budget-guard\.max_creates: Input should be a valid integer"):
        Registry({"budget-guard": {"max_creates": "few"}}, tmp_path)


def test_the_file_alone_works_too() -> None:
    file = SAMPLE / f"{MODULE}.py"
    assert check_file(file) == ("bulkprof_check_profile", "bulkprof_check_plan")
    registry = Registry({"budget-guard": {"path": file.name, "max_creates": 1}}, SAMPLE)
    assert registry.objects["budget-guard"].settings.max_creates == 1
