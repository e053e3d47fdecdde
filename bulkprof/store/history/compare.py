"""What is new in a run against the last one of its estate: failures that weren't there then, and those that are gone.

The two run files are compared inside SQLite, by what failed in each, so that a million rows cost no memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

from bulkprof.errors import DamagedError, StateError
from bulkprof.model import NEED_ATTENTION, OutcomeKind
from bulkprof.store import codec
from bulkprof.store.errors import ERRORS
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.status import told_its_end
from bulkprof.store.rows import read, words
from bulkprof.store.run import RunFile
from bulkprof.totals import SinceLast, every_kind

SHOWN = 20
"""New failures that are read one by one; the others only count."""
_BAD = words(NEED_ATTENTION)
_FAILURES = (
    "INSERT OR IGNORE INTO {into} SELECT t.account, t.region, a.wanted, a.name, o.seq FROM {run}.outcome o "
    "JOIN {run}.action a ON a.id = o.action JOIN {run}.target t ON t.id = a.target "
    f"WHERE o.kind IN {_BAD} ORDER BY o.seq"
)
_KEY = "account TEXT, region TEXT, wanted INTEGER, name TEXT"
_SAME = "b.account = n.account AND b.region = n.region AND b.wanted = n.wanted AND b.name = n.name"
_NEW = f"FROM failed_now n WHERE NOT EXISTS (SELECT 1 FROM failed_before b WHERE {_SAME})"
_STILL = f"SELECT count(*) FROM failed_now n JOIN failed_before b ON {_SAME}"
# What this run didn't reach, or wasn't asked for, is not mended. One branch for each index of `action`.
_GONE = " UNION ALL ".join(
    "SELECT count(*) AS found FROM failed_before b JOIN main.target t ON t.account = b.account AND t.region = b.region "
    f"JOIN main.action a ON a.target = t.id AND a.name = b.name AND a.wanted = {wanted} "
    f"JOIN main.outcome o ON o.action = a.id WHERE b.wanted = {wanted} AND o.kind NOT IN {_BAD}"
    for wanted in (1, 0)
)


def since_last(state: StateDirectory, run: RunFile) -> SinceLast | None:
    """Compare `run` with the last run of its estate that came to its end; None where there is none. Blocks.

    Raises `StateError` when one of the two files can't be read, or a damaged one may be the last.
    """
    own = run.details().id
    for _, last in state.open_all(lambda run_id: run_id < own):
        if isinstance(last, DamagedError):
            raise last
        if isinstance(last, RunFile) and _is_before(last, run) and told_its_end(last):
            return _compare(run, last)
    return None


def refresh_lost(state: StateDirectory, run: RunFile) -> None:
    """Let `run` know of the names that earlier replacements left without a profile. Blocks.

    The run that was the last to learn of any knows them all, for it took over what was known before. That need not be
    the newest one: an older run may have been resumed since. All are looked at: where a clock was set in between, only
    what they say of themselves tells which was the last.
    """
    own, latest, lost = run.details().id, run.knows_lost_at, None
    for run_id in _knowing(state):
        if run_id == own:
            continue
        with suppress(StateError), state.open_run(run_id) as other:
            if _alike(other, run) and other.knows_lost_at > latest:
                latest, lost = other.knows_lost_at, other.lost()
    if lost is not None or not latest:
        run.take_over(lost or (), known_at=latest)


def _knowing(state: StateDirectory) -> set[str]:
    """The runs that may know best: all that are here, and of those that are kept elsewhere the one written last."""
    ages = state.remote.ages() if state.remote else {}
    return {*state.ids_here(), *sorted(ages, key=ages.__getitem__)[:1]}


Place: TypeAlias = tuple[str, str, str]
"""A profile's account, Region and name."""


class LaterChanges(NamedTuple):
    """What later runs of an estate changed, to tell what an earlier one says that doesn't hold any more."""

    gone: set[str]
    """The ARNs that they took out of use."""
    arns: dict[Place, str]
    """The ARNs of profiles that they changed."""

    def outdate(self, place: Place, arn: str) -> bool:
        """Whether `arn` isn't the profile there any more."""
        return arn in self.gone or self.arns.get(place, arn) != arn


def later_changes(state: StateDirectory, run: RunFile) -> LaterChanges:
    """Return what runs of the same estate changed that began after `run`. Blocks.

    A run that can't be read is left out: what it changed isn't known.
    """
    later = LaterChanges(set(), {})
    for other in changing_later(state, run):
        _add(later, other)
    if later.arns:
        # A run that was resumed after them may have replaced what they made.
        for change in run.done():
            place = change.account, change.region, change.name
            if change.old_arn and later.arns.get(place) == change.old_arn:
                del later.arns[place]
    return later


def changing_later(state: StateDirectory, run: RunFile) -> Iterator[RunFile]:
    """Yield the runs of the same estate that changed something and began after `run`, the newest first. Blocks.

    Each is open while it is the current one. One that can't be read is left out.
    """
    for other in _began_later(state, run):
        with suppress(StateError):
            if next(other.done(), None) is not None:
                yield other


def began_before(state: StateDirectory, run: RunFile) -> Iterator[RunFile]:
    """Yield the runs of the same estate that began before `run`, the newest first, each open while it is current."""
    own = run.details().id
    for run_id, other in state.open_all(lambda run_id: run_id < own):
        if run_id < own and isinstance(other, RunFile) and _alike(other, run):
            yield other


def _began_later(state: StateDirectory, run: RunFile) -> Iterator[RunFile]:
    own = run.details().id
    for run_id, other in state.open_all():
        if run_id <= own:
            break
        if isinstance(other, RunFile) and _alike(other, run):
            yield other


def _add(later: LaterChanges, run: RunFile) -> None:
    """Add what an older run than those before changed."""
    newest = dict(later.arns)
    for change in run.done():
        if change.kind == OutcomeKind.DELETED:
            later.gone.add(change.arn)
            continue
        later.arns[change.account, change.region, change.name] = change.arn
        if change.old_arn:
            later.gone.add(change.old_arn)
    later.arns.update(newest)


def _alike(other: RunFile, run: RunFile) -> bool:
    mine, others = run.details(), other.details()
    return (others.estate, others.sandbox) == (mine.estate, mine.sandbox)


def _is_before(last: RunFile, run: RunFile) -> bool:
    mine, others = run.details(), last.details()
    # A run that only lets some profiles go says nothing of the others.
    same_kind = bool(others.disown) == bool(mine.disown)
    return _alike(last, run) and same_kind and others.id != mine.id and others.started_at <= mine.started_at


def _compare(run: RunFile, last: RunFile) -> SinceLast:
    with _both(run.path, last.path) as db:
        for into, name in (("failed_before", "last"), ("failed_now", "main")):
            db.execute(
                f"CREATE TEMP TABLE {into} ({_KEY}, seq INTEGER, PRIMARY KEY (account, region, wanted, name)) "
                "WITHOUT ROWID"
            )
            db.execute(_FAILURES.format(into=into, run=name))
        first = db.execute(f"{codec.SELECT_OUTCOME} WHERE o.seq IN (SELECT n.seq {_NEW} ORDER BY n.seq LIMIT {SHOWN})")
        details = last.details()
        return SinceLast(
            run_id=details.id,
            started_at=details.started_at,
            new_failures=_number(db, f"SELECT count(*) {_NEW}"),
            gone_failures=_number(db, f"SELECT sum(found) FROM ({_GONE})"),
            still_failing=_number(db, _STILL),
            outcomes=every_kind(last.outcome_counts()),
            first_new=tuple(codec.to_outcome(read(codec.OutcomeRow, row)) for row in first),
        )


def _number(db: sqlite3.Connection, query: str) -> int:
    (number,) = db.execute(query).fetchone()
    return int(number)


@contextmanager
def _both(path: Path, last: Path) -> Iterator[sqlite3.Connection]:
    """A connection of its own to both files: the runs' own ones may be in the midst of something."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as db:
            db.execute("ATTACH DATABASE ? AS last", (str(last),))
            yield db
    except ERRORS as error:
        raise StateError(f"{path} can't be compared with {last}: {error}") from error
