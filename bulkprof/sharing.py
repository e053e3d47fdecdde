"""Large manifests are understood in several processes, since one Python process uses one core.

Each of them reads all manifests and understands every second (third, …) batch of rows; this one takes in what they came
to, in the manifests' order. That finds whatever one process would, because it is done only where each row is judged by
itself: built-in readers, and plugins that say so of their hooks. And it is a matter of speed alone: should one of the
processes fail, the rows are read again without them, which says what is wrong.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import stat
import sys
import warnings
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from contextvars import Context
from functools import partial
from pathlib import Path
from typing import BinaryIO, NoReturn

import anyio
import anyio.to_thread

from bulkprof.intake import builtin_readers
from bulkprof.plugins.registry import ROW_HOOKS, Registry
from bulkprof.portions import Portion, Reading

FROM_BYTES = 1 << 20
"""Manifests smaller than this, some ten thousand rows, are read before the processes would have started."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ShareLostError(Exception):
    """A process ended before it had read everything, or has read something else than the others."""


def processes(manifests: Sequence[str], registry: Registry, most: int) -> int:
    """How many processes should read `manifests`, where there may be `most`; 1 for none but this one."""
    # Elsewhere there is no fork, or the system's own libraries don't stand it.
    if most < 2 or sys.platform != "linux":
        return 1
    if not all(Path(label).suffix.lower() in builtin_readers() for label in manifests):
        return 1
    names = {found.plugin for hook in ROW_HOOKS for found in registry.implementations(hook)}
    if not all(getattr(registry.objects[name], "independent_rows", False) for name in names):
        return 1
    try:
        found = [os.stat(label) for label in manifests]  # noqa: PTH116 - a label is no path yet
    except (OSError, ValueError):
        return 1
    # A pipe can be read once.
    if not all(stat.S_ISREG(file.st_mode) for file in found) or sum(file.st_size for file in found) < FROM_BYTES:
        return 1
    return min(most, len(os.sched_getaffinity(0)))


async def shared_portions(reading: Reading, count: int) -> AsyncGenerator[Portion, None]:
    """What `reading` comes to, in order, found by `count` processes. Leave it early only through `contextlib.aclosing`.

    Raises `ShareLostError` where one of them fails.
    """
    with _started(reading, count) as answers:
        batch = 0
        while True:
            found = await anyio.to_thread.run_sync(_next, answers[batch % count])
            if isinstance(found, int):
                break
            yield found
            batch += found.rows > 0
        others = [pipe for pipe in answers if pipe is not answers[batch % count]]
        totals = [found, *[await anyio.to_thread.run_sync(_next, pipe) for pipe in others]]
        if totals != [batch] * count:
            raise ShareLostError("the manifests changed while they were read")


def _next(answers: BinaryIO) -> Portion | int:
    """The next portion of a process, or how many batches it has read, which is the last that it says."""
    try:
        found: Portion | int = pickle.load(answers)  # noqa: S301 - our own process wrote it
    except (EOFError, pickle.UnpicklingError):
        raise ShareLostError("a process that read the manifests ended early") from None
    return found


@contextmanager
def _started(reading: Reading, count: int) -> Iterator[list[BinaryIO]]:
    """The pipes that the processes answer through; at the end, they are ended."""
    with ExitStack() as stack:
        answers: list[BinaryIO] = []
        for share in range(count):
            ours, theirs = os.pipe()
            answers.append(stack.enter_context(open(ours, "rb")))  # noqa: PTH123 - a descriptor
            inherited = [pipe.fileno() for pipe in answers]
            try:
                process = _fork(partial(_answer, reading, share, count, theirs, inherited))
            finally:
                os.close(theirs)
            stack.callback(_end, process)
        yield answers


def _fork(work: Callable[[], None]) -> int:
    """Start a process that does `work` and nothing else, and answer its id."""
    # Until the new process handles signals its own way, they would reach this one's event loop through it.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
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
        code = 0
    finally:
        # What went wrong goes wrong again, and is told, when the other process reads the rows itself.
        os._exit(code)


def _answer(reading: Reading, share: int, count: int, theirs: int, inherited: Iterable[int]) -> None:
    """Understand one share of the batches, and write what they come to."""
    for descriptor in inherited:
        os.close(descriptor)
    with open(theirs, "wb") as pipe:
        # In a context of its own, since this one says that an event loop is running.
        Context().run(anyio.run, _answer_each, reading, share, count, pipe)


async def _answer_each(reading: Reading, share: int, count: int, pipe: BinaryIO) -> None:
    number = 0
    async with aclosing(reading.batches()) as batches:
        async for batch in batches:
            if number % count == share:
                for portion in reading.portions_of(batch):
                    pickle.dump(portion, pipe, pickle.HIGHEST_PROTOCOL)
                    pipe.flush()
            number += 1
    pickle.dump(number, pipe)


def _end(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
