"""The event loop of a command that works on one, with signals handled."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import TaskStatus

from bulkprof.cli import early
from bulkprof.cli.next_steps import say_how_to_resume
from bulkprof.cli.terminal import Terminal
from bulkprof.system.descriptors import raise_limit
from bulkprof.system.signals import received

T = TypeVar("T")


def run_watched(terminal: Terminal, work: Callable[[], Awaitable[T]], again: list[str] | None) -> T:
    """Run `work` to its end, and listen to signals meanwhile."""

    async def main() -> T:
        result: list[T] = []
        async with anyio.create_task_group() as group:
            # Armed before the work begins: a signal in its first moments counts, too.
            await group.start(_watch_signals, terminal, again)
            result.append(await work())
            group.cancel_scope.cancel()
        return result[0]

    raise_limit()
    uvloop = importlib.util.find_spec("uvloop") is not None
    try:
        return anyio.run(main, backend_options={"use_uvloop": uvloop})
    except KeyboardInterrupt:
        # In the moments in which the loop begins or ends.
        raise early.EarlyInterrupt from None
    finally:
        early.work_ended()


async def _watch_signals(terminal: Terminal, again: list[str] | None, *, task_status: TaskStatus[None]) -> None:
    """First signal: start nothing new. Second: out, at once; the run file is sound at any moment."""
    with received(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            if terminal.stop.requested:
                message, code = "stopped at once", 128 + number
                terminal.leave()
                terminal.note(message)
                say_how_to_resume(terminal, "", again)
                if terminal.as_json:
                    run = {"run_id": terminal.run_id} if terminal.run_id else {}
                    terminal.json({"error": message, **run, "exit_code": code})
                os._exit(code)
            terminal.stop.request(128 + number)
            if terminal.asks:
                # Nothing is under way that would have to end; how the command ends is said next, below the question.
                terminal.errors.line("")
            else:
                terminal.note("stopping: calls in flight end first (once more to stop at once)")
