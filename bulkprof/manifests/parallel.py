"""Large manifests are read in several processes, since one Python process uses one core.

They are cut into parts, and each process reads every second (third, …) part, this one as well as the others; the
results come in the manifests' order. This is a matter of speed alone: `ShareLostError` says that the results can't be
used, and what is wrong is found by reading without other processes.

Each other process is a new interpreter that is sent what it works with, and imports that. `anyio.to_process` and
`multiprocessing` would also run the main file of the program again, which may be one that applies a plan.
"""

from __future__ import annotations

import errno
import gc
import os
import pickle
import stat
import sys
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread
from typing import IO, Any, NamedTuple, NoReturn, TypeVar, cast

import anyio
import anyio.to_thread

from bulkprof.manifests.parts import Part, cut
from bulkprof.stop import Stop

T = TypeVar("T")

FROM_BYTES = 1 << 21
"""Manifests smaller than this, some twenty-five thousand rows, are read before it would pay: each process first imports
what it needs, for a quarter of a second."""
_START = """\
import pickle, sys
try:
    sys.path, task = pickle.load(sys.stdin.buffer)
    from bulkprof.manifests.parallel import work
except Exception:
    sys.exit(1)
work(task)
"""
"""What a new process runs, without a word where it can't. It finds the modules that this process finds."""


_FAILED = "a process that read the manifests has failed"


class ShareLostError(Exception):
    """What the processes found can't be used: one of them failed, or they didn't all read the same."""


State = tuple[int, int, int, int]
"""Device, inode, size and time of the last change: what differs where a file is another, or was written to."""


class Shares(NamedTuple):
    """How manifests are shared out."""

    manifests: Sequence[str]
    parts: Sequence[Part]
    processes: int
    """This one and the others."""
    states: Sequence[State]
    """What the manifests were when they were cut."""


def share_out(manifests: Sequence[str], read_by_rules: Collection[str] | None, most: int) -> Shares | None:
    """Return how at most `most` processes can share `manifests`; None where this one alone had better read them.

    `read_by_rules` are the columns that rules read, where that is known.
    """
    most = min(most, _cores())
    # What is frozen into one file has no interpreter that could be started.
    if most < 2 or hasattr(sys, "frozen"):
        return None
    try:
        states = list(map(_state, manifests))
        if len(set(states)) < len(states) or sum(size for _, _, size, _ in states) < FROM_BYTES:
            return None
        cuts = [cut(manifest, read_by_rules) for manifest in manifests]
    except (OSError, ValueError):
        return None
    parts = [part for parts in cuts for part in parts]
    processes = min(most, len(parts))
    return Shares(manifests, parts, processes, states) if all(cuts) and processes > 1 else None


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _state(manifest: str) -> State:
    """Raises `OSError` for what isn't a file: a pipe can be read once."""
    found = os.stat(manifest)  # noqa: PTH116 - a label is no path yet: it may hold NULs
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a file", manifest)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


async def read_shares(shares: Shares, read: Callable[[Part], Iterable[T]], stop: Stop) -> AsyncGenerator[T, None]:
    """Yield the results of `read` for all parts, in order. Leave it early only through `contextlib.aclosing`.

    `read` and its results are pickled. A process goes on when its last result is taken, so few of them are held.
    Raises `ShareLostError` where the results can't be used, and `StopRequestedError`.
    """
    with ExitStack() as processes:
        others = await anyio.to_thread.run_sync(_start, shares, read, processes)
        for number, part in enumerate(shares.parts):
            if share := number % shares.processes:
                while (found := await _next(others[share - 1], stop)) is not None:
                    yield found[0]
            else:
                # The first part is read while the other processes start.
                for result in _here(read, part):
                    yield result
    if not await anyio.to_thread.run_sync(_are_still, shares):
        raise ShareLostError("the manifests changed while they were read")


def _here(read: Callable[[Part], Iterable[T]], part: Part) -> Iterator[T]:
    """Yield the results of a part that this process reads. Raises `ShareLostError`."""
    try:
        yield from read(part)
    except Exception:  # noqa: BLE001 - it goes wrong again, and is reported, where all is read again
        raise ShareLostError(_FAILED) from None


def _are_still(shares: Shares) -> bool:
    try:
        return list(map(_state, shares.manifests)) == shares.states
    except OSError:
        return False


def _start(shares: Shares, read: Callable[[Part], Iterable[Any]], processes: ExitStack) -> list[IO[bytes]]:
    """Start the others, and return what their results are read from; they end with `processes`."""
    try:
        tasks = [pickle.dumps((read, shares.parts[share :: shares.processes])) for share in range(1, shares.processes)]
    except Exception:  # noqa: BLE001 - a plugin's settings may raise anything
        raise ShareLostError("the rules can't be sent to other processes") from None
    try:
        return [processes.enter_context(_process(task)) for task in tasks]
    except OSError as error:
        reason = f"no more processes can be started to read the manifests ({error.strerror})"
        raise ShareLostError(reason) from None


@contextmanager
def _process(task: bytes) -> Iterator[IO[bytes]]:
    """Start a process for `task`, and end it at last."""
    command = [sys.executable, "-P", "-c", _START]
    # Ctrl-C at a terminal goes to a whole session: it is for this process, which ends the other one.
    with Popen(command, stdin=PIPE, stdout=PIPE, start_new_session=True) as process:  # noqa: S603 - Python itself
        stdin, stdout = cast("tuple[IO[bytes], IO[bytes]]", (process.stdin, process.stdout))
        try:
            pickle.dump((sys.path, task), stdin)
            stdin.flush()
            yield stdout
        finally:
            process.kill()


async def _next(results: IO[bytes], stop: Stop) -> tuple[Any] | None:
    """Return a process's next result; None at the end of a part."""
    received: list[tuple[Any] | None] = []

    def receive() -> None:
        # A process that ended early sent nothing more, or it sent what can't be read, such as a plugin's own class.
        with suppress(Exception):
            received.append(pickle.load(results))  # noqa: S301 - of a process of our own

    async with anyio.create_task_group() as group:

        async def stopped() -> None:
            await stop.wait()
            group.cancel_scope.cancel()

        group.start_soon(stopped)
        # A plugin's rule may hang in its process: a stop doesn't wait for it.
        await anyio.to_thread.run_sync(receive, abandon_on_cancel=True)
        group.cancel_scope.cancel()
    await stop.pause(0)
    if not received:
        raise ShareLostError(_FAILED)
    return received[0]


def work(task: bytes) -> NoReturn:
    """Do what a process is started for: read some parts, and send the results."""
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
                _send(results, (result,))
            _send(results, None)
        code = 0
    finally:
        # What went wrong goes wrong again, and is reported, when the other process reads the rows itself.
        os._exit(code)


def _send(results: IO[bytes], result: tuple[Any] | None) -> None:
    pickle.dump(result, results, pickle.HIGHEST_PROTOCOL)
    results.flush()


def _end_with_stdin() -> None:
    """End this process with the one that started it, however that ends."""
    sys.stdin.buffer.read()
    os._exit(1)
