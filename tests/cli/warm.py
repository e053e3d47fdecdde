"""Processes of the real command that begin where a first run ends: each is forked from one that has had such a run.

Importing, and reading the SDK's data, takes a cold process longer than most commands do. What is forked
(`forking.py`) is a process like any other: it has a pid, can be killed, gets signals, holds locks, and ends as an
interpreter does. What an interpreter itself reads at its start (its flags and `PYTHON…` variables) needs a cold one.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

OF_DASK = b"d"
"""Asks for a process of dask's."""
_ROOT = Path(__file__).parents[2]


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
        file_size: int | None = None,
        program: str | None = None,
    ) -> None:
        """Run `bulkprof` with these arguments, or a `program` as of `python -c`.

        `streams` are its three where they aren't pipes; `strict` warns of everything, and fails for what isn't closed;
        no file can grow beyond `file_size` bytes.
        """
        order = {
            "arguments": [*arguments],
            "cwd": str(cwd),
            "env": {**env},
            "strict": strict,
            "file_size": file_size,
            "program": program,
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
        _forks.begin([*given, their_status, their_orders], dask="distributed" in (program or ""))
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
        socket.send_fds(self.control(), [OF_DASK if dask else b"+"], files)
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
        command = [sys.executable, "-m", "tests.cli.forking", str(theirs.fileno())]
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
