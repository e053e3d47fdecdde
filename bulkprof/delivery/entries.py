"""What a run's catalog says at its end, for its sinks, read from run files in batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from bulkprof.config import Settings
from bulkprof.model import OutcomeKind
from bulkprof.plugins import CatalogEntry
from bulkprof.reports.catalog import Standing, entries_of, place_of
from bulkprof.reports.known_before import known_before, not_entered, rest_before
from bulkprof.store.history.compare import Place, changing_later, later_changes
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.run import RunFile

_BATCH = 200


@dataclass(frozen=True, slots=True)
class RunEntries:
    """The entries of one run's catalog."""

    run: RunFile
    state: StateDirectory
    """Where the run belongs."""
    settings: Settings

    async def there(self) -> AsyncIterator[Sequence[CatalogEntry]]:
        """Yield those of profiles that are wanted and exist, as later runs left them."""
        outdated: set[Place] = set()
        async for batch in self._own(Standing.THERE, outdated):
            yield batch
        if outdated:
            async for batch in self._off_loop(self._newest(outdated)):
                yield batch

    async def kept(self) -> AsyncIterator[Sequence[CatalogEntry]]:
        """Yield those of profiles that the run says nothing of, as other runs know them.

        They are wanted profiles in accounts that it couldn't enter, and the rest where it was about a part only.
        """
        rest = rest_before(self.state, self.run, self.settings)
        async for batch in self._off_loop(iter(lambda: list(islice(rest, _BATCH)), [])):
            yield batch
        wanted = await self.run.off_loop(self._not_entered)
        if wanted:
            async for batch in self._off_loop(self._newest(wanted)):
                yield batch
            before = known_before(self.state, self.run, self.settings, wanted)
            async for batch in self._off_loop(iter(lambda: list(islice(before, _BATCH)), [])):
                yield batch

    async def gone(self) -> AsyncIterator[Sequence[CatalogEntry]]:
        """Yield those of profiles that the run deleted, and that no later run made again."""
        if (await self.run.off_loop(self.run.outcome_counts)).get(OutcomeKind.DELETED):
            async for batch in self._own(Standing.GONE, set()):
                yield batch

    async def later(self) -> AsyncIterator[Sequence[CatalogEntry]]:
        """Yield both of the runs that began later, ended later and changed something."""
        async for batch in self._off_loop(self._of_later_runs()):
            yield batch

    def _not_entered(self) -> set[Place]:
        details = self.run.details()
        if not (closed := not_entered(details)):
            return set()
        entries = entries_of(self.run.results(), details, self.settings)
        missing = {place_of(entry) for standing, entry in entries if standing is Standing.MISSING}
        return {place for place in missing if place[:2] in closed}

    async def _own(self, standing: Standing, outdated: set[Place]) -> AsyncIterator[Sequence[CatalogEntry]]:
        """Yield the entries that still hold; of the others, the profile's place is added to `outdated`."""
        gone = standing is Standing.GONE
        # Also of rows that a stopped run didn't come to: their profiles may exist.
        details = await self.run.off_loop(self.run.details)
        outcomes = self.run.results([kind for kind in OutcomeKind if (kind is OutcomeKind.DELETED) is gone])
        # A delivery that is made up for must not bring back what a later run has replaced.
        later = await self.run.off_loop(partial(later_changes, self.state, self.run))
        while batch := await self.run.off_loop(lambda: list(islice(outcomes, _BATCH))):
            holding = []
            for found, entry in entries_of(batch, details, self.settings):
                if found is standing and later.outdate(place_of(entry), entry.arn):
                    outdated.add(place_of(entry))
                elif found is standing:
                    holding.append(entry)
            yield holding

    def _newest(self, wanted: set[Place]) -> Iterator[Sequence[CatalogEntry]]:
        """Yield what the last run that knows these profiles says, where they are there; those are no more `wanted`."""
        for run in changing_later(self.state, self.run):
            told: set[Place] = set()
            closed = not_entered(run.details())
            for batch in self._all(run):
                found = [(standing, entry) for standing, entry in batch if place_of(entry) in wanted]
                known = [(standing, entry) for standing, entry in found if place_of(entry)[:2] not in closed]
                told.update(place_of(entry) for _, entry in known)
                yield [entry for standing, entry in known if standing is Standing.THERE]
            wanted -= told
            if not wanted:
                return

    def _of_later_runs(self) -> Iterator[Sequence[CatalogEntry]]:
        # Kept at each run's end, to less than a second: a later run that this one was resumed after ended before it.
        ended = self.run.knows_lost_at
        for run in changing_later(self.state, self.run):
            if run.knows_lost_at > ended and any(kind.is_change for kind in run.outcome_counts()):
                for batch in self._all(run):
                    yield [entry for standing, entry in batch if standing is not Standing.MISSING]

    def _all(self, run: RunFile) -> Iterator[list[tuple[Standing, CatalogEntry]]]:
        details, outcomes = run.details(), run.results()
        while batch := list(islice(outcomes, _BATCH)):
            yield list(entries_of(batch, details, self.settings))

    async def _off_loop(self, batches: Iterator[Sequence[CatalogEntry]]) -> AsyncIterator[Sequence[CatalogEntry]]:
        while (batch := await self.run.off_loop(partial(next, batches, None))) is not None:
            yield batch
