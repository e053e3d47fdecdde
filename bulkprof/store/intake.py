"""A run's file while its manifests are read: desired profiles, and what is wrong with rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bulkprof.manifests.workbooks.places import located
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


class ClashRow(NamedTuple):
    """What is read of two such rows."""

    id: int
    account: str
    region: str
    name: str
    file: str
    line: int
    first_file: str
    first_line: int


_TARGET = "SELECT id FROM target WHERE account = ? AND region = ?"
_NEW_TARGET = "INSERT INTO target (account, region) VALUES (?, ?)"
_FIND_CLASHES = """
CREATE TEMP TABLE IF NOT EXISTS clash (id INTEGER PRIMARY KEY, first INTEGER NOT NULL);
DELETE FROM clash;
INSERT INTO clash SELECT id, first FROM
    (SELECT id, min(id) OVER (PARTITION BY target, name) AS first FROM action WHERE wanted = 1) WHERE id > first;
"""
_ELSEWHERE = {"account": "t.account", "region": "t.region", "first_file": "f.file", "first_line": "f.line"}
_CLASHES = (
    f"SELECT {columns(ClashRow, 'a', **_ELSEWHERE)} "
    "FROM clash c JOIN action a ON a.id = c.id JOIN action f ON f.id = c.first JOIN target t ON t.id = a.target "
    "WHERE c.id > ? ORDER BY c.id LIMIT ?"
)
CLASHES = 5_000
"""Clashes that are held at once."""


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

    def add_desired(self, profiles: Sequence[codec.Desired]) -> None:
        """Take desired profiles in; which of them clash is asked once all are."""
        insert = codec.INSERT_BRIEF if self.form is codec.brief else codec.INSERT_DESIRED
        with self._transaction():
            self._db.executemany(insert, ((self._target_id(profile[0]), *profile[1:]) for profile in profiles))

    def clashes(self) -> Iterator[list[Clash]]:
        """Yield the rows whose name an earlier row asks for in the same target, in their order, some thousands at once.

        They are left out only when they count as invalid.
        """
        try:
            # One sort of all names is a third of what keeping them in order row by row takes.
            self._db.execute(ONE_NAME)
        except sqlite3.IntegrityError:
            self._db.executescript(_FIND_CLASHES)
        else:
            return
        last = 0
        while found := list(self._rows(ClashRow, _CLASHES, (last, CLASHES))):
            yield [
                Clash(Target(row.account, row.region), row.name, row.file, row.line, row.first_file, row.first_line)
                for row in found
            ]
            last = found[-1].id

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Keep problems; the rows of those that are errors count as invalid."""
        with self._transaction():
            seals.unseal(self._db, seals.INVALID_ROWS)
            for problem in problems:
                self._db.execute(codec.INSERT_PROBLEM, codec.from_problem(problem))
                if problem.is_error:
                    self._db.execute("INSERT OR IGNORE INTO invalid VALUES (?, ?)", (problem.file, problem.line))

    def add_invalid(self, rows: Iterable[tuple[str, int]]) -> None:
        """Count rows, by file and line, as invalid whose problem is told at other rows (the first of equal names)."""
        with self._transaction():
            seals.unseal(self._db, seals.INVALID_ROWS)
            self._db.executemany("INSERT OR IGNORE INTO invalid VALUES (?, ?)", rows)

    def clear_intake(self) -> None:
        """Take everything back that intake wrote, before manifests are read again."""
        with self._transaction():
            for index in ("one_name", "action_target"):
                self._db.execute(f"DROP INDEX IF EXISTS {index}")
            for table in ("action", "target", "problem", "invalid"):
                self._db.execute(f"DELETE FROM {table}")
            seals.unseal(self._db)
        self._targets.clear()

    def end_intake(self) -> None:
        """Leave out the invalid rows, and make the others found by target: all at once is cheaper than row by row."""
        self.drop_invalid()
        if self.form is not codec.brief:
            with self._transaction():
                self._db.execute(ONE_NAME)
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
        sheets = self.details().sheets
        for row in self._rows(codec.ProblemRow, codec.SELECT_PROBLEM):
            yield located(codec.to_problem(row), sheets)

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
