"""What the last runs that this machine knows of changed so recently that AWS's lists may not show it yet.

Lists may lag behind creations and deletions by seconds (AWS says nowhere how many: the `settle_s` setting). A run that
starts right after another would take a profile that was just made for a missing one, and, where names aren't unique,
make it twice. The run files know better: they hold the ARNs that AWS answered.

The index of tags lags more, by about a minute: tags that were just changed would look as they were before.
"""

from __future__ import annotations

import math
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from bulkprof.errors import DamagedError, StateError
from bulkprof.model import EMPTY, OutcomeKind, Target
from bulkprof.profiles.operations import CHANGES
from bulkprof.statuses import RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.rows import ChangeRow, columns, read, word
from bulkprof.store.run import RunFile
from bulkprof.system.clocks import HEARTBEAT_S, seconds_since
from bulkprof.system.private import require_no_link

TAGS_SETTLE_S = 120.0
"""Seconds that the tagging API is taken to lag behind changes of tags, at most."""


class _Change(NamedTuple):
    """A profile that a run changed."""

    name: str
    arn: str
    old_arn: str
    """The ARN that was replaced."""
    kind: str
    settled: int
    """Whether lists have caught up with the run."""


_SCHEMA = """
PRAGMA journal_mode = OFF;
CREATE TABLE done (
    run TEXT, account TEXT, region TEXT, name TEXT, arn TEXT, old_arn TEXT, kind TEXT, settled INTEGER
);
CREATE INDEX by_target ON done (account, region);
"""
_INSERT = f"INSERT INTO done (run, {', '.join(ChangeRow._fields)}, settled) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_OF_TARGET = f"SELECT {columns(_Change)} FROM done WHERE account = ? AND region = ? ORDER BY run, rowid"


class _Changes:
    """What several runs changed, found by target: copied once out of each run's file.

    Most runs change next to nothing, and opening their files again for each of thousands of targets takes long. The
    table is in a file of SQLite's own once it doesn't fit into two megabytes of memory.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._db.close)
        self._one_at_a_time = threading.Lock()
        self._db.executescript(_SCHEMA)

    def add(self, run_id: str, changes: Iterable[ChangeRow], *, settled: bool) -> None:
        """Take in what `RunFile.done` returns: blocks. Run ids sort by time, so runs may come in any order."""
        with self._one_at_a_time:
            found = ((run_id, *change, settled) for change in changes)
            self._db.executemany(_INSERT, found)

    def of(self, target: Target) -> list[_Change]:
        """Return what was changed in `target`, in order: blocks."""
        if self._db.total_changes == 0:
            return []
        # Several threads may ask, and the connection takes one at a time.
        with self._one_at_a_time:
            found = self._db.execute(_OF_TARGET, (target.account, target.region)).fetchall()
        return [read(_Change, row) for row in found]


@dataclass(frozen=True, slots=True)
class RecentChanges:
    """What was done in one target within the last `settle_s` seconds, and to tags within `TAGS_SETTLE_S`."""

    made: Mapping[str, str]
    """Names to the ARNs that were made under them."""
    deleted: frozenset[str]
    """ARNs that are gone, whatever lists say."""
    retagged: frozenset[str]
    """ARNs whose tags were changed, whatever the index of tags says."""
    tagged: frozenset[str]
    """ARNs that were made with tags, which the index of tags may not show at all."""

    def with_later(self, later: RecentChanges) -> RecentChanges:
        """Return both: these changes, and those that came after them."""
        made = {name: arn for name, arn in {**self.made, **later.made}.items() if arn not in later.deleted}
        return RecentChanges(
            made, self.deleted | later.deleted, self.retagged | later.retagged, self.tagged | later.tagged
        )


NO_CHANGES = RecentChanges(EMPTY, frozenset(), frozenset(), frozenset())
NONE_CARRIED: Mapping[Target, RecentChanges] = MappingProxyType({})


class RecentRuns:
    """The runs of one estate that sent anything recently, or may have."""

    def __init__(
        self,
        state: StateDirectory,
        estate: str,
        settle_s: float,
        *,
        also: Sequence[Path] = (),
        carried: Mapping[Target, RecentChanges] = NONE_CARRIED,
        clock: Callable[[], float] = time.time,
        since: Callable[[Any], float | None] = seconds_since,
    ) -> None:
        """Look through the state directory: blocks.

        `also` are files of runs elsewhere, and `carried` is what was found of other runs before, and handed on.
        `clock` returns epoch seconds, as file times do; `since` how long ago a run gave the sign of life that it kept.
        """
        self.settle_s = settle_s
        self._since = since
        self._carried = carried
        self._done = _Changes()
        self._unproven: list[Path] = []
        """Those that are waited for since it can't be told how long ago they sent anything."""
        self._settled_at = -math.inf
        """By `time.monotonic`, as the waiting is: no clock that is set meanwhile shortens it."""
        self.unsettled_s = 0.0
        """Seconds until lists show what a killed or stopped run may have sent without recording it."""
        self._damaged: dict[Path, str] = {}
        """What is wrong with files that are left out."""
        ages = state.remote.ages() if state.remote else {}
        paths = [*map(state.run_path, state.run_ids()), *also]
        elsewhere = {path: ages[path.stem] for path in paths if path not in also and state.is_elsewhere(path.stem)}
        for by_file, path in self._latest_first(paths, elsewhere, clock()):
            try:
                with RunFile.open(state.present(path.stem) if path in elsewhere else require_no_link(path)) as run:
                    if run.details().estate == estate and not self._take(run, path, by_file):
                        break
            except StateError as error:
                # Killed while it was being made, or damaged: what it sent is in the lists when they have settled.
                if isinstance(error, DamagedError):
                    self._damaged[path] = str(error)
                self._wait(self._left_s(by_file))
            if path.stem in ages and by_file >= self._long_s:
                # It was put there when it began, and had waited by then for what runs before it may have sent.
                break

    @property
    def _long_s(self) -> float:
        """Seconds after which AWS shows everything."""
        return max(self.settle_s, TAGS_SETTLE_S) + HEARTBEAT_S

    def _latest_first(
        self, paths: Iterable[Path], elsewhere: Mapping[Path, float], now: float
    ) -> list[tuple[float, Path]]:
        """All runs, with the seconds since each was written: by the time of day, or as `elsewhere` says."""
        # Nothing was written later than now: a file from the future says that a clock was set back.
        return sorted((elsewhere.get(path, max(0.0, now - last_write(path))), path) for path in paths)

    def _left_s(self, ago: float, lease_s: float = 0.0) -> float:
        """Seconds until lists show what was sent up to a sign of life so long ago, or until the next one was due.

        Workers elsewhere may have gone on for `lease_s`.
        """
        wait_s = self.settle_s + lease_s
        return max(0.0, wait_s + HEARTBEAT_S - ago) if wait_s > 0 else 0.0

    def _take(self, run: RunFile, path: Path, by_file: float) -> bool:
        """Look at one run; whether those that wrote before it may matter, too."""
        details = run.details()
        status, alive = details.status, details.alive
        # A run that was stopped may have been waiting for lists to show what it had sent in vain.
        in_doubt = status in {RunStatus.RUNNING, RunStatus.INTERRUPTED} or (
            status is RunStatus.FINISHED and (_has_unknown(run) or run.has_half_replaced())
        )
        ago = self._since(alive)
        unproven = self.settle_s + details.lease_s > 0 and ago is None and in_doubt and details.waited_for != alive
        if ago is None:
            # By the time of day, which may have been set since: good enough only where nothing depends on it.
            ago = 0.0 if unproven else by_file
        left_s = self._left_s(ago, details.lease_s)
        if ago >= self._long_s + details.lease_s:
            # It waited itself for what runs before it may have sent.
            return in_doubt or status is not RunStatus.FINISHED
        self._done.add(path.stem, run.done(), settled=left_s <= 0)
        if left_s > 0 and in_doubt:
            self._wait(left_s)
        if _sent_changes(run):
            self._settled_at = max(self._settled_at, time.monotonic() + left_s)
        if unproven and left_s > 0:
            self._unproven.append(path)
        return True

    def _wait(self, left_s: float) -> None:
        self._settled_at = max(self._settled_at, time.monotonic() + left_s)
        self.unsettled_s = max(self.unsettled_s, left_s)

    def damage(self) -> list[str]:
        """Return what is wrong with damaged files."""
        return list(self._damaged.values())

    def waited(self) -> None:
        """Note in the runs of unknown age that they were waited for, so that it isn't done again: blocks."""
        for path in self._unproven:
            # Where it can't be noted, the next run waits once more.
            with suppress(StateError), RunFile.open(path) as run:
                run.note(waited_for=run.details().alive)

    @property
    def left_s(self) -> float:
        """Seconds until lists show everything that any of these runs did."""
        return max(0.0, self._settled_at - time.monotonic())

    def of(self, target: Target) -> RecentChanges:
        """Return what was done in `target`: blocks."""
        earlier, found = self._carried.get(target, NO_CHANGES), self._found_of(target)
        return found if earlier is NO_CHANGES else earlier.with_later(found)

    def _found_of(self, target: Target) -> RecentChanges:
        changes = self._done.of(target)
        if not changes:
            return NO_CHANGES
        made: dict[str, str] = {}
        deleted: set[str] = set()
        retagged: set[str] = set()
        tagged: set[str] = set()
        for change in changes:
            kind, arn, old_arn = word(OutcomeKind, change.kind), change.arn, change.old_arn
            if kind in _TAGS_CHANGED:
                retagged.add(arn)
                continue
            if kind is not OutcomeKind.DELETED:
                tagged.add(arn)
            if old_arn:
                # Where it is kept for a while, it was marked.
                retagged.add(old_arn)
            if change.settled:
                continue
            if kind is OutcomeKind.DELETED:
                deleted.add(arn)
            else:
                # Of two profiles that were made under one name, the one that came later counts.
                made[change.name] = arn
                if old_arn and kind is not OutcomeKind.FAILED:
                    deleted.add(old_arn)
        lasting = {name: arn for name, arn in made.items() if arn not in deleted}
        return RecentChanges(lasting, frozenset(deleted), frozenset(retagged), frozenset(tagged))


_TAGS_CHANGED = (OutcomeKind.UPDATED, OutcomeKind.ADOPTED)


def _sent_changes(run: RunFile) -> bool:
    """Whether the run sent anything that lists could lag behind: a quiet night doesn't."""
    calls, counts = run.calls(), run.outcome_counts()
    sent = any(calls[operation].sent for operation in CHANGES if operation in calls)
    return sent or any(counts.get(kind) for kind in (OutcomeKind.CREATED, OutcomeKind.REPLACED, OutcomeKind.DELETED))


def _has_unknown(run: RunFile) -> bool:
    if summary := run.details().summary:
        return bool(summary["outcomes"].get(OutcomeKind.UNKNOWN))
    return bool(run.outcome_counts().get(OutcomeKind.UNKNOWN))


def last_write(path: Path) -> float:
    """When a run's file was last written, in epoch seconds of a clock that may have been set since."""
    wal = path.with_name(path.name + "-wal")
    return max((file.stat().st_mtime for file in (path, wal) if file.exists()), default=0.0)
