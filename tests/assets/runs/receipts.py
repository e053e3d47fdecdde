"""A sink that writes down what it gets, or refuses it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from anyio import to_thread

from bulkprof.plugins import Outcome, RunContext, Sink, hookimpl


class Receipts(Sink):
    """Keeps receipts in a file."""

    name = "receipts"

    async def deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Write a line for each outcome."""
        if os.environ.get("RECEIPTS") == "refused":
            raise OSError("no paper")
        lines = [f"{outcome.name} {outcome.kind}\n" for outcome in outcomes]
        await to_thread.run_sync(_append, "".join(lines))


def _append(lines: str) -> None:
    with Path("receipts.txt").open("a", encoding="utf-8") as file:
        file.write(lines)


@hookimpl
def bulkprof_sinks(run: RunContext) -> list[Sink]:
    """Give the run its one sink."""
    return [Receipts()]
