"""Which runs a state directory forgets, so that it doesn't grow for ever.

A run goes only where nothing needs it any more: it has come to its end, its sinks have all of it, it knows of no name
that is without a profile, and a later run of its estate has finished since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
    later = _Finished(state, run_ids)
    for at in range(keep, len(run_ids)):
        run_id = run_ids[at]
        try:
            file = state.run_path(run_id).stat()
        except FileNotFoundError:
            # Another run has forgotten it meanwhile.
            continue
        reason = "was at work within the last hour" if clock() - file.st_mtime < YOUNG_S else ""
        if reason := reason or _needed(state, run_id, later, at):
            found.kept[run_id] = reason
            continue
        if not dry:
            state.forget(run_id)
        found.forgotten.append(run_id)
        found.freed_bytes += file.st_size
    return found


def _needed(state: StateDirectory, run_id: str, later: _Finished, at: int) -> str:
    """Return why a run has to stay; empty where it may go."""
    try:
        with RunFile.look_at(state.run_path(run_id)) as run:
            details = run.details()
            if details.status in UNFINISHED:
                return "has not come to its end; `bulkprof resume` goes on with it"
            if missing := run.sinks_missing():
                return f"is not delivered to {', '.join(missing)}; `bulkprof runs redeliver` does it"
            if run.lost():
                return "knows of names that are without a profile"
            sent_nothing = details.status in UNAPPROVED or details.status is RunStatus.REFUSED
            if not sent_nothing and not later.after(at, (details.estate, details.sandbox)):
                return f"is the last one of estate {details.estate!r}"
    except StateError as error:
        return str(error)
    return ""


class _Finished:
    """The estates of which runs have finished, newest first; no more files are opened than have to be."""

    def __init__(self, state: StateDirectory, run_ids: list[str]) -> None:
        self._state = state
        self._run_ids = run_ids
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
            try:
                with RunFile.look_at(self._state.run_path(run_id)) as run:
                    details = run.details()
            except StateError:
                continue
            if details.status is RunStatus.FINISHED:
                self._seen.setdefault((details.estate, details.sandbox), at)
            yield at
