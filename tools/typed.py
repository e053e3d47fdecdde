"""What type checkers see of bulkprof in programs that use it: `make types`.

- Every public name has a type that is known all the way down, as pyright reads it (`--verifytypes`).
- The examples of the Python pages pass mypy and pyright, both strict.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = ("python.md", "recipes.md")
PUBLIC = re.compile(r"bulkprof\.([A-Za-z_]\w*|(errors|plugins)\.[\w.]+|lambda_handler\.handler)")
"""The names that are public: those of the package itself, its errors, the plugin API, and the handler."""
_MODULE = re.compile(r"^bulkprof\.plugins\.[a-z_]+\.")
"""What modules of the plugin API hold is public where the package itself has it, too."""


def main() -> int:
    """Check all of it, and print what is wrong. Return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        wrong = [*unknown_types(Path(folder)), *faults_of_examples(Path(folder))]
    success = "Success: every public name is typed, and the examples pass mypy and pyright"
    sys.stdout.writelines(f"{line}\n" for line in wrong or [success])
    return 1 if wrong else 0


def unknown_types(folder: Path) -> Iterator[str]:
    """Yield the public names whose type isn't known, each with what pyright says of it."""
    found = json.loads(_pyright("--verifytypes", "bulkprof", "--ignoreexternal", "--outputjson", folder=folder))
    symbols: Sequence[dict[str, Any]] = found["typeCompleteness"]["symbols"]
    for symbol in symbols:
        names = [symbol["name"], *symbol.get("alternateNames", ())]
        public = any(PUBLIC.fullmatch(name) and not _MODULE.match(name) for name in names)
        if symbol["isExported"] and not symbol["isTypeKnown"] and public:
            said = "; ".join(" ".join(each["message"].split()) for each in symbol["diagnostics"])
            yield f"{names[0]}: {said or 'something in it has no known type'}"
    if not symbols:
        yield "pyright found nothing of bulkprof"


def faults_of_examples(folder: Path) -> Iterator[str]:
    """Write the examples into files, and yield what type checkers have against them."""
    written = []
    for page in PAGES:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL), 1):
            example = folder / f"{Path(page).stem}_{number}.py"
            example.write_text(block, encoding="utf-8")
            written.append(example.name)
    config = {"typeCheckingMode": "strict", "include": written}
    (folder / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    pyright = json.loads(_pyright("--outputjson", folder=folder))
    for each in pyright["generalDiagnostics"]:
        if each["severity"] != "information":
            place = f"{Path(each['file']).name}:{each['range']['start']['line'] + 1}"
            yield f"{place}: pyright: {' '.join(each['message'].split())}"
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *written]
    mypy = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - its own files
    yield from (f"mypy: {line}" for line in (mypy.stdout + mypy.stderr).splitlines())


def _pyright(*arguments: str, folder: Path) -> str:
    """Run it as a program elsewhere would, and return what it prints."""
    # It doesn't follow editable installs there, and `--verifytypes` looks for libraries with the `python` of the PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, *arguments]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())
