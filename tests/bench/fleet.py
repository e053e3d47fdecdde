"""What a run costs that dask's workers carry out, beside the same run in one process.

Scheduler and workers are processes of their own, started before, and have carried out a run already, as in
a cluster that is there. Their CPU is what they use from a run's beginning to its end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import manifests, quiet
from tests.bench.process import BULKPROF, ROOT, Usage, environment, measured
from tests.bench.rates import warm
from tests.bench.server import serving
from tests.bench.table import Line

WORKERS = 2
CREATES, TARGETS = 20_000, 200
QUIET = (1_020, 5_100, 34_000)
SHARE = 0.15
"""The part of a run's CPU that the coordinator may use."""
_DASK = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
    "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": "[]",
    "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]",
}


@dataclass(frozen=True, slots=True)
class Whole:
    """A run with its workers."""

    own: Usage
    """The coordinator's."""
    workers_s: float
    scheduler_s: float

    @property
    def cpu_s(self) -> float:
        """In all."""
        return self.own.cpu_s + self.workers_s + self.scheduler_s


class Cluster:
    """A scheduler and its workers."""

    def __init__(self, folder: Path, env: dict[str, str], stack: ExitStack) -> None:
        self._env = {**env, **_DASK}
        self._folder = folder
        place = folder / "scheduler.json"
        self._scheduler = self._start(
            stack, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(place)
        )
        while not place.exists() or "address" not in (text := place.read_text()):
            time.sleep(0.05)
        self.address = text.partition('"address": "')[2].partition('"')[0]
        more = ("--no-nanny", "--no-dashboard", "--nthreads", "1", "--memory-limit", "0", "--host", "127.0.0.1")
        self._workers = [
            self._start(stack, "worker", self.address, *more, "--local-directory", str(folder)) for _ in range(WORKERS)
        ]

    def _start(self, stack: ExitStack, what: str, *arguments: str) -> int:
        log = stack.enter_context((self._folder / f"{what}.log").open("a"))
        command = [str(Path(sys.executable).with_name("dask")), what, *arguments]
        process = subprocess.Popen(command, env=self._env, cwd=ROOT, stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        return process.pid

    @contextmanager
    def counted(self) -> Iterator[list[float]]:
        """Count the CPU seconds of workers and scheduler while the block runs."""
        found: list[float] = []
        pids = ([*self._workers], [self._scheduler])
        before = [sum(map(_cpu_s, each)) for each in pids]
        yield found
        found += [sum(map(_cpu_s, each)) - start for each, start in zip(pids, before, strict=True)]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bench(*, long: bool = False) -> Iterator[Line]:
    """Quiet nights at some sizes, then creates. `long` takes the night of 34,000 targets, too."""
    with tempfile.TemporaryDirectory() as name:
        yield from _nights(Path(name), QUIET if long else QUIET[:2])
    with tempfile.TemporaryDirectory() as name:
        yield from _creates(Path(name))


def _nights(folder: Path, sizes: Sequence[int]) -> Iterator[Line]:
    with serving(quiet=True) as endpoint, ExitStack() as stack:
        env = environment(endpoint)
        cluster = Cluster(folder, env, stack)
        flags = ("--engine", "dask", "--scheduler", cluster.address)
        quiet.night(folder / "first", env, len(quiet.REGIONS) * 20, *flags)
        peaks: dict[int, float] = {}
        for targets in sizes:
            alone = quiet.night(folder / f"{targets}-alone", env, targets)
            with cluster.counted() as used:
                own = quiet.night(folder / str(targets), env, targets, *flags)
            whole = Whole(own, *used)
            peaks[targets] = own.peak_mb
            what = f"quiet night with dask, {targets:,} targets"
            yield Line(f"{what}, CPU in all", whole.cpu_s, "s", alone.cpu_s, "s, one process", 1)
            yield Line(f"{what}, the coordinator's own CPU", own.cpu_s, "s", SHARE * whole.cpu_s, "s, 15 % of all", 1)
            yield Line(f"{what}, wall time", own.wall_s, "s", alone.wall_s, "s, one process", 1)
            yield Line(f"{what}, the coordinator's peak memory", own.peak_mb, "MB", alone.peak_mb, "MB, one process")
        yield Line(f"the same at {sizes[-1]:,}", peaks[sizes[-1]], "MB", peaks[sizes[0]], f"MB, at {sizes[0]:,}")


def _creates(folder: Path) -> Iterator[Line]:
    with serving() as endpoint, ExitStack() as stack:
        env = environment(endpoint)
        cluster = Cluster(folder, env, stack)
        flags = ("--engine", "dask", "--scheduler", cluster.address)
        manifests.write(folder, CREATES, targets=TARGETS)
        _apply(folder, env, *flags)
        alone = _apply(folder, env)
        with cluster.counted() as used:
            own = _apply(folder, env, *flags)
        whole = Whole(own, *used)
        what = f"apply with dask, {CREATES:,} creates in {TARGETS} targets"
        cores = len(os.sched_getaffinity(0))
        yield Line(f"{what}, CPU in all", whole.cpu_s, "s", alone.cpu_s, "s, one process", 1)
        yield Line(f"{what}, the coordinator's own CPU", own.cpu_s, "s", SHARE * whole.cpu_s, "s, 15 % of all", 1)
        yield Line(f"{what}, wall time on {cores} cores", own.wall_s, "s", alone.wall_s, "s, one process", 1)


def _apply(folder: Path, env: dict[str, str], *flags: str) -> Usage:
    state = folder / ".bulkprof"
    shutil.rmtree(state, ignore_errors=True)
    warm(state, targets=TARGETS)
    return measured([*BULKPROF, "apply", "many.csv", "--yes", "--json", *flags], folder, env)
