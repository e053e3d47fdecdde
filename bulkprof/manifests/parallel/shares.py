"""Large manifests are read in several processes, since one Python process uses one core.

They are cut into parts, and each process reads every second (third, …) part, this one as well as the others; the
results come in the manifests' order. This is a matter of speed alone: `ShareLostError` says that the results can't be
used, and what is wrong is found by reading without other processes.

`interpreters` starts the other processes.
"""

from __future__ import annotations

import errno
import os
import pickle
import stat
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import IO, Any, NamedTuple, TypeVar

import anyio
import anyio.to_thread

from bulkprof.config import ColumnNames
from bulkprof.manifests.columns import AS_WRITTEN
from bulkprof.manifests.parallel import interpreters
from bulkprof.manifests.parallel.interpreters import can_start, cores, running
from bulkprof.manifests.parallel.parts import Part, cut
from bulkprof.stop import Stop

T = TypeVar("T")

_FAILED = "a process that read the manifests has failed"


class ShareLostError(Exception):
    """What the processes found can't be used: one of them failed, or they didn't all read the same."""


State = tuple[int, int, int, int]
"""Device, inode, size and time of the last change: what differs where a file is another, or was written to."""


class Shares(NamedTuple):
    """How manifests are shared out."""

    files: Sequence[str]
    parts: Sequence[Part]
    processes: int
    """This one and the others."""
    states: Sequence[State]
    """What the files were when they were cut."""


def share_out(
    manifests: Sequence[str],
    read_by_rules: Collection[str] | None,
    most: int,
    naming: ColumnNames = AS_WRITTEN,
    places: Mapping[str, str] | None = None,
) -> Shares | None:
    """Return how at most `most` processes can share `manifests`; None where this one alone had better read them.

    `read_by_rules` are the columns that rules read, where that is known; `naming` is what the config says of headers.
    `places` says where files are that are called otherwise.
    """
    most = min(most, cores())
    if most < 2 or not can_start():
        return None
    try:
        files = [(places or {}).get(manifest, manifest) for manifest in manifests]
        states = list(map(_state, files))
        if len(set(states)) < len(states) or sum(size for _, _, size, _ in states) < interpreters.FROM_BYTES:
            return None
        named = zip(manifests, files, strict=True)
        cuts = [cut(manifest, read_by_rules, naming, file) for manifest, file in named]
    except (OSError, ValueError):
        return None
    parts = [part for parts in cuts for part in parts]
    processes = min(most, len(parts))
    return Shares(files, parts, processes, states) if all(cuts) and processes > 1 else None


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
        return list(map(_state, shares.files)) == shares.states
    except OSError:
        return False


def _start(shares: Shares, read: Callable[[Part], Iterable[Any]], processes: ExitStack) -> list[IO[bytes]]:
    """Start the others, and return what their results are read from; they end with `processes`."""
    try:
        tasks = [pickle.dumps((read, shares.parts[share :: shares.processes])) for share in range(1, shares.processes)]
    except Exception:  # noqa: BLE001 - a plugin's settings may raise anything
        raise ShareLostError("the rules can't be sent to other processes") from None
    try:
        return [processes.enter_context(running(task)) for task in tasks]
    except OSError as error:
        reason = f"no more processes can be started to read the manifests ({error.strerror})"
        raise ShareLostError(reason) from None


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
