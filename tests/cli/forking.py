"""The process that those of `warm.py` are forked from."""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

_CONFIG = """\
[defaults]
model = "amazon.nova-lite-v1:0"
region = "us-east-1"
"""
OF_DASK = b"d"
"""As in `warm`."""
ENDS_S = 30.0
"""Seconds that a thread of the first run may take to end."""


def _serve(control: socket.socket) -> list[int] | None:
    """Fork until no more are wanted. Return in the fork, with its files.

    Each has one that waits for it: only a parent hears how a process ended.
    """
    while True:
        asked, files, _, _ = socket.recv_fds(control, 1, 5)
        if not asked:
            # Waited for, so that their CPU time counts with that of the tests.
            with suppress(ChildProcessError):
                while True:
                    os.wait()
            return None
        if asked == OF_DASK:
            # Once for all of them; most tests need none of it.
            importlib.import_module("distributed.cli.dask_scheduler")
            importlib.import_module("distributed.cli.dask_worker")
            gc.freeze()
        if not os.fork():
            if not (pid := os.fork()):
                return files
            *others, status, orders = files
            control.close()
            for file in (*others, orders):
                os.close(file)
            os.write(status, b"%d\n" % pid)
            os.write(status, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            os._exit(0)
        for file in files:
            os.close(file)


def _become(files: Sequence[int]) -> dict[str, Any]:
    """Be the process that was ordered. Return the order."""
    *streams, status, orders = files
    os.close(status)
    with os.fdopen(orders) as file:
        order: dict[str, Any] = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # Anew, as an interpreter does at its start: how they buffer depends on whether they are a terminal.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", errors=sys.stdout.errors, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors=sys.stderr.errors, closefd=False)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    # Python keeps where it found a folder for temporary files, which is a variable of the environment.
    tempfile.tempdir = None
    sys.argv[1:] = order["arguments"]
    if order["strict"]:
        warnings.simplefilter("default")
        warnings.simplefilter("error", ResourceWarning)
    if order["file_size"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"], order["file_size"]))
    return order


def _main() -> None:
    import bulkprof
    from bulkprof import cli
    from tests.once import found_out_once

    for module in pkgutil.walk_packages(bulkprof.__path__, "bulkprof."):
        importlib.import_module(module.name)
    with found_out_once():
        _run_once()
        # What is left stays: looking through it for garbage finds none, and each fork would do so when it ends.
        gc.collect()
        gc.freeze()
        with socket.socket(fileno=int(sys.argv[1])) as control:
            files = _serve(control)
        if files is not None:
            order = _become(files)
            try:
                if order["program"] is None:
                    cli.main()
                else:
                    exec(order["program"], {"__name__": "__main__"})
            except SystemExit as end:
                if order["strict"]:
                    raise
                _end(end)


def _end(end: SystemExit) -> NoReturn:
    """End as an interpreter does, but leave its modules: to take all of them apart costs five times a short command."""
    code = end.code if isinstance(end.code, int) else int(end.code is not None)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except (OSError, ValueError):
        code = 120
    os._exit(code)


def _run_once() -> None:
    """Let a run import, read and make all that a first run does."""
    from bulkprof.cli import app

    with (
        TemporaryDirectory() as name,
        chdir(name),
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()) as said,
    ):
        Path("bulkprof.toml").write_text(_CONFIG, encoding="utf-8")
        Path("teams.csv").write_text("name\none\n", encoding="utf-8")
        # A fork of a process that has used uvloop crashes when it ends. None stands for a library that isn't there.
        sys.modules["uvloop"] = None  # type: ignore[assignment]
        if code := app.run(["apply", "teams.csv", "--sandbox", "--yes", "--results", "results.csv"]):
            raise RuntimeError(f"the first run ended with {int(code)}: {said.getvalue()}")
        del sys.modules["uvloop"]
        importlib.import_module("uvloop")
    # A thread would be missing in a fork, with what it holds. Those of the first run's loop end soon after it.
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join(ENDS_S)
    if (threads := threading.enumerate()) != [threading.main_thread()]:
        raise RuntimeError(f"the first run left threads: {threads}")


if __name__ == "__main__":
    _main()
