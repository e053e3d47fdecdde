"""Which runs a state directory forgets, and with it the place where runs are kept elsewhere, so that neither grows.

A run goes only where nothing needs it any more: it has come to its end, its sinks have all of it, it knows of no name
that is without a profile, and a later run of its estate has finished since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bulkprof.errors import StateError
from bulkprof.statuses import UNAPPROVED, UNFINISHED, RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.run import RunFile

YOUNG_S: Final = 3600.0
"""Seconds for which a run is kept in any case: later ones look there for what AWS's lists may not show yet."""


@dataclass(slots=True)
class Pruned:
    """The runs that were forgotten, and those that had to stay."""

    forgotten: list[str] = field(default_factory=list)
    freed_bytes: int = 0
    kept: dict[str, str] = field(default_factory=dict)
    """Older runs that stay, each with the reason."""


def prune_runs(
    state: StateDirectory, keep: int, *, dry: bool = False, clock: Callable[[], float] = time.time
) -> Pruned:
    """Forget the runs beyond the newest `keep`, a positive number, where nothing needs them. Blocks.

    `dry` only says which; `clock` returns epoch seconds. Raises `StateError` for a file that can't be removed.
    """
    found = Pruned()
    run_ids = state.run_ids()
    old = run_ids[keep:]
    elsewhere = _Elsewhere(state, run_ids if old else [])
    later = _Finished(state, run_ids, elsewhere)
    for at, run_id in enumerate(old, keep):
        try:
            # Another run may have forgotten it meanwhile.
            file = None if run_id in elsewhere.run_ids else state.run_path(run_id).stat()
        except FileNotFoundError:
            continue
        age_s = elsewhere.ages.get(run_id, 0.0) if file is None else clock() - file.st_mtime
        reason = "was at work within the last hour" if age_s < YOUNG_S else ""
        if not reason:
            reason = elsewhere.needed(run_id, later, at) if file is None else _needed(state, run_id, later, at)
        if reason:
            found.kept[run_id] = reason
            continue
        found.forgotten.append(run_id)
        found.freed_bytes += file.st_size if file else 0
    if not dry:
        state.forget(found.forgotten)
    return found


class _Elsewhere:
    """The runs that would have to be fetched: what is told of them is enough to tell whether they are needed."""

    def __init__(self, state: StateDirectory, run_ids: list[str]) -> None:
        self.run_ids = frozenset(filter(state.is_elsewhere, run_ids))
        remote = state.remote if self.run_ids else None
        self.ages = remote.ages() if remote else {}
        self.told = remote.about(self.run_ids) if remote else {}

    def needed(self, run_id: str, later: _Finished, at: int) -> str:
        """Return why the run at this place of the list has to stay; empty where it may go."""
        told = self.told.get(run_id)
        if told is None:
            return "can't be told of, where it is kept"
        return _why(told.status, told.sinks_missing, lost=told.lost) or _last(told.status, told.estate, later, at)


def _last(status: str, estate: str, later: _Finished, at: int, *, sandbox: bool = False) -> str:
    """Return why the last run of an estate that may have sent something has to stay; empty for any other."""
    if status in UNAPPROVED or status == RunStatus.REFUSED or later.after(at, (estate, sandbox)):
        return ""
    return f"is the last one of estate {estate!r}"


def _why(status: str, sinks_missing: Sequence[str], *, lost: bool) -> str:
    """Return why a run has to stay, by what it says of itself; empty where it may go."""
    if status in UNFINISHED:
        return "has not come to its end; `bulkprof resume` goes on with it"
    if sinks_missing:
        return f"is not delivered to {', '.join(sinks_missing)}; `bulkprof runs redeliver` does it"
    return "knows of names that are without a profile" if lost else ""


def _needed(state: StateDirectory, run_id: str, later: _Finished, at: int) -> str:
    """Return why a run has to stay; empty where it may go."""
    try:
        with RunFile.look_at(state.run_path(run_id)) as run:
            details = run.details()
            return _why(details.status, run.sinks_missing(), lost=bool(run.lost())) or _last(
                details.status, details.estate, later, at, sandbox=details.sandbox
            )
    except StateError as error:
        return str(error)


class _Finished:
    """The estates of which runs have finished, newest first; no more files are opened than have to be."""

    def __init__(self, state: StateDirectory, run_ids: list[str], elsewhere: _Elsewhere) -> None:
        self._state = state
        self._run_ids = run_ids
        self._elsewhere = elsewhere
        self._seen: dict[tuple[str, bool], int] = {}
        """Each estate's newest finished run, by its place in the list."""
        self._walk = self._look()

    def after(self, at: int, estate: tuple[str, bool]) -> bool:
        """Return whether one of that estate (its name, and whether it is the sandbox's) is newer than the one there."""
        while estate not in self._seen and next(self._walk, None) is not None:
            pass
        return self._seen.get(estate, at) < at

    def _look(self) -> Iterator[int]:
        for at, run_id in enumerate(self._run_ids):
            if (told := self._elsewhere.told.get(run_id)) is not None:
                status, estate, sandbox = told.status, told.estate, False
            else:
                try:
                    with RunFile.look_at(self._state.run_path(run_id)) as run:
                        details = run.details()
                except StateError:
                    continue
                status, estate, sandbox = str(details.status), details.estate, details.sandbox
            if status == RunStatus.FINISHED:
                self._seen.setdefault((estate, sandbox), at)
            yield at
