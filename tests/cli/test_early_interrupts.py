"""Ctrl-C while a command has no event loop: one line and exit code 130, whatever is being imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTED_AT = """
import os, runpy, signal, sys

signal.signal(signal.SIGINT, signal.{handler})
class Finder:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
            # Bytecodes for the signal's handler to be run between.
            sum(range(100))

sys.meta_path.insert(0, Finder())
sys.argv = ["bulkprof", *{arguments!r}]
{start}
"""
STARTS = {
    "console script": "from bulkprof.cli import main; sys.exit(main())",
    "python -m": "runpy.run_module('bulkprof', run_name='__main__')",
}
SAID = "interrupted before anything was started"


def interrupted(
    folder: Path, module: str, *arguments: str, start: str = "console script", handler: str = "default_int_handler"
) -> subprocess.CompletedProcess[str]:
    """A cold process that gets SIGINT when it is about to import `module`."""
    (folder / "t.csv").write_text("name,model,region\na,amazon.nova-lite-v1:0,us-east-1\n")
    code = INTERRUPTED_AT.format(module=module, arguments=arguments, start=STARTS[start], handler=handler)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("module", "start"),
    [
        ("bulkprof.cli.app", "console script"),
        ("typer", "python -m"),
        ("bulkprof.cli.commands.validate", "console script"),
        ("bulkprof.cli.terminal", "python -m"),
        ("pydantic", "console script"),
        ("bulkprof.cli.loop", "console script"),
        ("uvloop", "console script"),
    ],
)
def test_one_line_and_the_exit_code(tmp_path: Path, module: str, start: str) -> None:
    done = interrupted(tmp_path, module, "validate", "t.csv", "--json", start=start)
    assert (done.returncode, done.stderr) == (130, f"{SAID}\n")
    assert json.loads(done.stdout) == {"error": SAID, "exit_code": 130}


def test_the_object_that_a_variable_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKPROF_JSON", "1")
    done = interrupted(tmp_path, "typer", "validate", "t.csv")
    assert json.loads(done.stdout) == {"error": SAID, "exit_code": 130}


def test_after_the_work_nothing_is_said_to_be_undone(tmp_path: Path) -> None:
    flags = ("--sandbox", "--yes", "--json", "--log-format", "json")
    done = interrupted(tmp_path, "rich.table", "apply", "t.csv", *flags)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 130, done.stderr
    answer = json.loads(done.stdout)
    assert answer["exit_code"] == 130
    assert answer["error"] == lines[-1]["message"]
    assert "what was done is done" in answer["error"]
    # It was all done, as the next one finds.
    again = subprocess.run(
        [sys.executable, "-m", "bulkprof", "apply", "t.csv", *flags],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert json.loads(again.stdout)["outcomes"]["unchanged"] == 1


@pytest.mark.parametrize("flags", [["--log-format", "json"], ["--log-format=json"]])
@pytest.mark.parametrize("module", ["typer", "pydantic"])
def test_as_a_json_line(tmp_path: Path, flags: list[str], module: str) -> None:
    done = interrupted(tmp_path, module, "validate", "t.csv", *flags)
    assert (done.returncode, done.stdout) == (130, "")
    line = json.loads(done.stderr)
    assert (line["message"], line["level"], line["run_id"]) == (SAID, "info", "")
    assert set(line) == {"time", "level", "message", "run_id"}


def test_a_parent_that_has_ctrl_c_ignored_is_heeded(tmp_path: Path) -> None:
    done = interrupted(tmp_path, "typer", "validate", "t.csv", handler="SIG_IGN")
    assert done.returncode == 0, done.stderr
