"""Reads what exists, target by target, for use cases that look at AWS without a manifest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from bulkprof.engine.concurrency import side_by_side
from bulkprof.errors import AwsError, KeysNotAwaitedError
from bulkprof.model import Target
from bulkprof.reports.progress import Busiest
from bulkprof.stop import StopRequestedError
from bulkprof.ui import Progress
from bulkprof.workflows.steps.connect import recent_runs
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace


async def wait_for_lists(work: Workspace) -> None:
    """Wait until lists show what the last runs on this machine did."""
    recent = await recent_runs(work)
    if recent.left_s > 0:
        work.ui.note(f"waiting {recent.left_s:.0f} s until AWS's lists show what the last run did")
        await work.stop.pause(recent.left_s)


@dataclass(slots=True)
class Walk:
    """Reads targets, a bounded number at once."""

    work: Workspace
    connection: Connection
    read: Callable[[Target], Awaitable[None]]
    """Reads one target; an `AwsError` leaves it out."""
    unreachable: dict[Target, AwsError] = field(default_factory=dict)
    """The targets that couldn't be read."""
    stopped: bool = False

    async def over(self, targets: Sequence[Target]) -> None:
        """Read them all. Raises the error of the first where none can be read, and `StopRequestedError`."""
        width = self.work.settings.run.max_targets_in_flight
        self.work.ui.at_work(Busiest(self.connection.lanes, self.connection.rate))
        with self.work.ui.progress("reading targets", len(targets)) as progress:
            one = partial(self._one, progress)
            if not await side_by_side(targets, width, self.connection.traffic, one) or self.stopped:
                raise StopRequestedError
        if self.unreachable and len(self.unreachable) == len(targets):
            raise next(iter(self.unreachable.values()))

    async def _one(self, progress: Progress, target: Target) -> None:
        try:
            await self.read(target)
        except KeysNotAwaitedError:
            self.stopped = True
            return
        except AwsError as error:
            self.unreachable[target] = error
            self.work.ui.warn_of(target, f"{target} is left out: {error}")
        except StopRequestedError:
            self.stopped = True
            return
        progress.step()
