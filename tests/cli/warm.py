"""Processes of the real command that begin where importing ends: each is forked from one that has imported all before.

Importing takes a cold process longer than most commands do. What is forked is a process like any other: it has a pid,
can be killed, gets signals, holds locks, and ends as an interpreter does. What an interpreter itself reads at its start
(its flags and `PYTHON…` variables) needs a cold one.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import IO, Any, Self

_ROOT = Path(__file__).parents[2]
_OF_DASK = b"d"


class Process:
    """What tests use of `subprocess.Popen`, with text in its pipes."""

    stdin: IO[str] | None
    stdout: IO[str] | None
    stderr: IO[str] | None

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: int = subprocess.DEVNULL,
        streams: Sequence[int] = (),
        strict: bool = False,
        program: str = "bulkprof.cli:main",
        file_size: int | None = None,
    ) -> None:
        """Run `bulkprof` with these arguments, or another `program`, a module and its function.

        `streams` are its three where they aren't pipes; `strict` warns of everything, and fails for what isn't closed;
        no file can grow beyond `file_size` bytes.
        """
        order = {
            "arguments": [*arguments],
            "cwd": str(cwd),
            "env": {**env},
            "strict": strict,
            "program": program,
            "file_size": file_size,
        }
        self.returncode: int | None = None
        self.stdin = self.stdout = self.stderr = None
        if streams:
            given = [os.dup(stream) for stream in streams]
        else:
            if stdin == subprocess.PIPE:
                theirs, ours = os.pipe()
                self.stdin = os.fdopen(ours, "w")
            else:
                theirs = os.open(os.devnull, os.O_RDONLY)
            out, their_out = os.pipe()
            err, their_err = os.pipe()
            self.stdout, self.stderr = os.fdopen(out), os.fdopen(err)
            given = [theirs, their_out, their_err]
        status, their_status = os.pipe()
        their_orders, orders = os.pipe()
        _forks.begin([*given, their_status, their_orders], dask=program.startswith("distributed."))
        with os.fdopen(orders, "w") as file:
            json.dump(order, file)
        self._status = os.fdopen(status)
        self.pid = int(self._status.readline())

    def poll(self) -> int | None:
        """The exit code of a process that has ended, the negative signal of one that was killed."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end."""
        if (code := self._look(timeout)) is None:
            raise subprocess.TimeoutExpired("bulkprof", timeout or 0)
        return code

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(self._status.readline())
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """`kill -9`."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Read both pipes to their ends, and wait for the process's."""
        if self.stdin is not None:
            self.stdin.close()
        with ThreadPoolExecutor(2) as pool:
            reading = [pool.submit(stream.read) if stream else None for stream in (self.stdout, self.stderr)]
            try:
                out, err = (future.result(timeout) if future else "" for future in reading)
            except TimeoutError:
                self.kill()
                raise
        self.wait(timeout)
        return out, err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()
        self._status.close()


class _Forks:
    """The process that others are forked from, started when the first is wanted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def begin(self, files: Sequence[int], *, dask: bool) -> None:
        """Fork a process that gets these files, which are closed here; `dask` for one of dask's."""
        socket.send_fds(self.control(), [_OF_DASK if dask else b"+"], files)
        for file in files:
            os.close(file)

    def control(self) -> socket.socket:
        """Where forks are asked for, also by others who inherit it."""
        with self._lock:
            if self._control is None:
                self._control = self._start()
            return self._control

    def use(self, control: int) -> None:
        """Use one that another process has started."""
        self._control = socket.socket(fileno=control)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        # In a session of its own, so that Ctrl-C ends the tests and not this.
        self._server = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=_ROOT, start_new_session=True)
        theirs.close()
        return ours

    def close(self) -> None:
        """End it, when all that were forked have ended."""
        if self._control is not None and self._server is not None:
            self._control.close()
            self._server.wait()
            self._control = self._server = None


_forks = _Forks()
close = _forks.close


def shell(command: str, *, stand_in: Path, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run a shell command, with a program at `stand_in` that has `bulkprof` forked and passes on how it ends."""
    control = _forks.control().fileno()
    code = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from {__name__} import _stand_in; _stand_in({control})"
    run = f"{shlex.quote(sys.executable)} -SE -c {shlex.quote(code)}"
    stand_in.write_text(f'#!/bin/sh\nexec {run} "$@"\n', encoding="utf-8")
    stand_in.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", "-ec", command], pass_fds=[control], capture_output=True, text=True, check=False, **how
    )


def _stand_in(control: int) -> None:
    _forks.use(control)
    with Process(sys.argv[1:], cwd=Path.cwd(), env=os.environ, streams=(0, 1, 2)) as process:
        sys.exit(process.wait())


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
        if asked == _OF_DASK:
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


def _become(files: Sequence[int]) -> Callable[[], object]:
    """Be the process that was ordered. Return what it does."""
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
    sys.argv[1:] = order["arguments"]
    if order["strict"]:
        warnings.simplefilter("default")
        warnings.simplefilter("error", ResourceWarning)
    if order["file_size"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"], order["file_size"]))
    module, _, name = order["program"].partition(":")
    main: Callable[[], object] = getattr(importlib.import_module(module), name)
    return main


def _main() -> None:
    import anyio

    import bulkprof
    from bulkprof.cli import app

    for module in pkgutil.walk_packages(bulkprof.__path__, "bulkprof."):
        importlib.import_module(module.name)
    # What they import in their turn when they are first used.
    anyio.run(anyio.sleep, 0)
    with redirect_stdout(io.StringIO()):
        app.run(["--version"])
    # All of this stays: looking through it for garbage finds none, and each fork would do so when it ends.
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        files = _serve(control)
    if files is not None:
        _become(files)()


if __name__ == "__main__":
    _main()
