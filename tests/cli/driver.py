"""Runs the command line and reads what it says, in this process or as one of its own."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bulkprof.cli.app import run
from bulkprof.sandbox import Sandbox
from tests.cli import warm

PATIENCE_S = 30.0
"""Seconds after which something that a test waits for will not happen any more."""
CONFIG = """\
estate = "tests"

[defaults]
model = "amazon.nova-lite-v1:0"
region = "us-east-1"

[organization]
role = "Onboarding"

[run]
settle_s = 0
"""


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one object on stdout; fails where there is anything else."""
        return read_json(self.out)


@dataclass
class CommandLine:
    """bulkprof's command line in a folder of its own."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        self.config("")

    def config(self, more: str, *, base: str = CONFIG) -> None:
        """Write bulkprof.toml."""
        self.write("bulkprof.toml", base + more)

    def write(self, name: str, text: str) -> str:
        """Write a file, and return its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def manifest(self, *names: str, header: str = "name", file: str = "teams.csv") -> str:
        """Write a CSV manifest of these rows."""
        return self.write(file, "\n".join([header, *names, ""]))

    def connect(self, sandbox: Sandbox, **more: str) -> None:
        """Let all commands talk to `sandbox`."""
        for name, value in {**sandbox.environment(), **more}.items():
            self.monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> Ended:
        """Run one command line in this process."""
        self.capsys.readouterr()
        if stdin is not None:
            self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run(arguments)
        told = self.capsys.readouterr()
        return Ended(int(code), told.out, told.err)

    def summary(self, *arguments: str, code: int = 0, stdin: bytes | None = None) -> dict[str, Any]:
        """Run a command that changes things; returns its JSON summary, with every profile accounted for."""
        self.folder.joinpath("results.jsonl").unlink(missing_ok=True)
        ended = self(*arguments, "--yes", "--json", "--results", "results.jsonl", stdin=stdin)
        assert ended.code == code, ended.err
        summary: dict[str, Any] = ended.json()
        add_up(summary, self.results())
        return summary

    def apply(self, *arguments: str, code: int = 0, stdin: bytes | None = None) -> dict[str, int]:
        """Run apply; returns the outcomes that there are."""
        summary = self.summary("apply", *arguments, code=code, stdin=stdin)
        return outcomes_of(summary)

    def results(self, file: str = "results.jsonl") -> list[dict[str, Any]]:
        """A results file's lines, by default those of the last `summary`."""
        return [json.loads(line) for line in (self.folder / file).read_text(encoding="utf-8").splitlines()]

    @contextmanager
    def started(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> Iterator[warm.Process]:
        """Run a command line in a process of its own, which doesn't outlive the block."""
        with warm.Process(arguments, cwd=self.folder, env=os.environ, stdin=stdin) as process:
            try:
                yield process
            finally:
                process.kill()

    def process(self, *arguments: str, **environment: str) -> Ended:
        """Run a command line in a process of its own, to its end."""
        with self.monkeypatch.context() as changed:
            for name, value in environment.items():
                changed.setenv(name, value)
            with self.started(*arguments) as process:
                out, err = process.communicate(timeout=PATIENCE_S)
        return Ended(process.wait(), out, err)

    def cold_process(self, *arguments: str, **environment: str) -> Ended:
        """The same by an interpreter of its own, from its very start."""
        done = subprocess.run(
            [sys.executable, "-m", "bulkprof", *arguments],
            cwd=self.folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


def add_up(summary: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> None:
    """Check that every desired profile and deletion has one outcome, and that summary and results agree."""
    assert Counter(line["outcome"] for line in results) == Counter(outcomes_of(summary))
    assert sum(1 for line in results if line["file"]) == summary["desired"]
    keys = [(line["account"], line["region"], line["name"]) for line in results if line["file"]]
    assert len(set(keys)) == len(keys)
    clean = not any(summary["outcomes"][kind] for kind in ("failed", "skipped", "unknown")) and not summary["invalid"]
    assert (summary["exit_code"] == 0) == clean


def outcomes_of(summary: Mapping[str, Any]) -> dict[str, int]:
    """The outcomes of a summary that there are any of."""
    return {kind: count for kind, count in summary["outcomes"].items() if count}


def read_json(out: str) -> Any:
    """The one JSON object that a command printed; fails where there is anything else."""
    assert out.count("\n") == 1
    assert out.endswith("\n")
    return json.loads(out)


def read_csv(path: Path) -> list[dict[str, str]]:
    """A results file's rows."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ended_threads(before: set[threading.Thread]) -> None:
    """Let threads that weren't there before end, as those do that an event loop leaves: a moment after it."""
    for thread in set(threading.enumerate()) - before:
        thread.join(0.5)


def until(condition: Callable[[], Any]) -> Any:
    """Wait for `condition` to hold, and return what it returned."""
    give_up = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.01)
    return found
