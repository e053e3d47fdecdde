"""Manifests that several processes understand come to what they come to in one, whatever becomes of the processes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from bulkprof import portions, sharing
from bulkprof.config import load
from bulkprof.delivery.ui import Ui
from bulkprof.errors import ExitCode, PluginError, RunInterruptedError
from bulkprof.execution.stop import Stop
from bulkprof.intake import Batch
from bulkprof.model import Problem
from bulkprof.plugins.registry import Registry
from bulkprof.validating import Validation, validate
from bulkprof.workspace import Options

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
import os
from bulkprof.plugins import hookimpl
independent_rows = True
BEGAN = os.getpid()
@hookimpl
def bulkprof_check_profile(profile):
    if profile.name == "t-1234-nova":
        {}
"""


class Told(Ui):
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, problem: Problem) -> None:
        self.problems.append(problem)


class Forks:
    """Lets three processes read manifests of any size, and knows their ids."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.processes: list[int] = []
        fork = os.fork

        def noted() -> int:
            process = fork()
            if process:
                self.processes.append(process)
            return process

        monkeypatch.setattr(os, "fork", noted)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
        monkeypatch.setattr(sharing, "FROM_BYTES", 1)

    def all_ended(self) -> bool:
        return not any(Path(f"/proc/{process}").exists() for process in self.processes)


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Forks:
    monkeypatch.chdir(tmp_path)
    Path("bulkprof.toml").write_text(CONFIG)
    return Forks(monkeypatch)


def validated(*manifests: str, processes: int = 8, ui: Ui | None = None, stop: Stop | None = None) -> Validation:
    options = Options(config=load(), processes=processes)
    return anyio.run(validate, list(manifests), options, ui, stop)


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


@pytest.mark.parametrize("header", [HEADER, "team,modle,account,region,name\n"])
def test_they_find_what_one_process_finds(forks: Forks, header: str) -> None:
    files = [
        write("a.csv", spoilt(ROWS), header),
        write("b.csv", ROWS[::-1]),
        write("c.jsonl", ['{"team": "j", "model": "nova", "tags": 1}', '{"team": "k"'], ""),
        write("d.csv", []),
    ]
    one, several = Told(), Told()
    alone = validated(*files, processes=1, ui=one)
    assert not forks.processes
    assert validated(*files, ui=several) == alone
    assert len(forks.processes) == 3
    assert forks.all_ended()
    assert several.problems == one.problems
    assert alone.problems > 8


def test_one_row_may_fan_out_to_more_than_a_portion_holds(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulkprof.portions.LARGEST", 5)
    regions = "|".join(f"us-east-{n}" for n in range(1, 9))
    manifest = write("a.csv", [f"t-{n},nova,111122223333,{regions}," for n in range(1100)])
    assert validated(manifest) == validated(manifest, processes=1)
    assert len(forks.processes) == 3


@pytest.mark.parametrize("plugin", ["", "independent_rows = False\n"])
def test_a_plugin_that_looks_beyond_its_row_sees_all_rows(forks: Forks, plugin: str) -> None:
    Path("mine.py").write_text(HOOK.format("pass").replace("independent_rows = True\n", plugin))
    Path("bulkprof.toml").write_text(CONFIG + RULES)
    validated(write("a.csv", ROWS))
    assert not forks.processes


def test_a_pipe_is_read_once(forks: Forks) -> None:
    os.mkfifo("pipe.csv")
    plain, registry = write("a.csv", ROWS), Registry({}, Path())
    assert sharing.processes([plain], registry, 8) == 3
    assert sharing.processes([plain, "pipe.csv"], registry, 8) == 1
    assert sharing.processes([plain, "-"], registry, 8) == 1
    assert sharing.processes([plain, "missing.csv"], registry, 8) == 1


def test_small_manifests_are_not_worth_it(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write("a.csv", ROWS)
    monkeypatch.setattr(sharing, "FROM_BYTES", Path(manifest).stat().st_size + 1)
    validated(manifest)
    assert not forks.processes


@pytest.mark.parametrize(
    "does",
    [
        "raise KeyError('x')",
        "raise SystemExit('x')",
        "os.kill(os.getpid(), 9) if os.getpid() != BEGAN else None",
        "os._exit(0) if os.getpid() != BEGAN else None",
    ],
)
def test_what_goes_wrong_there_goes_wrong_here_and_is_told_once(forks: Forks, does: str) -> None:
    Path("mine.py").write_text(HOOK.format(does))
    Path("bulkprof.toml").write_text(CONFIG + RULES)
    manifest = write("a.csv", spoilt(ROWS))
    one, several = Told(), Told()
    alone = outcome(lambda ui: validated(manifest, processes=1, ui=ui), one)
    assert outcome(lambda ui: validated(manifest, ui=ui), several) == alone
    assert several.problems == one.problems
    assert len(forks.processes) == 3
    assert forks.all_ended()


def outcome(work: Callable[[Ui], Validation], ui: Ui) -> Validation | str:
    try:
        return work(ui)
    except PluginError as error:
        return str(error)


def test_a_manifest_that_changed_between_two_of_them_is_read_again(
    forks: Forks, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, read = os.getpid(), portions.read_batches

    async def shorter(*given: Any, **more: Any) -> AsyncIterator[Batch]:
        """One process of the three sees an earlier state of the file."""
        batches = [batch async for batch in read(*given, **more)]
        for batch in batches[: -1 if os.getpid() != here and is_first() else None]:
            yield batch

    monkeypatch.setattr(portions, "read_batches", shorter)
    found = validated(write("a.csv", ROWS))
    assert Path("first").exists()
    assert (found.rows, found.invalid) == (1600, 0)


def test_a_stop_ends_them(forks: Forks) -> None:
    stop, before = Stop(), open_pipes()

    class Stops(Told):
        def problem(self, problem: Problem) -> None:
            stop.request(ExitCode.INTERRUPTED)

    with pytest.raises(RunInterruptedError):
        validated(write("a.csv", spoilt(ROWS)), ui=Stops(), stop=stop)
    assert len(forks.processes) == 3
    assert forks.all_ended()
    assert open_pipes() == before


def is_first() -> bool:
    """Whether no other process asked this before."""
    try:
        Path("first").mkdir()
    except FileExistsError:
        return False
    return True


def open_pipes() -> int:
    descriptors = Path("/proc/self/fd").iterdir()
    return sum(descriptor.is_fifo() for descriptor in descriptors)
