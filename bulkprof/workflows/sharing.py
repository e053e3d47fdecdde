"""Large manifests are understood in several processes, since one Python process uses one core.

They are cut into parts, and each process understands every second (third, …) part; this one takes in what they come to,
in the manifests' order. That finds whatever one process would, because it is done only where each row is judged by
itself: built-in readers, and plugins that say so of their hooks. And it is a matter of speed alone: should one of the
processes fail, or a manifest change meanwhile, the rows are read again without them, which says what is wrong.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import stat
import sys
import warnings
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import anyio
import anyio.to_thread

from bulkprof.manifests import Part, cut
from bulkprof.plugins.registry import ROW_HOOKS, Registry
from bulkprof.stop import Stop
from bulkprof.workflows.portions import Portion, Reading

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

FROM_BYTES = 1 << 20
"""Manifests smaller than this, some ten thousand rows, are read before it would pay."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ShareLostError(Exception):
    """What the processes found can't be used: one of them failed, or they didn't all read the same."""


State = tuple[int, int, int, int]
"""Device, inode, size and time of the last change: what differs where a file is another, or was written to."""


class Shares(NamedTuple):
    """How manifests are shared out."""

    parts: Sequence[Part]
    processes: int
    states: Sequence[State]
    """What the manifests were when they were cut."""


def share_out(manifests: Sequence[str], registry: Registry, most: int) -> Shares | None:
    """How at most so many processes can share `manifests`; None where one alone had better read them."""
    # Elsewhere there is no fork, or the system's own libraries don't stand it.
    if most < 2 or sys.platform != "linux":
        return None
    # Whoever started us doesn't want to hear of processes that end, and neither would we.
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        return None
    names = {found.plugin for hook in ROW_HOOKS for found in registry.implementations(hook)}
    if not all(getattr(registry.objects[name], "independent_rows", False) for name in names):
        return None
    try:
        states = list(map(_state, manifests))
        if len(set(states)) < len(states) or sum(size for _, _, size, _ in states) < FROM_BYTES:
            return None
        read = registry.columns_read()
        cuts = [cut(manifest, read) for manifest in manifests]
    except (OSError, ValueError):
        return None
    parts = [part for parts in cuts for part in parts]
    processes = min(most, len(os.sched_getaffinity(0)), len(parts))
    return Shares(parts, processes, states) if all(cuts) and processes > 1 else None


def _state(manifest: str) -> State:
    """Raises `OSError` for what isn't a file: a pipe can be read once."""
    found = os.stat(manifest)  # noqa: PTH116 - a label is no path yet: it may hold NULs
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a file", manifest)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


async def shared_portions(reading: Reading, shares: Shares, stop: Stop) -> AsyncGenerator[Portion, None]:
    """What `reading` comes to, in order. Leave it early only through `contextlib.aclosing`.

    Raises `ShareLostError` where what the processes found can't be used, and `StopRequestedError`.
    """
    with _started(reading, shares) as answers:
        for number in range(len(shares.parts)):
            while (found := await _next(answers[number % shares.processes], stop)) is not None:
                yield found
    if not await anyio.to_thread.run_sync(_are_still, reading.manifests, shares.states):
        raise ShareLostError("the manifests changed while they were read")


def _are_still(manifests: Sequence[str], states: Sequence[State]) -> bool:
    try:
        return list(map(_state, manifests)) == states
    except OSError:
        return False


async def _next(answers: Connection, stop: Stop) -> Portion | None:
    """The next portion of a process; None at the end of a part."""
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
        found: Portion | None = await anyio.to_thread.run_sync(answers.recv)
    except Exception:  # noqa: BLE001 - it ended early, or sent what can't be received, such as a plugin's own class
        raise ShareLostError("a process that read the manifests has failed") from None
    return found


@contextmanager
def _started(reading: Reading, shares: Shares) -> Iterator[list[Connection]]:
    """The pipes that the processes answer through; at the end, they are ended."""
    from multiprocessing import Pipe

    with ExitStack() as stack:
        answers: list[Connection] = []
        for share in range(shares.processes):
            mine = shares.parts[share :: shares.processes]
            try:
                ours, theirs = Pipe(duplex=False)
                answers.append(stack.enter_context(ours))
                with theirs:
                    process = _fork(partial(_answer, reading, mine, theirs, tuple(answers)))
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


def _answer(reading: Reading, parts: Sequence[Part], theirs: Connection, inherited: Iterable[Connection]) -> None:
    """Understand some parts, and send what each comes to."""
    for connection in inherited:
        connection.close()
    for part in parts:
        some = False
        for batch in part.batches():
            some = True
            for portion in reading.portions_of(batch):
                theirs.send(portion)
        if not some and not part.span.start:
            raise ShareLostError("what there is to say of a file without rows, those say who read it whole")
        theirs.send(None)


def _end(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
