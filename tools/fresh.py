"""Run the tests in a new environment in `build/`: `python -m tools.fresh lowest` or `wheel`, then arguments of pytest.

- `lowest`: the lowest versions that `pyproject.toml` allows, of all that it names itself.
- `wheel`: the wheel, built from the sdist; the tests are those of the sdist, and none of it comes from the checkout.

Both take all extras.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
RUN: Final = ("-m", "pytest", "-q", "--numprocesses", "auto", "--dist", "loadfile", "--max-worker-restart", "0")
"""As `make test` runs them."""
WHERE: Final = """\
import importlib, sys
for name in {names!r}:
    found = importlib.import_module(name).__file__
    if not found.startswith(sys.prefix):
        sys.exit(f"{{name}} comes from {{found}}, not from the wheel")
"""


def extras() -> str:
    """Return all extras, as pip and uv take them: `sandbox,fast`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return ",".join(project["optional-dependencies"])


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> None:
    """Run a command to its end. Raises `CalledProcessError`."""
    subprocess.run([str(part) for part in command], cwd=cwd, env={**os.environ, **environment}, check=True)  # noqa: S603


def environment(folder: Path, *install: str) -> Path:
    """Make an environment with the development tools and what else to install. Return its Python."""
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--clear", "--seed", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    run(uv, "pip", "install", "--quiet", "--python", python, *install, "--group", "dev")
    return python


def lowest(folder: Path, arguments: list[str]) -> None:
    """Run the tests of the checkout with the lowest versions."""
    python = environment(folder / "venv", "--resolution", "lowest-direct", "--editable", f".[{extras()}]")
    run(python, *RUN, *arguments)


def wheel(folder: Path, arguments: list[str]) -> None:
    """Run the sdist's tests on the wheel."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        # The archive is our own; before 3.11.4, `extractall` takes no filter as an argument.
        archive.extraction_filter = lambda member, _: member
        archive.extractall(folder)  # noqa: S202
    source = folder / sdist.name.removesuffix(".tar.gz")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=source)
    (built,) = folder.glob("*.whl")
    python = environment(folder / "venv", f"bulkprof[{extras()}] @ {built.as_uri()}")
    # Tests import `tests` and `tools`. This puts the sdist behind what is installed, so that its bulkprof/ is not
    # taken, and PYTHONSAFEPATH keeps Python from looking in the working directory first.
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "source.pth").write_text(f"{source}\n", encoding="utf-8")
    names = ["bulkprof", *(path.name for path in (source / "plugins").iterdir())]
    run(python, "-c", WHERE.format(names=names), cwd=source, PYTHONSAFEPATH="1")
    run(python, *RUN, *arguments, cwd=source, PYTHONSAFEPATH="1")


def main(what: str, *arguments: str) -> int:
    """Make the environment anew, and run the tests in it. Return the exit code of what failed, else 0."""
    folder = ROOT / "build" / what
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        {"lowest": lowest, "wheel": wheel}[what](folder, list(arguments))
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
