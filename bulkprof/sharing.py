"""Large manifests are understood in several processes, since one Python process uses one core.

Each of them reads all manifests and understands every second (third, …) batch of rows; this one takes in what they came
to, in the manifests' order. That finds whatever one process would, because it is done only where each row is judged by
itself: built-in readers, and plugins that say so of their hooks. And it is a matter of speed alone: should one of the
processes fail, or a manifest change meanwhile, the rows are read again without them, which says what is wrong.
"""

from __future__ import annotations

import gc
import os
import signal
import stat
import sys
import warnings
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from contextvars import Context
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

import anyio
import anyio.to_thread

from bulkprof.execution.stop import Stop
from bulkprof.intake import builtin_readers
from bulkprof.plugins.registry import ROW_HOOKS, Registry
from bulkprof.portions import Portion, Reading

FROM_BYTES = 1 << 20
"""Manifests smaller than this, some ten thousand rows, are read before the processes would have started."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ShareLostError(Exception):
    """What the processes found can't be used: one of them failed, or they didn't all read the same."""


def processes(manifests: Sequence[str], registry: Registry, most: int) -> int:
    """How many processes should read `manifests`, where there may be `most`; 1 for none but this one."""
    # Elsewhere there is no fork, or the system's own libraries don't stand it.
    if most < 2 or sys.platform != "linux":
        return 1
    # Whoever started us doesn't want to hear of processes that end, and neither would we.
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        return 1
    if not all(Path(label).suffix.lower() in builtin_readers() for label in manifests):
        return 1
    names = {found.plugin for hook in ROW_HOOKS for found in registry.implementations(hook)}
    if not all(getattr(registry.objects[name], "independent_rows", False) for name in names):
        return 1
    files = _states(manifests)
    # A pipe can be read once.
    if not files or not all(stat.S_ISREG(file.st_mode) for file in files):
        return 1
    return min(most, len(os.sched_getaffinity(0))) if sum(file.st_size for file in files) >= FROM_BYTES else 1


def _states(manifests: Sequence[str]) -> list[os.stat_result]:
    """What the system says of the manifests; nothing where it can't say it of each."""
    try:
        return [os.stat(label) for label in manifests]  # noqa: PTH116 - a label is no path yet
    except (OSError, ValueError):
        return []


async def shared_portions(reading: Reading, count: int, stop: Stop) -> AsyncGenerator[Portion, None]:
    """What `reading` comes to, in order, found by `count` processes. Leave it early only through `contextlib.aclosing`.

    Raises `ShareLostError` where what they found can't be used, and `StopRequestedError`.
    """
    before = _states(reading.manifests)
    with _started(reading, count) as answers:
        batch = 0
        while isinstance(found := await _next(answers[batch % count], stop), Portion):
            yield found
            batch += found.rows > 0
        others = [answer for answer in answers if answer is not answers[batch % count]]
        totals = [found, *[await _next(answer, stop) for answer in others]]
    if totals != [batch] * count or list(map(_identity, before)) != list(map(_identity, _states(reading.manifests))):
        raise ShareLostError("the manifests changed while they were read")


def _identity(file: os.stat_result) -> tuple[int, int, int, int]:
    """What differs where another file stands in the place of this one, or where it was written to."""
    return file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns


async def _next(answers: Connection, stop: Stop) -> Portion | int:
    """The next portion of a process, or how many batches it has read, which is the last that it says."""
    # A process may hang in a plugin's rule: a stop doesn't wait for it.
    async with anyio.create_task_group() as group:

        async def stopped() -> None:
            await stop.wait()
            group.cancel_scope.cancel()

        group.start_soon(stopped)
        await anyio.wait_readable(answers)
        group.cancel_scope.cancel()
    await stop.pause(0)
    # uvloop leaves what it waits for in a mode in which reading doesn't wait for the rest.
    os.set_blocking(answers.fileno(), True)
    try:
        found: Portion | int = await anyio.to_thread.run_sync(answers.recv)
    except Exception:  # noqa: BLE001 - it ended early, or sent what can't be received, such as a plugin's own class
        raise ShareLostError("a process that read the manifests has failed") from None
    return found


@contextmanager
def _started(reading: Reading, count: int) -> Iterator[list[Connection]]:
    """The pipes that the processes answer through; at the end, they are ended."""
    with ExitStack() as stack:
        answers: list[Connection] = []
        for share in range(count):
            try:
                ours, theirs = Pipe(duplex=False)
                answers.append(stack.enter_context(ours))
                with theirs:
                    process = _fork(partial(_answer, reading, share, count, theirs, tuple(answers)))
            except OSError as error:
                raise ShareLostError(
                    f"no more processes can be started to read the manifests ({error.strerror})"
                ) from None
            stack.callback(_end, process)
        yield answers


def _fork(work: Callable[[], None]) -> int:
    """Start a process that does `work` and nothing else, and answer its id."""
    # Until the new process handles signals its own way, they would reach this one's event loop through it.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        # What waits to be written would be written by both.
        _flush()
        with warnings.catch_warnings():
            # Python 3.12 warns of threads, since they may hold locks. Ours wait for work, and hold none.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
        if process == 0:
            _become(work, blocked)
        return process
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _become(work: Callable[[], None], blocked: Iterable[int]) -> NoReturn:
    """The new process: does `work` and ends, without a word and without tidying up what is the other's."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            # Ctrl-C reaches both: the other process ends this one when it is ready to.
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        # Objects that are garbage already would be finalized in both.
        gc.freeze()
        work()
        _flush()
        code = 0
    finally:
        # What went wrong goes wrong again, and is told, when the other process reads the rows itself.
        os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _answer(reading: Reading, share: int, count: int, theirs: Connection, inherited: Iterable[Connection]) -> None:
    """Understand one share of the batches, and send what they come to."""
    for connection in inherited:
        connection.close()
    # In a context of its own, since this one says that an event loop is running.
    Context().run(anyio.run, _answer_each, reading, share, count, theirs)


async def _answer_each(reading: Reading, share: int, count: int, theirs: Connection) -> None:
    number = 0
    async with aclosing(reading.batches()) as batches:
        async for batch in batches:
            if batch.is_whole_file:
                raise ShareLostError("that a file can't be read may be this process's own trouble")
            if number % count == share:
                for portion in reading.portions_of(batch):
                    theirs.send(portion)
            number += 1
    theirs.send(number)


def _end(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
