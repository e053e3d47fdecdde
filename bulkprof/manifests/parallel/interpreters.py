"""Other interpreters, which read parts of large manifests: started early, sent what they work with, ended.

`anyio.to_process` and `multiprocessing` would also run the main file of the program again, which may be one that
applies a plan. Importing this module takes next to nothing, so that others start while this process still imports.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread
from typing import IO, Any, Final, NoReturn, cast

FROM_BYTES = 1 << 21
"""Manifests smaller than this, some twenty-five thousand rows, are read before it would pay: each process first imports
what it needs, for a quarter of a second."""
SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".ndjson")
"""Files that can be cut."""
_START = """\
import pickle, sys
try:
    sys.path, imports = pickle.load(sys.stdin.buffer)
    from bulkprof.manifests.parallel.interpreters import work
    for name in imports:
        __import__(name)
    task = pickle.load(sys.stdin.buffer)
except Exception:
    sys.exit(1)
work(task)
"""
"""What a new process runs, without a word where it can't. It finds the modules that this process finds."""
_early: list[Popen[bytes]] = []


def cores() -> int:
    """Return how many cores this process may use."""
    count = os.cpu_count() or 1
    if sys.platform == "linux":
        count = len(os.sched_getaffinity(0))
    return count


def can_start() -> bool:
    """Return whether there is an interpreter to start: none in a program that is one frozen file, or embeds Python."""
    return bool(sys.executable) and not hasattr(sys, "frozen")


def start_early(manifests: Sequence[str], most: int, imports: Sequence[str]) -> None:
    """Start what the reading of `manifests` by `most` processes will probably need, this one being among them.

    `imports` are modules that it will need.
    """
    sizes = 0
    for manifest in manifests:
        with suppress(OSError, ValueError):
            sizes += Path(manifest).stat().st_size if manifest.lower().endswith(SUFFIXES) else 0
    if sizes >= FROM_BYTES and can_start():
        # Where none can be started, the reading says so, or does without.
        with suppress(OSError):
            while len(_early) < min(most, cores()) - 1:
                _early.append(_started(imports))


def end_early() -> None:
    """End what was started early and isn't needed."""
    while _early:
        _ended(_early.pop())


@contextmanager
def running(task: bytes) -> Iterator[IO[bytes]]:
    """Let a process do `task`, and end it at last. Yields what its results are read from. Raises `OSError`."""
    process = _early.pop() if _early else _started(())
    try:
        # One that couldn't start reads nothing; its results say that it has failed.
        with suppress(BrokenPipeError):
            _send(process, task)
        yield cast("IO[bytes]", process.stdout)
    finally:
        _ended(process)


def _started(imports: Sequence[str]) -> Popen[bytes]:
    # Ctrl-C at a terminal goes to a whole session: it is for this process, which ends the other one.
    process = Popen([sys.executable, "-P", "-c", _START], stdin=PIPE, stdout=PIPE, start_new_session=True)  # noqa: S603
    with suppress(BrokenPipeError):
        _send(process, (sys.path, imports))
    return process


def _send(process: Popen[bytes], value: Any) -> None:
    stdin = cast("IO[bytes]", process.stdin)
    pickle.dump(value, stdin)
    stdin.flush()


def _ended(process: Popen[bytes]) -> None:
    process.kill()
    with suppress(BrokenPipeError), process:
        pass


def work(task: bytes) -> NoReturn:
    """Do what a process is started for, in that process: read some parts, and send the results."""
    code = 1
    try:
        # What plugins print goes to standard error, and nothing at all while they are loaded once more.
        results = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        Thread(target=_end_with_stdin, daemon=True).start()
        with Path(os.devnull).open("w") as unheard, redirect_stdout(unheard), redirect_stderr(unheard):
            read, parts = pickle.loads(task)  # noqa: S301 - of the process that started this one
        sys.stdout = sys.stderr
        # As on the command line: rows make many objects and few cycles, and what is imported stays.
        gc.set_threshold(20_000, 20, 20)
        gc.freeze()
        for part in parts:
            for result in read(part):
                _give(results, (result,))
            _give(results, None)
        code = 0
    finally:
        # What went wrong goes wrong again, and is reported, when the other process reads the rows itself.
        os._exit(code)


def _give(results: IO[bytes], result: tuple[Any] | None) -> None:
    pickle.dump(result, results, pickle.HIGHEST_PROTOCOL)
    results.flush()


def _end_with_stdin() -> None:
    """End this process with the one that started it, however that ends."""
    sys.stdin.buffer.read()
    os._exit(1)
