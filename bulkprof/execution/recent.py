"""What this machine's last runs did so lately that AWS's lists may not show it yet.

Lists may lag behind creations and deletions by seconds (nobody knows how many: the `settle_s` setting). A run that
starts right after another would take a profile that was just made for a missing one, and, where names aren't unique,
make it twice. The run files know better: they hold the ARNs that AWS answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bulkprof.execution.runfile import RunFile
from bulkprof.execution.state import StateDirectory
from bulkprof.model import OutcomeKind, Target


@dataclass(frozen=True, slots=True)
class Lately:
    """What was done in one target within the last `settle_s` seconds."""

    made: Mapping[str, str]
    """Names to the ARNs that were made under them."""
    deleted: frozenset[str]
    """ARNs that are gone, whatever lists say."""


class RecentRuns:
    """The runs of one estate that wrote anything within the last `settle_s` seconds."""

    def __init__(
        self, state: StateDirectory, estate: str, settle_s: float, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Look through the state directory: blocks. `clock` answers epoch seconds, as file times do."""
        self._clock = clock
        self._paths: list[Path] = []
        self._settled_at = 0.0
        self.unsettled_s = 0.0
        """Seconds until lists show whatever a killed run may have sent without recording it."""
        for run_id in state.run_ids():
            path = state.run_path(run_id)
            settled_at = last_sign_of_life(path) + settle_s
            if settled_at <= clock():
                continue
            run = RunFile.open(path)
            try:
                if run.meta("estate") == estate:
                    self._take(run, path, settled_at)
            finally:
                run.close()

    def _take(self, run: RunFile, path: Path, settled_at: float) -> None:
        self._paths.append(path)
        self._settled_at = max(self._settled_at, settled_at)
        if run.meta("status") == "running" or run.outcome_counts().get(OutcomeKind.UNKNOWN):
            self.unsettled_s = max(self.unsettled_s, settled_at - self._clock())

    @property
    def left_s(self) -> float:
        """Seconds until lists show everything that any of these runs did."""
        return max(0.0, self._settled_at - self._clock())

    def of(self, target: Target) -> Lately:
        """What was done in `target`: blocks."""
        made: dict[str, str] = {}
        deleted: set[str] = set()
        for path in self._paths:
            run = RunFile.open(path)
            try:
                for name, arn, old_arn, kind in run.done_in(target):
                    if kind is OutcomeKind.DELETED:
                        deleted.add(arn)
                    else:
                        made[name] = arn
                        if old_arn:
                            deleted.add(old_arn)
            finally:
                run.close()
        return Lately({name: arn for name, arn in made.items() if arn not in deleted}, frozenset(deleted))


def last_sign_of_life(path: Path) -> float:
    """When a run's file was last written, in epoch seconds: the engine touches it all the time (`HEARTBEAT_S`)."""
    wal = path.with_name(path.name + "-wal")
    return max(file.stat().st_mtime for file in (path, wal) if file.exists())
