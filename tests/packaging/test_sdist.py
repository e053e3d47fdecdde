"""What is released is whole: the sdist passes its own tests, and the wheel that is built from it is typed.

These tests pass in an unpacked sdist, too, where there is no git to compare with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "bulkprof",
    "bulkprof_catalog",
    "bulkprof_eventbridge",
    "bulkprof_naming",
    "bulkprof_s3",
    "bulkprof_slack",
    "bulkprof_ssm",
    "bulkprof_tags",
    "bulkprof_webhook",
)
SLICE = ("tests/plugins/test_docs.py", "tests/plugins/test_samples.py", "tests/planning/test_diff.py")
"""Tests that need docs/, samples/, plugins/ and bulkprof/, and no network. Never this file: it would build itself."""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run Python with these arguments and return what it prints. Fails where it fails."""
    # What pytest says of the tests that run here is not about those that run there.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(kind: str, source: Path, target: Path) -> Path:
    """Build `source` as a release does, without network, and return the file that it made."""
    run("-m", "hatchling", "build", "-t", kind, "-d", target, cwd=source)
    (built,) = target.iterdir()
    return built


def tracked() -> list[str]:
    """The files that git tracks. Skips the test where git can't say."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout, so nothing says which files belong to the project")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip(f"git does not list the files: {listed.stderr.strip()}")
    # A file that was just moved or deleted is still listed until that is staged.
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the sdist unpacks to."""
    archive = build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))
    target = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive) as opened:
        # The archive is our own. Python warns where no filter is set, and before 3.11.4 it takes none as an argument.
        opened.extraction_filter = lambda member, _: member
        opened.extractall(target)
    (folder,) = target.iterdir()
    return folder


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel. Built from the sdist, as installers without a wheel do."""
    with zipfile.ZipFile(build("wheel", sdist, tmp_path_factory.mktemp("wheel"))) as opened:
        return set(opened.namelist())


def test_the_sdist_holds_every_file_that_git_tracks(sdist: Path) -> None:
    missing = set(tracked()) - files(sdist)
    assert not missing, "add them to [tool.hatch.build.targets.sdist] in pyproject.toml"


def test_programs_in_the_sdist_may_be_run(sdist: Path) -> None:
    assert os.access(sdist / "tools" / "bootstrap", os.X_OK)
    assert os.access(sdist / ".ci" / "run", os.X_OK)


def test_a_slice_of_the_suite_passes_in_the_sdist(sdist: Path) -> None:
    path = os.pathsep.join((str(sdist), str(sdist / "plugins")))
    imports = "import bulkprof, bulkprof_tags; print(bulkprof.__file__, bulkprof_tags.__file__)"
    assert run("-c", imports, cwd=sdist, PYTHONPATH=path).count(str(sdist)) == 2, "the slice would test other code"
    said = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *SLICE, cwd=sdist, PYTHONPATH=path)
    assert " passed" in said
    assert "skipped" not in said


def test_the_wheel_holds_all_packages_and_nothing_else(wheel: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == set(PACKAGES)


def test_the_wheel_brings_the_man_pages(wheel: set[str]) -> None:
    brought = {name.partition(".data/data/")[2] for name in wheel if ".data/" in name}
    assert brought == {f"share/man/man1/{page.name}" for page in (ROOT / "docs" / "man").iterdir()}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_whole_in_the_wheel(package: str, sdist: Path, wheel: set[str]) -> None:
    source = sdist / "bulkprof" if package == "bulkprof" else sdist / "plugins" / package
    expected = {f"{package}/{name}" for name in files(source) if "__pycache__" not in name}
    assert expected == {name for name in wheel if name.startswith(f"{package}/")}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_tells_type_checkers_that_it_is_typed(package: str, wheel: set[str]) -> None:
    assert f"{package}/py.typed" in wheel
