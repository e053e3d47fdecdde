"""A run's file while its manifests are read: desired profiles, and what is wrong with rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bulkprof.model import DesiredProfile, Problem, Target
from bulkprof.store import codec, seals
from bulkprof.store.database import Database
from bulkprof.store.rows import columns
from bulkprof.store.schema import BY_TARGET, ONE_NAME


@dataclass(frozen=True, slots=True)
class Clash:
    """Two rows that ask for the same name in the same target."""

    target: Target
    name: str
    file: str
    line: int
    first_file: str
    first_line: int


class PlaceRow(NamedTuple):
    """Where in a manifest an action comes from."""

    id: int
    file: str
    line: int


_TARGET = "SELECT id FROM target WHERE account = ? AND region = ?"
_NEW_TARGET = "INSERT INTO target (account, region) VALUES (?, ?)"
_FIRST = f"SELECT {columns(PlaceRow)} FROM action WHERE target = ? AND name = ? AND wanted = 1"


class Wanted(Database):
    """What a run's manifests ask for."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        super().__init__(path, connection)
        self._targets: dict[tuple[str, str], int] = {}
        """The ids of those that were asked for: not all are read, since many a file is opened for a few values only."""
        self.form: Callable[[DesiredProfile], codec.Desired] = codec.from_desired
        """Makes of a desired profile what `add_desired` takes."""

    def make_fleeting(self) -> None:
        """As for any database; of desired profiles, just what counts and clashes need is kept."""
        super().make_fleeting()
        self.form = codec.brief

    def add_desired(self, profiles: Sequence[codec.Desired]) -> list[Clash]:
        """Take desired profiles in, and return those whose name another row already asked for in the same target."""
        if not profiles:
            return []
        insert = codec.INSERT_BRIEF if self.form is codec.brief else codec.INSERT_DESIRED
        with self._transaction():
            values = [(self._target_id(profile[0]), *profile[1:]) for profile in profiles]
            # Here, since a file of bulkprof 0.1.0 may lack the index until its manifests are read whole.
            self._db.execute(ONE_NAME)
            last = self._number("SELECT coalesce(max(id), 0) FROM action")
            # All at once takes half the time; which of them clashed is asked only where one did.
            if self._db.executemany(insert, values).rowcount == len(values):
                return []
            return list(self._clashes(profiles, last))

    def _clashes(self, profiles: Iterable[codec.Desired], last: int) -> Iterator[Clash]:
        """Return those of `profiles` that weren't taken in, where `last` was the newest row before."""
        taken: set[int] = set()
        for place, name, file, line, *_ in profiles:
            (first,) = self._rows(PlaceRow, _FIRST, (self._target_id(place), name))
            if first.id <= last or first.id in taken:
                yield Clash(Target(*place), name, file, line, first.file, first.line)
            taken.add(first.id)

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Keep problems; the rows of those that are errors count as invalid."""
        with self._transaction():
            seals.unseal(self._db, seals.INVALID_ROWS)
            for problem in problems:
                self._db.execute(codec.INSERT_PROBLEM, codec.from_problem(problem))
                if problem.is_error:
                    self._db.execute("INSERT OR IGNORE INTO invalid VALUES (?, ?)", (problem.file, problem.line))

    def add_invalid(self, file: str, line: int) -> None:
        """Count a row as invalid whose problem is told at another row (the first of two equal names)."""
        with self._transaction():
            seals.unseal(self._db, seals.INVALID_ROWS)
            self._db.execute("INSERT OR IGNORE INTO invalid VALUES (?, ?)", (file, line))

    def clear_intake(self) -> None:
        """Take everything back that intake wrote, before manifests are read again."""
        with self._transaction():
            self._db.execute("DROP INDEX IF EXISTS action_target")
            for table in ("action", "target", "problem", "invalid"):
                self._db.execute(f"DELETE FROM {table}")
            seals.unseal(self._db)
        self._targets.clear()

    def end_intake(self) -> None:
        """Leave out the invalid rows, and make the others found by target: all at once is cheaper than row by row."""
        self.drop_invalid()
        if self.form is not codec.brief:
            with self._transaction():
                self._db.execute(BY_TARGET)

    def drop_invalid(self) -> None:
        """Leave out whatever invalid rows asked for: a row with a problem is left out whole.

        What an earlier process of the run did for such a row stays on record.
        """
        if not self.invalid_count():
            return
        doomed = (
            "wanted = 1 AND (file, line) IN (SELECT file, line FROM invalid) AND id NOT IN (SELECT action FROM outcome)"
        )
        with self._transaction():
            if sealed := seals.sealed(self._db):
                # Before anything is planned, there is nothing to seal.
                concerned = {target for (target,) in self._db.execute(f"SELECT target FROM action WHERE {doomed}")}
                sealed = (sealed & concerned) | {seals.INVALID_ROWS}
            self._db.execute(f"DELETE FROM action WHERE {doomed}")
            for target in sealed:
                seals.seal(self._db, target)

    def problems(self) -> Iterator[Problem]:
        """Return all problems, in the order in which they were found."""
        for row in self._rows(codec.ProblemRow, codec.SELECT_PROBLEM):
            yield codec.to_problem(row)

    def error_count(self) -> int:
        """Return how many problems make a row invalid."""
        return self._number("SELECT count(*) FROM problem WHERE severity = 'error'")

    def invalid_count(self) -> int:
        """Return how many manifest rows are invalid."""
        return self._number("SELECT count(*) FROM invalid")

    def unreadable_count(self) -> int:
        """Return how many of the invalid rows are none, but manifests that can't be read as a whole."""
        return self._number("SELECT count(*) FROM invalid WHERE line = 0")

    def _id_of(self, target: Target) -> int:
        return self._target_id((target.account, target.region))

    def _target_id(self, place: tuple[str, str]) -> int:
        found = self._targets.get(place)
        if found is None:
            known = [number for (number,) in self._db.execute(_TARGET, place)]
            found = known.pop() if known else self._db.execute(_NEW_TARGET, place).lastrowid or 0
            self._targets[place] = found
        return found
