"""What an engine does for a run that is shared out.

Its lock, rules, caps, sinks and file stay where it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bulkprof.engine.engine import Watcher
from bulkprof.model import Target
from bulkprof.store.history.recent import RecentRuns
from bulkprof.store.run import RunFile
from bulkprof.workflows.steps.replan import Replanning
from bulkprof.workflows.steps.seen import Seen


class Fleet(Protocol):
    """Plans and carries out a run's targets elsewhere, share by share, and brings the shares home."""

    async def plan(
        self, run: RunFile, targets: Sequence[Target], *, recent: RecentRuns, again: Replanning | None, whole: bool
    ) -> Seen:
        """Observe `targets` and plan what would change there, into `run`. Returns what was counted.

        `recent` is what AWS's lists may not show yet, `again` how a plan that was approved before is brought up to
        date, `whole` whether the run has all rows of its targets. A target that can't be observed fails its rows.
        Raises `StopRequestedError` when the run stops meanwhile.
        """
        ...

    async def execute(self, run: RunFile, targets: Sequence[Target], watch: Watcher) -> None:
        """Carry every open action of `targets` to its outcome, or as far as the stop allows; after `plan`.

        `watch` is told of each outcome once it is in `run`.
        """
        ...
