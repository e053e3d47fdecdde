"""What this machine's last runs did so lately that AWS's lists may not show it yet.

Lists may lag behind creations and deletions by seconds (nobody knows how many: the `settle_s` setting). A run that
starts right after another would take a profile that was just made for a missing one, and, where names aren't unique,
make it twice. The run files know better: they hold the ARNs that AWS answered.

The index of tags lags more, by about a minute: tags that were just changed would look as they were before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bulkprof.errors import StateError
from bulkprof.execution.creation import CHANGES
from bulkprof.execution.done import Done
from bulkprof.execution.engine import HEARTBEAT_S
from bulkprof.execution.runfile import RunFile
from bulkprof.execution.state import StateDirectory
from bulkprof.model import EMPTY, OutcomeKind, Target

TAGS_SETTLE_S = 120.0
"""Seconds that the tagging API is taken to lag behind changes of tags, at most."""


@dataclass(frozen=True, slots=True)
class Lately:
    """What was done in one target within the last `settle_s` seconds, and to tags within `TAGS_SETTLE_S`."""

    made: Mapping[str, str]
    """Names to the ARNs that were made under them."""
    deleted: frozenset[str]
    """ARNs that are gone, whatever lists say."""
    retagged: frozenset[str]
    """ARNs whose tags were changed, whatever the index of tags says."""
    tagged: frozenset[str]
    """ARNs that were made with tags, which the index of tags may not show at all."""


NOTHING = Lately(EMPTY, frozenset(), frozenset(), frozenset())


class RecentRuns:
    """The runs of one estate that wrote anything lately."""

    def __init__(
        self, state: StateDirectory, estate: str, settle_s: float, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Look through the state directory: blocks. `clock` answers epoch seconds, as file times do."""
        self._clock = clock
        self.settle_s = settle_s
        self._done = Done()
        self._settled_at = 0.0
        self.unsettled_s = 0.0
        """Seconds until lists show whatever a killed or stopped run may have sent without recording it."""
        for run_id in state.run_ids():
            path = state.run_path(run_id)
            # Calls may still have been sent until just before the next sign of life was due. None has been given later
            # than now: a file from the future says that a clock was set, and nobody may wait for that to pass.
            now = clock()
            last_call_at = min(last_sign_of_life(path), now) + HEARTBEAT_S
            if last_call_at + max(settle_s, TAGS_SETTLE_S) <= now:
                continue
            settled_at = last_call_at + settle_s if settle_s > 0 else 0.0
            try:
                with state.open_run(run_id) as run:
                    if run.meta("estate") == estate:
                        self._take(run, run_id, settled_at)
            except StateError:
                # Killed while it was being made, or damaged: whatever it sent is in the lists when they have settled.
                self._wait_for(settled_at)

    def _take(self, run: RunFile, run_id: str, settled_at: float) -> None:
        settled = settled_at <= self._clock()
        self._done.add(run_id, run.done(), settled=settled)
        if settled:
            return
        if _sent_changes(run):
            self._settled_at = max(self._settled_at, settled_at)
        # A run that was stopped may have been waiting for lists to show what it had sent in vain.
        in_doubt = run.meta("status") in {"running", "interrupted"}
        if in_doubt or run.outcome_counts().get(OutcomeKind.UNKNOWN) or run.lost():
            self._wait_for(settled_at)

    def _wait_for(self, settled_at: float) -> None:
        self._settled_at = max(self._settled_at, settled_at)
        self.unsettled_s = max(self.unsettled_s, settled_at - self._clock())

    @property
    def left_s(self) -> float:
        """Seconds until lists show everything that any of these runs did."""
        return max(0.0, self._settled_at - self._clock())

    def of(self, target: Target) -> Lately:
        """What was done in `target`: blocks."""
        changes = self._done.of(target)
        if not changes:
            return NOTHING
        made: dict[str, str] = {}
        deleted: set[str] = set()
        retagged: set[str] = set()
        tagged: set[str] = set()
        for name, arn, old_arn, kind, settled in changes:
            if kind in _TAGS_CHANGED:
                retagged.add(arn)
                continue
            if kind is not OutcomeKind.DELETED:
                tagged.add(arn)
            if old_arn:
                # Where it is kept for a while, it was marked.
                retagged.add(old_arn)
            if settled:
                continue
            if kind is OutcomeKind.DELETED:
                deleted.add(arn)
            else:
                # Of two profiles that were made under one name, the one that came later counts.
                made[name] = arn
                if old_arn and kind is not OutcomeKind.FAILED:
                    deleted.add(old_arn)
        lasting = {name: arn for name, arn in made.items() if arn not in deleted}
        return Lately(lasting, frozenset(deleted), frozenset(retagged), frozenset(tagged))


_TAGS_CHANGED = (OutcomeKind.UPDATED, OutcomeKind.ADOPTED)


def _sent_changes(run: RunFile) -> bool:
    """Whether the run sent anything that lists could lag behind: a quiet night doesn't."""
    calls, counts = run.calls(), run.outcome_counts()
    sent = any(calls[operation].sent for operation in CHANGES if operation in calls)
    return sent or any(counts.get(kind) for kind in (OutcomeKind.CREATED, OutcomeKind.REPLACED, OutcomeKind.DELETED))


def last_sign_of_life(path: Path) -> float:
    """When a run's file was last written, in epoch seconds: the engine touches it all the time (`HEARTBEAT_S`)."""
    wal = path.with_name(path.name + "-wal")
    return max(file.stat().st_mtime for file in (path, wal) if file.exists())
