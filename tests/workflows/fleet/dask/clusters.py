"""Clusters of dask for tests: one in this process, and one of processes of their own that are started and killed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bulkprof.sandbox import Sandbox
from tests.cli import warm
from tests.cli.driver import until

SCHEDULER = "from distributed.cli.dask_scheduler import main; main()"
WORKER = "from distributed.cli.dask_worker import main; main()"
IMPATIENT = f"from {__name__} import impatient; impatient()"
ELSEWHERE = f"from {__name__} import elsewhere; elsewhere()"
SHORT_LEASE_S = 1.0
QUIET = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
    "DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "false",
    # How soon a scheduler shares out what waits.
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "500ms",
}


@contextmanager
def in_process(*, workers: int = 1, threads: int = 2) -> Iterator[str]:
    """A scheduler and workers in threads of this process; yields the scheduler's address."""
    import dask
    from distributed import LocalCluster

    found: list[str] = []
    ready, done = threading.Event(), threading.Event()

    async def main() -> None:
        quiet = {
            "distributed.worker.profile.enabled": False,
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
        }
        with dask.config.set(quiet):
            cluster = LocalCluster(
                processes=False,
                n_workers=workers,
                threads_per_worker=threads,
                asynchronous=True,
                protocol="tcp",
                host="127.0.0.1",
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
            await cluster
        found.append(cluster.scheduler_address)
        ready.set()
        await asyncio.to_thread(done.wait)
        await cluster.close()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    ready.wait(60)
    try:
        yield found[0]
    finally:
        done.set()
        thread.join(60)


class RealCluster:
    """A scheduler and workers as processes, over TCP, that talk to a sandbox."""

    def __init__(self, folder: Path, sandbox: Sandbox, *, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BULKPROF_"))},
            **sandbox.environment(),
            **QUIET,
        }
        self.workers: list[warm.Process] = []
        self._ending = ExitStack()
        place = folder / "scheduler.json"
        self.scheduler = self._start(
            SCHEDULER, "--host", host, "--port", "0", "--no-dashboard", "--scheduler-file", str(place)
        )
        until(lambda: place.exists() and place.read_text().endswith("}"))
        self.address: str = json.loads(place.read_text())["address"]

    def start_worker(
        self, *, program: str = WORKER, host: str = "127.0.0.1", threads: int = 1, **environment: str
    ) -> warm.Process:
        """Start a worker, which may take a moment to be there."""
        process = self._start(
            program,
            self.address,
            *("--nthreads", str(threads), "--no-nanny", "--no-dashboard", "--host", host),
            *("--memory-limit", "0", "--local-directory", str(self.folder)),
            **environment,
        )
        self.workers.append(process)
        return process

    def _start(self, program: str, *arguments: str, **environment: str) -> warm.Process:
        with (self.folder / "dask.log").open("a") as log, Path(os.devnull).open() as none:
            process = warm.Process(
                arguments,
                cwd=self.folder,
                env={**self.environment, **environment},
                streams=(none.fileno(), log.fileno(), log.fileno()),
                program=program,
            )
        return self._ending.enter_context(process)

    def close(self) -> None:
        """End all of it."""
        for process in (*self.workers, self.scheduler):
            process.kill()
        self._ending.close()

    def log(self) -> str:
        """What scheduler and workers said."""
        return (self.folder / "dask.log").read_text()


def impatient() -> None:
    """The command line, with a lease that is over soon, and small shares."""
    from bulkprof import cli
    from bulkprof.workflows.fleet.dask import lease, sizes

    lease.LEASE_S = SHORT_LEASE_S
    sizes.LEAST = 10.0
    cli.main()


def elsewhere() -> None:
    """A worker in the network namespace that NETNS names."""
    import ctypes

    from distributed.cli.dask_worker import main

    with Path("/run/netns", os.environ["NETNS"]).open() as place:
        # Python has it from 3.12 on.
        if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
    main()
