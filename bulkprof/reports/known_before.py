"""What earlier runs know of profiles that a run says nothing of: they are there as before.

Those are the profiles of accounts and Regions that it couldn't enter, and, where a run is about a part of the estate
only (`apply`, or a filter of accounts or Regions), those of the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from bulkprof.catalog.entries import CatalogEntry
from bulkprof.config import Settings
from bulkprof.errors import StateError
from bulkprof.model import Outcome
from bulkprof.reports.catalog import Standing, entries_of, place_of
from bulkprof.statuses import CARRIED_OUT
from bulkprof.store.details import RunDetails
from bulkprof.store.history.compare import Place, began_before
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.run import RunFile

MOST_RUNS = 3
"""Runs that are read: rows that are new have no profile in any."""
MOST_PARTS = 30
"""Runs that are read for the rest of an estate: else an estate that only `apply` works on would read its whole past."""


def not_entered(details: RunDetails) -> frozenset[tuple[str, ...]]:
    """Return the accounts and Regions that a run couldn't enter."""
    return frozenset(details.unreachable)


def known_before(state: StateDirectory, run: RunFile, settings: Settings, wanted: set[Place]) -> Iterator[CatalogEntry]:
    """Yield what the last run before that could enter them says of `wanted` profiles in accounts that `run` couldn't.

    Blocks.
    """
    shut = not_entered(run.details())
    left, read = {place for place in wanted if place[:2] in shut}, 0
    if not left:
        return
    for earlier in began_before(state, run):
        with suppress(StateError):
            details = earlier.details()
            shut = not_entered(details)
            here = {place for place in left if place[:2] not in shut}
            if details.status not in CARRIED_OUT or not here:
                continue
            read += 1
            for standing, entry in entries_of(earlier.results(), details, settings):
                place = place_of(entry)
                if place in here:
                    left.discard(place)
                    if standing is Standing.THERE:
                        yield entry
        if not left or read == MOST_RUNS:
            return


def is_about_all(details: RunDetails) -> bool:
    """Return whether a run was about the whole estate: what it didn't ask for, no manifest wants."""
    filtered = details.accounts or details.not_accounts or details.regions
    return details.command == "sync" and not filtered


def rest_before(state: StateDirectory, run: RunFile, settings: Settings) -> Iterator[CatalogEntry]:
    """Yield what earlier runs, back to the last one about all, say of profiles that `run` doesn't ask for. Blocks."""
    if is_about_all(run.details()):
        return
    told, read = {_place(outcome) for outcome in run.results()}, 0
    for earlier in began_before(state, run):
        with suppress(StateError):
            details = earlier.details()
            if details.status not in CARRIED_OUT:
                continue
            read += 1
            shut = not_entered(details)
            fresh = [outcome for outcome in earlier.results() if _place(outcome) not in told]
            yield from (entry for standing, entry in entries_of(fresh, details, settings) if standing is Standing.THERE)
            # Also what was disowned or deleted then: what runs before say of it doesn't hold any more.
            told.update(place for place in map(_place, fresh) if place[:2] not in shut)
            if is_about_all(details) or read == MOST_PARTS:
                return


def _place(outcome: Outcome) -> Place:
    return outcome.target.account, outcome.target.region, outcome.name
