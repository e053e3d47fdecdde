"""Manifests for several processes, which may be of any size here, and what is known of the processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import anyio
import pytest

from bulkprof.config import load
from bulkprof.manifests.parallel import interpreters, parts
from bulkprof.model import Problem
from bulkprof.stop import Stop
from bulkprof.system.temporary import temporary_folder
from bulkprof.ui import Ui
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.load import load_manifests
from bulkprof.workflows.validate import Validation, validate
from tests.cli import warm

CONFIG = """\
[models]
nova = "amazon.nova-lite-v1:0"
[plugins.naming]
template = "{team}-{model}"
[plugins.tags]
columns = ["team"]
allowed = { team = "[a-z0-9-]+" }
"""
HEADER = "team,model,account,region,name\n"
ROWS = [f"t-{n},nova,111122223333,us-east-1," for n in range(1600)]
RULES = "[plugins.mine]\npath = 'mine.py'\n"
HOOK = """\
import os, signal, sys
from bulkprof.plugins import Problem, hookimpl
independent_rows = True
APART = os.getpid() != HERE
class Odd(Problem):
    def __reduce__(self):
        return Odd, ()
@hookimpl
def bulkprof_check_profile(profile):
    if profile.name == "t-1234-nova":
        {}
"""


class Told(Ui):
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def problem(self, problem: Problem) -> None:
        self.problems.append(problem)


class Forked:
    """What `interpreters` uses of `subprocess.Popen`, for an interpreter that has imported everything."""

    def __init__(self, command: Sequence[str], *, stdin: int, stdout: int, start_new_session: bool) -> None:
        assert command[:3] == [sys.executable, "-P", "-c"]
        (program,) = command[3:]
        (theirs, to), (back, their_out) = os.pipe(), os.pipe()
        self.stdin, self.stdout = os.fdopen(to, "wb"), os.fdopen(back, "rb")
        streams = (theirs, their_out, 2)
        self._process = warm.Process([], cwd=Path.cwd(), env=os.environ, streams=streams, program=program)
        for file in (theirs, their_out):
            os.close(file)

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        try:
            self.stdin.close()
        finally:
            self._process.__exit__()


class Processes:
    """Lets three processes share manifests of any size, and knows them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, start: Callable[..., Any] = subprocess.Popen) -> None:
        self.started: list[Any] = []

        def noted(*arguments: Any, **options: Any) -> Any:
            self.started.append(start(*arguments, **options))
            return self.started[-1]

        monkeypatch.setattr(interpreters, "Popen", noted)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
        monkeypatch.setattr(interpreters, "FROM_BYTES", 1)
        monkeypatch.setattr(parts, "SIZE", 5000)

    def all_ended(self) -> bool:
        return all(process.returncode is not None for process in self.started)


def validated(*manifests: str, processes: int = 8, ui: Ui | None = None, stop: Stop | None = None) -> Validation:
    options = Options(config=load(), processes=processes)
    return anyio.run(validate, list(manifests), options, ui, stop)


def kept(manifest: str, *, processes: int = 8) -> list[tuple[str, Mapping[str, Any]]]:
    """Read a manifest whose rows are kept. Return the name of each desired profile, with its row."""
    work = Workspace(Options(config=load(), processes=processes, results_columns=True), Ui(), Stop())
    with temporary_folder() as folder, work.new_run("apply", [manifest], folder / "run.db") as run:
        anyio.run(load_manifests, work, run, [manifest], work.rules(), work.ui)
        return [(each.name, run.sheet_row(each.action_id)) for each in run.results()]


def write(name: str, rows: list[str], header: str = HEADER) -> str:
    Path(name).write_text(header + "\n".join(rows) + "\n")
    return name


def spoilt(rows: list[str]) -> list[str]:
    """Rows with every kind of problem among them: cells, rules, width, quotes, and names that are there already."""
    rows = list(rows)
    rows[3] = "t 3!,nova,1,us-east-1,"
    rows[700] = "t-1,nova,111122223333,us-east-1,"
    rows[701] = "t-701,nvoa,111122223333,us-east-1a,"
    rows[800] = "t-800,nova"
    rows[1300] = 'T-1300,nova,111122223333,us-east-1,"a\nb"'
    rows[1500] = '"x"y,nova,111122223333,us-east-1,'
    return rows


def use_rule(does: str, *, independent_rows: bool = True) -> None:
    """Let a plugin of one file do something at one of the rows; `APART` tells it that another process reads it."""
    rule = HOOK.format(does).replace("independent_rows = True", f"independent_rows = {independent_rows}")
    Path("mine.py").write_text(rule.replace("HERE", str(os.getpid())))
    Path("bulkprof.toml").write_text(CONFIG + RULES)
