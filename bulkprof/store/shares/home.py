"""A run's file where shares come home to it: what was planned, outcomes, calls, names without a profile.

Bringing the same share home again changes nothing, and of two copies of one share the first outcome of each action
stands. All of a share comes in one transaction, so a process that is killed meanwhile can be started again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bulkprof.errors import StateError
from bulkprof.model import Problem
from bulkprof.statuses import RunStatus
from bulkprof.store import codec, seals
from bulkprof.store.details import RunDetails
from bulkprof.store.errors import damaged
from bulkprof.store.parts.call_times import CallTimesTable
from bulkprof.store.shares import rows
from bulkprof.store.shares.carried import Carried, Phase, carried
from bulkprof.system import clocks
from bulkprof.totals import CallCount, Slices

_OPEN = "id NOT IN (SELECT action FROM outcome)"
_PLAN_OF = f"SELECT {rows.listed(rows.PLANNED)}, id FROM action WHERE target = ? AND wanted = 1 AND kind IS NOT NULL"
_UPDATE_PLAN = (
    f"UPDATE action SET {', '.join(f'{name} = ?' for name in rows.PLANNED)} WHERE id = ? AND wanted = 1 AND {_OPEN}"
)
_DELETION = (
    *("id", "target", "name", "kind", "arn", "tags", "reason"),
    *("refusal_code", "refusal_message", "refusal_outcome"),
)
_DELETIONS = f"SELECT {rows.listed(_DELETION)} FROM action WHERE target = ? AND wanted = 0 ORDER BY id"
_TARGETS = "SELECT id, account, region FROM target"
_TARGET = "SELECT id FROM target WHERE account = ? AND region = ?"
_UPDATE_DELETION = (
    "UPDATE action SET kind = ?, arn = ?, tags = ?, reason = ?, refusal_code = ?, refusal_message = ?, "
    f"refusal_outcome = ? WHERE id = ? AND {_OPEN}"
)
_OUTCOMES = f"SELECT {rows.listed(rows.OUTCOME[1:])} FROM outcome ORDER BY seq"
_NEW_PROBLEM = (
    f"{rows.insert('problem', rows.PROBLEM).replace('VALUES (', 'SELECT ').removesuffix(')')} WHERE NOT EXISTS ("
    f"SELECT 1 FROM problem WHERE {' AND '.join(f'{name} IS ?' for name in rows.PROBLEM)})"
)


@dataclass(frozen=True, slots=True)
class Homecoming:
    """A share that came home."""

    share: Carried
    details: RunDetails
    """What its file says of itself."""
    seq: int
    """The number of the run's last outcome before: those after it are the share's."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with rows, as it was found there; those that were known are left out."""

    @property
    def ended(self) -> bool:
        """Whether all that was to be done there is done."""
        done = RunStatus.PLANNED if self.share.phase is Phase.PLAN else RunStatus.FINISHED
        return self.details.status is done and (bool(self.details.seen) or self.share.phase is Phase.APPLY)


class Home(CallTimesTable):
    """The part of a run's file that takes shares in."""

    def bring_home(self, path: Path) -> Homecoming:
        """Take a share in. Raises `StateError` for what isn't a share of this run, and `DamagedError`."""
        with type(self).look_at(path) as share:
            share.check()
            details = share.details()
            found = carried(details)
            mine = self.details()
            if found is None:
                raise StateError(f"{path}: is no share, but {'a plan' if details.id != mine.id else 'its plan itself'}")
            if found.plan != mine.id:
                raise StateError(f"{path}: is a share of plan {found.plan}, and not of {mine.id}")
            if details.token_seed != (mine.token_seed or mine.id):
                raise StateError(
                    f"{path}: is of another cut of plan {mine.id} than the shares that came home; make a new plan, "
                    "which finds what it did"
                )
            before = self._number("SELECT coalesce(max(seq), 0) FROM outcome")
            known = mine.shares.get(found.key, {})
            if known.get("ended"):
                return Homecoming(found, details, before)
            places = self._places_of(share, path)
            calls, times = share.calls(), share.call_times()
            with self._transaction():
                changed = self._changed(share, places)
                numbers = self._take_plan(share, changed)
                self._take_outcomes(share, numbers)
                self._take_targets(share, places, changed)
                problems = self._take_problems(share)
                until = self._take_calls(calls, times, known)
                home = Homecoming(found, details, before, tuple(problems))
                memory = {"calls": _as_json(calls), "until": until, "ended": home.ended}
                self._write_meta(shares={**mine.shares, found.key: memory}, alive=clocks.moment())
            return home

    def _places_of(self, share: Home, path: Path) -> dict[int, int]:
        """Return the run's number of each target of the share, by the share's."""
        found: dict[int, int] = {}
        for number, *place in share._db.execute(_TARGETS):
            mine = self._db.execute(_TARGET, place).fetchone()
            if mine is None:
                raise damaged(path, "it holds a target that its run doesn't have")
            found[number] = mine[0]
        return found

    def _changed(self, share: Home, places: Mapping[int, int]) -> dict[int, int]:
        """Return those of the targets whose plan isn't the run's, as their seals tell: most are found as planned."""
        seals_there = {target: seal for target, *seal in share._db.execute("SELECT target, actions, digest FROM seal")}
        mine = "SELECT actions, digest FROM seal WHERE target = ?"
        return {
            target: number
            for target, number in places.items()
            if target not in seals_there or self._db.execute(mine, (number,)).fetchone() != tuple(seals_there[target])
        }

    def _take_plan(self, share: Home, places: Mapping[int, int]) -> dict[int, int]:
        """Take over what is planned. Return the run's number of each planned deletion, by the share's."""
        for target in places:
            self._db.executemany(_UPDATE_PLAN, share._db.execute(_PLAN_OF, (target,)))
        mine = {
            (target, arn): number
            for target in places.values()
            for number, arn in self._db.execute("SELECT id, arn FROM action WHERE target = ? AND wanted = 0", (target,))
        }
        numbers: dict[int, int] = {}
        found = (row for target in places for row in share._db.execute(_DELETIONS, (target,)))
        for number, target, name, *planned in found:
            # A worker plans deletions anew, under numbers of its own.
            place = (places[target], planned[1])
            if place in mine:
                numbers[number] = mine.pop(place)
                self._db.execute(_UPDATE_DELETION, (*planned, numbers[number]))
            else:
                inserted = self._db.execute(codec.INSERT_DELETION, (place[0], name, *planned))
                numbers[number] = inserted.lastrowid or 0
        # What isn't needed any more.
        self._db.executemany(f"DELETE FROM action WHERE id = ? AND {_OPEN}", [(number,) for number in mine.values()])
        return numbers

    def _take_outcomes(self, share: Home, numbers: Mapping[int, int]) -> None:
        found = share._db.execute(_OUTCOMES)
        self._db.executemany(codec.INSERT_OUTCOME, ((numbers.get(action, action), *rest) for action, *rest in found))

    def _take_targets(self, share: Home, places: Mapping[int, int], changed: Mapping[int, int]) -> None:
        """Take over how far targets were begun, and which names are without a profile there; seal what is planned."""
        begun = [(number, places[target]) for target, number in share._db.execute("SELECT id, begun FROM target")]
        self._db.executemany("UPDATE target SET begun = max(begun, ?) WHERE id = ?", begun)
        there = share._db.execute("SELECT account, region FROM target")
        self._db.executemany("DELETE FROM replacement WHERE account = ? AND region = ?", there)
        lost = share._db.execute(f"SELECT {rows.listed(rows.REPLACEMENT)} FROM replacement")
        self._db.executemany(rows.insert("replacement", rows.REPLACEMENT), lost)
        for target in seals.sealed(share._db) & changed.keys():
            seals.seal(self._db, changed[target])

    def _take_problems(self, share: Home) -> list[Problem]:
        """Take over what was found wrong with rows. Return what wasn't known."""
        new = []
        for row in share._rows(codec.ProblemRow, codec.SELECT_PROBLEM):
            values = (row.file, row.line, row.col, row.value, row.message, row.remedy, row.severity, row.row)
            if self._db.execute(_NEW_PROBLEM, (*values, *values)).rowcount > 0:
                new.append(codec.to_problem(row))
        if new:
            seals.unseal(self._db, seals.INVALID_ROWS)
            invalid = share._db.execute(f"SELECT {rows.listed(rows.INVALID)} FROM invalid")
            self._db.executemany(codec.INSERT_INVALID, invalid)
        return new

    def _take_calls(self, calls: Mapping[str, CallCount], times: Slices, known: Mapping[str, Any]) -> int:
        """Count the calls that aren't counted yet. Return up to which second they are, slice by slice."""
        counted: Mapping[str, Collection[int]] = known.get("calls", {})
        for operation, count in calls.items():
            now = (count.sent, count.throttled, count.failed)
            more = [max(0, n - b) for n, b in zip(now, counted.get(operation, (0, 0, 0)), strict=True)]
            self._db.execute(codec.ADD_CALLS, (operation, *more))
        until = int(known.get("until", 0))
        self._add_times(
            {
                operation: {at: count for at, count in slices.items() if at > until}
                for operation, slices in times.items()
            }
        )
        return max([until, *(at for slices in times.values() for at in slices)])


def _as_json(calls: Mapping[str, CallCount]) -> dict[str, list[int]]:
    return {operation: [count.sent, count.throttled, count.failed] for operation, count in calls.items()}
