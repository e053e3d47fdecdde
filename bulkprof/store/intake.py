"""A run's file while its manifests are read: desired profiles, and what is wrong with rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bulkprof.manifests.workbooks.places import located
from bulkprof.model import DesiredProfile, Problem, Target
from bulkprof.store import codec, seals
from bulkprof.store.database import Database
from bulkprof.store.rows import columns, keys
from bulkprof.store.schema import BY_TARGET, ONE_NAME


@dataclass(frozen=True, slots=True)
class Clash:
    """Two rows that ask for the same name in the same target."""

    target: Target
    name: str
    file: str
    line: int
    row: int
    """Which of the rows that begin on the line, as in a `Request`."""
    first_file: str
    first_line: int
    first_row: int
    given: str = ""
    """What the name was made of; empty where that is the name itself."""
    first_given: str = ""


class SheetRow(NamedTuple):
    """A row of a manifest as it is written."""

    first: int
    """Which of the desired profiles that are taken in with it is its first."""
    columns: tuple[str, ...]
    cells: str
    """A JSON list."""


class CellsRow(NamedTuple):
    """What is read of such a row."""

    names: str
    cells: str


class NamesRow(NamedTuple):
    """What is read of a set of columns."""

    names: str


class ClashRow(NamedTuple):
    """What is read of two such rows."""

    id: int
    account: str
    region: str
    name: str
    file: str
    line: int
    row: int
    first_file: str
    first_line: int
    first_row: int
    given: str
    first_given: str


class Merged(NamedTuple):
    """Different values that became one."""

    column: str
    value: str
    number: int
    """How many they are."""


class GivenRow(NamedTuple):
    """A value as it was given, and the first row that has it."""

    given: str
    file: str
    line: int
    row: int


_TARGET = "SELECT id FROM target WHERE account = ? AND region = ?"
_NEW_TARGET = "INSERT INTO target (account, region) VALUES (?, ?)"
_INSERT_COLUMNS = "INSERT INTO sheet_columns (names) VALUES (?) ON CONFLICT DO NOTHING"
_INSERT_SHEET_ROW = (
    # Where a row asks for nothing, the next one's first profile has the same number.
    "INSERT OR REPLACE INTO sheet_row SELECT ?, id, ? FROM sheet_columns WHERE names = ?"
)
_SHEET_ROW = (
    "SELECT c.names AS names, r.cells AS cells FROM sheet_row r JOIN sheet_columns c ON c.id = r.columns "
    "WHERE r.first <= ? ORDER BY r.first DESC LIMIT 1"
)
_FIND_CLASHES = """
CREATE TEMP TABLE IF NOT EXISTS clash (id INTEGER PRIMARY KEY, first INTEGER NOT NULL);
DELETE FROM clash;
INSERT INTO clash SELECT id, first FROM
    (SELECT id, min(id) OVER (PARTITION BY target, name) AS first FROM action WHERE wanted = 1) WHERE id > first;
"""
# What was cleaned concerns the reading alone: it is kept beside the file. It may be too much for memory.
_CLEANED = """
CREATE TEMP TABLE IF NOT EXISTS cleaned_name (file TEXT, line INTEGER, row INTEGER, name TEXT, given TEXT,
    PRIMARY KEY (file, line, row, name)) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS cleaned_tag (id INTEGER PRIMARY KEY, col TEXT, value TEXT, given TEXT, file TEXT,
    line INTEGER, row INTEGER, UNIQUE (col, value, given));
"""
_ADD_NAME = "INSERT OR IGNORE INTO cleaned_name VALUES (?, ?, ?, ?, ?)"
_ADD_TAG = "INSERT OR IGNORE INTO cleaned_tag (col, value, given, file, line, row) VALUES (?, ?, ?, ?, ?, ?)"
_MERGED = (
    "SELECT col AS column, value, count(*) AS number FROM cleaned_tag GROUP BY col, value HAVING count(*) > 1 "
    "ORDER BY min(id)"
)
_GIVEN = f"SELECT {columns(GivenRow)} FROM cleaned_tag WHERE col = ? AND value = ? ORDER BY id LIMIT ?"
_ELSEWHERE = {
    "account": "t.account",
    "region": "t.region",
    "first_file": "f.file",
    "first_line": "f.line",
    "first_row": "f.row",
    "given": "coalesce(n.given, '')",
    "first_given": "coalesce(o.given, '')",
}
_CLASHES = (
    f"SELECT {columns(ClashRow, 'a', **_ELSEWHERE)} "
    "FROM clash c JOIN action a ON a.id = c.id JOIN action f ON f.id = c.first JOIN target t ON t.id = a.target "
    "LEFT JOIN cleaned_name n ON n.file = a.file AND n.line = a.line AND n.row = a.row AND n.name = a.name "
    "LEFT JOIN cleaned_name o ON o.file = f.file AND o.line = f.line AND o.row = f.row AND o.name = f.name "
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

    @property
    def keeps_sheets(self) -> bool:
        """Whether rows are kept as they are written, too."""
        return self.form is not codec.brief and self.details().results_columns

    def add_desired(self, profiles: Sequence[codec.Desired], sheet: Sequence[SheetRow] = ()) -> None:
        """Take desired profiles in; which of them clash is asked once all are.

        `sheet` are the rows that they are of, where they are kept.
        """
        insert = codec.INSERT_BRIEF if self.form is codec.brief else codec.INSERT_DESIRED
        with self._transaction():
            if sheet:
                self._add_sheet(sheet)
            self._db.executemany(insert, ((self._target_id(profile[0]), *profile[1:]) for profile in profiles))

    def _add_sheet(self, sheet: Sequence[SheetRow]) -> None:
        """Keep rows, before their profiles come: those get the numbers that follow the last one's."""
        following = self._number("SELECT coalesce(max(id), 0) + 1 FROM action")
        names = {row.columns: codec.encode(row.columns) for row in sheet}
        self._db.executemany(_INSERT_COLUMNS, [(each,) for each in names.values()])
        self._db.executemany(
            _INSERT_SHEET_ROW, [(following + row.first, row.cells, names[row.columns]) for row in sheet]
        )

    def sheet_columns(self) -> list[str]:
        """Return the manifests' own columns, as they are written and in their order; none where they aren't kept."""
        found = self._rows(NamesRow, "SELECT names FROM sheet_columns ORDER BY id")
        return list(dict.fromkeys(name for row in found for name in keys(row.names)))

    def sheet_row(self, action: int) -> Mapping[str, Any]:
        """Return the row that a desired profile is of, by its columns; empty where rows aren't kept."""
        for row in self._rows(CellsRow, _SHEET_ROW, (action,)):
            return dict(zip(keys(row.names), keys(row.cells), strict=False))
        return {}

    def clashes(self) -> Iterator[list[Clash]]:
        """Yield the rows whose name an earlier row asks for in the same target, in their order, some thousands at once.

        They are left out only when they count as invalid.
        """
        try:
            # One sort of all names is a third of what keeping them in order row by row takes.
            self._db.execute(ONE_NAME)
        except sqlite3.IntegrityError:
            self._db.executescript(_CLEANED + _FIND_CLASHES)
        else:
            return
        last = 0
        while found := list(self._rows(ClashRow, _CLASHES, (last, CLASHES))):
            yield [Clash(Target(row.account, row.region), *row[3:]) for row in found]
            last = found[-1].id

    def add_cleaned(
        self, names: Iterable[tuple[str, int, int, str, str]], tags: Iterable[tuple[str, str, str, str, int, int]]
    ) -> None:
        """Remember what was cleaned while manifests are read.

        Names come as file, line, row, name and what it was made of; tags as column, value, what it was made of, file,
        line, row.
        """
        self._db.executescript(_CLEANED)
        with self._transaction():
            self._db.executemany(_ADD_NAME, names)
            self._db.executemany(_ADD_TAG, tags)

    def merged(self, most: int) -> Iterator[tuple[Merged, list[GivenRow]]]:
        """Yield the tags' values that different ones became by cleaning, with at most so many of these."""
        self._db.executescript(_CLEANED)
        for found in self._rows(Merged, _MERGED):
            yield found, list(self._rows(GivenRow, _GIVEN, (found.column, found.value, most)))

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Keep problems; the rows of those that are errors count as invalid."""
        with self._transaction():
            seals.unseal(self._db, seals.INVALID_ROWS)
            for problem in problems:
                self._db.execute(codec.INSERT_PROBLEM, codec.from_problem(problem))
                if problem.is_error:
                    self._db.execute(codec.INSERT_INVALID, (problem.file, problem.line, problem.row))

    def add_invalid(self, rows: Iterable[tuple[str, int, int]]) -> None:
        """Count rows, by file, line and row, as invalid whose problem is told at others (the first of equal names)."""
        with self._transaction():
            seals.unseal(self._db, seals.INVALID_ROWS)
            self._db.executemany(codec.INSERT_INVALID, rows)

    def clear_intake(self) -> None:
        """Take everything back that intake wrote, before manifests are read again."""
        with self._transaction():
            for index in ("one_name", "action_target"):
                self._db.execute(f"DROP INDEX IF EXISTS {index}")
            for table in ("action", "target", "problem", "invalid", "sheet_row", "sheet_columns"):
                self._db.execute(f"DELETE FROM {table}")
            for table in ("cleaned_name", "cleaned_tag"):
                self._db.execute(f"DROP TABLE IF EXISTS temp.{table}")
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
            "wanted = 1 AND (file, line, row) IN (SELECT file, line, row FROM invalid) "
            "AND id NOT IN (SELECT action FROM outcome)"
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
