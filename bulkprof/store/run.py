"""A run as one SQLite file: its desired profiles, its plan, its outcomes, and what sinks got of them.

Planning writes rows, safety counts them, the engine turns each into an outcome, reports read them. The file is
the record of a run and never the truth about AWS: whatever is in doubt is observed again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bulkprof.model import CHANGED, Action, ActionKind, Outcome, OutcomeKind, Target, Turn
from bulkprof.store import codec, seals
from bulkprof.store.database import speaking_of
from bulkprof.store.lost import TURN, Lost
from bulkprof.store.parts.deliveries import Deliveries
from bulkprof.store.parts.quiet import Quiet
from bulkprof.store.rows import (
    BegunRow,
    ChangeRow,
    CountRow,
    EndedRow,
    SourceRow,
    TargetRow,
    TotalRow,
    WantedRow,
    columns,
    mapping,
    word,
    words,
)
from bulkprof.store.shares.cut import Cutting
from bulkprof.store.shares.home import Home
from bulkprof.totals import CallCount, Slices

PAGE = 500
"""Rows that are held at once where all are read."""


@dataclass(frozen=True, slots=True)
class DesiredRow:
    """A desired profile as it was taken in, with the row's own columns."""

    name: str
    target: Target
    model: str
    description: str | None
    tags: Mapping[str, str]
    attributes: Mapping[str, str]


REFUSED = "refused"
"""Stands for the kind of actions that are refused, whatever they are."""
_CHANGES = {
    **{
        str(kind): f"(a.kind = '{kind}' AND a.refusal_code IS NULL)"
        for kind in ActionKind
        if kind is not ActionKind.NONE
    },
    REFUSED: "a.refusal_code IS NOT NULL",
}
"""What changes something or is refused, kind by kind."""
_PLACE = {"account": "t.account", "region": "t.region"}
_TOTAL = "SELECT coalesce(sum(wanted), 0) AS desired, coalesce(sum(1 - wanted), 0) AS deletions FROM action"
_DONE = (
    f"SELECT {columns(ChangeRow, 'o', **_PLACE, name='a.name')} FROM outcome o "
    "JOIN action a ON a.id = o.action JOIN target t ON t.id = a.target "
    f"WHERE o.kind IN {words(CHANGED)} "
    f"OR (o.kind = '{OutcomeKind.FAILED}' AND o.arn <> '' AND o.old_arn <> '') ORDER BY o.seq"
)


class RunFile(Lost, Deliveries, Quiet, Cutting, Home):
    """One run's file, table by table."""

    # The plan

    def targets(self) -> list[Target]:
        """Return every target that a row asks for, in order."""
        return self._targets_where("id IN (SELECT DISTINCT target FROM action)")

    def sources(self, limit: int) -> list[tuple[str, Target]]:
        """Return the first few different model sources, with the first target that wants each."""
        sources = self._db.execute("SELECT DISTINCT source FROM action LIMIT ?", (limit,)).fetchall()
        first = (
            f"SELECT {columns(SourceRow, 'a', **_PLACE)} FROM action a JOIN target t ON t.id = a.target "
            "WHERE a.source = ? ORDER BY a.id LIMIT 1"
        )
        found = sorted(row for source in sources for row in self._rows(SourceRow, first, source))
        return [(row.source, Target(row.account, row.region)) for row in found]

    def wanted(self, target: Target) -> list[Action]:
        """Return the desired profiles of one target, with what is planned for them so far."""
        return self._actions("WHERE a.target = ? AND a.wanted = 1", (self._id_of(target),))

    def deletions(self, target: Target) -> list[Action]:
        """Return the planned deletions of one target."""
        return self._actions("WHERE a.target = ? AND a.wanted = 0", (self._id_of(target),))

    def save_plan(self, actions: Iterable[Action], *, anew: Target | None = None) -> None:
        """Write what is planned: updates the rows of desired profiles, adds rows (id 0) for deletions.

        `anew` is the target whose planned deletions that have no outcome are taken back first, in the same transaction.
        """
        with self._transaction():
            if anew is not None:
                self._db.execute(
                    "DELETE FROM action WHERE target = ? AND wanted = 0 AND id NOT IN (SELECT action FROM outcome)",
                    (self._id_of(anew),),
                )
            targets = set() if anew is None else {self._id_of(anew)}
            for action in actions:
                targets.add(self._id_of(action.target))
                if action.id:
                    self._db.execute(codec.UPDATE_PLAN, (*codec.from_plan(action), action.id))
                else:
                    self._db.execute(codec.INSERT_DELETION, codec.from_deletion(self._id_of(action.target), action))
            for target in targets:
                seals.seal(self._db, target)

    def plan_counts(self) -> dict[Target, dict[ActionKind, int]]:
        """Return how many actions of each kind each target has; refused ones are not counted."""
        return self._counts("a.kind", "a.kind IS NOT NULL AND a.refusal_code IS NULL")

    def refused_count(self) -> int:
        """Return how many actions are refused."""
        return self._number("SELECT count(*) FROM action WHERE refusal_code IS NOT NULL")

    def refused_counts(self) -> dict[Target, int]:
        """Return how many actions are refused in each target that has such, read all at once."""
        found = self._counts("'none'", "a.refusal_code IS NOT NULL")
        return {target: counts[ActionKind.NONE] for target, counts in found.items()}

    def actions(self) -> Iterator[Action]:
        """Return every action, target by target, read in pages so that writes may come in between."""
        return self._by_target("")

    def changes(self) -> Iterator[Action]:
        """Return actions like `actions`, but only those that change something or are refused."""
        return self._by_target("AND (a.kind <> 'none' OR a.refusal_code IS NOT NULL)")

    def first_changes(self, each: int | None, there: Mapping[Target, Mapping[str, int]]) -> Iterator[Action]:
        """Return actions like `changes`, but only the first of each kind, `each` many; all for None.

        `there` says how many of each kind, or `REFUSED`, a target has; what it leaves out isn't read.
        """
        room = dict.fromkeys(_CHANGES, each)
        for target, counts in sorted(there.items()):
            kinds = [kind for kind in _CHANGES if counts.get(kind) and room[kind] != 0]
            if each is None and kinds:
                where = " OR ".join(_CHANGES[kind] for kind in kinds)
                yield from self._in_pages(target, f"AND ({where})")
                continue
            found = [
                action
                for kind in kinds
                for action in self._actions(
                    f"WHERE a.target = ? AND {_CHANGES[kind]}", (self._id_of(target),), limit=room[kind] or 0
                )
            ]
            for kind in kinds:
                room[kind] = max(0, (room[kind] or 0) - counts[kind])
            yield from sorted(found, key=lambda action: action.id)

    def _by_target(self, condition: str) -> Iterator[Action]:
        for target in self.targets():
            yield from self._in_pages(target, condition)

    def _in_pages(self, target: Target, condition: str) -> Iterator[Action]:
        last = 0
        where = f"WHERE a.target = ? AND a.id > ? {condition}"
        while page := self._actions(where, (self._id_of(target), last), limit=PAGE):
            yield from page
            last = page[-1].id

    # Execution

    def pending(self, target: Target, after: int, limit: int, turn: Turn | None = None) -> list[Action]:
        """Return planned actions of `target` without an outcome, by id, after the id `after`, of one turn or all."""
        where = "WHERE a.target = ? AND a.id > ? AND a.id NOT IN (SELECT action FROM outcome)"
        values: tuple[object, ...] = (self._id_of(target), after)
        if turn is not None:
            where += f" AND {TURN} = ?"
            values += (turn,)
        return self._actions(where, values, limit=limit)

    def take_up(self, target: Target, after: int, limit: int, turn: Turn | None = None) -> list[Action]:
        """Return actions like `pending`, with a note that these may be sent from now on, which outlives a kill."""
        page = self.pending(target, after, limit, turn)
        if page:
            with self._transaction():
                self._db.execute(
                    "UPDATE target SET begun = max(begun, ?) WHERE id = ?", (page[-1].id, self._id_of(target))
                )
        return page

    def turns(self, target: Target) -> list[Turn]:
        """Return the turns in which the pending actions of `target` come, in order."""
        found = self._db.execute(
            f"SELECT DISTINCT {TURN} FROM action a JOIN target t ON t.id = a.target "
            "WHERE a.target = ? AND a.id NOT IN (SELECT action FROM outcome) ORDER BY 1",
            (self._id_of(target),),
        )
        return [Turn(turn) for (turn,) in found]

    def begun(self, target: Target) -> int:
        """Return the greatest id of `target`'s actions that were taken up so far: those after it were never sent."""
        (row,) = self._rows(BegunRow, "SELECT begun FROM target WHERE id = ?", (self._id_of(target),))
        return row.begun

    def pending_targets(self) -> list[Target]:
        """Return the targets that still have actions without an outcome."""
        return self._targets_where(
            "id IN (SELECT DISTINCT target FROM action WHERE id NOT IN (SELECT action FROM outcome))"
        )

    def pending_counts(self) -> dict[Target, dict[ActionKind, int]]:
        """Return how many actions of each kind have no outcome yet, by target. Refused ones are `none`."""
        kind = "CASE WHEN a.refusal_code IS NULL THEN coalesce(a.kind, 'none') ELSE 'none' END"
        return self._counts(kind, "a.id NOT IN (SELECT action FROM outcome)")

    def open_count(self) -> int:
        """Return how many actions have no outcome yet."""
        return sum(self.action_counts()) - sum(self.outcome_counts().values())

    def record(
        self, outcomes: Iterable[Outcome], calls: Mapping[str, CallCount] | None = None, times: Slices | None = None
    ) -> None:
        """Commit outcomes as one batch, with the calls since the last one. An action's first outcome stands."""
        with self._transaction():
            self._db.executemany(codec.INSERT_OUTCOME, [codec.from_outcome(outcome) for outcome in outcomes])
            counts = [(name, c.sent, c.throttled, c.failed) for name, c in (calls or {}).items()]
            self._db.executemany(codec.ADD_CALLS, counts)
            if times:
                self._add_times(times)

    def close_unchanged(self, targets: Sequence[Target], most: int) -> list[Outcome]:
        """Record, all at once, that nothing was to be done in those of `targets` where that is so. Return the outcomes.

        Targets in which `most` actions or more are open are left out.
        """
        before = self.close_quiet(targets, most)
        return [outcome for _, outcome in self.outcomes_after(before, -1)]

    def outcomes_after(self, sequence: int, limit: int) -> list[tuple[int, Outcome]]:
        """Return outcomes in the order of their recording, with their sequence numbers, after `sequence`."""
        query = f"{codec.SELECT_OUTCOME} WHERE o.seq > ? ORDER BY o.seq LIMIT ?"
        found = self._rows(codec.OutcomeRow, query, (sequence, limit))
        return [(row.seq, codec.to_outcome(row)) for row in found]

    def results(self, kinds: Collection[OutcomeKind] = tuple(OutcomeKind)) -> Iterator[Outcome]:
        """Return one outcome per action in manifest order, if of `kinds`; what wasn't reached counts as skipped."""
        last = 0
        # A word that isn't of the enum is kept, so that it is found to be damage.
        left_out = frozenset(OutcomeKind).difference(kinds)
        while page := list(self._rows(codec.OutcomeRow, codec.SELECT_RESULTS, (last, PAGE))):
            yield from (codec.to_outcome(row) for row in page if row.kind not in left_out)
            last = page[-1].seq

    def desired(self, outcomes: Collection[OutcomeKind]) -> Iterator[DesiredRow]:
        """Return the desired profiles that ended as one of `outcomes`; those that weren't reached count as skipped."""
        marks = ", ".join("?" * len(outcomes))
        query = (
            f"SELECT {columns(WantedRow, 'a', **_PLACE)} FROM action a "
            f"JOIN target t ON t.id = a.target LEFT JOIN outcome o ON o.action = a.id {codec.OPEN_HERE} "
            f"WHERE a.wanted = 1 AND {codec.KIND_OR_OPEN} IN ({marks}) ORDER BY a.id"
        )
        for row in self._rows(WantedRow, query, tuple(outcomes)):
            target, tags, attributes = Target(row.account, row.region), mapping(row.tags), mapping(row.attributes)
            yield DesiredRow(row.name, target, row.model, row.description, tags, attributes)

    def done(self) -> Iterator[ChangeRow]:
        """Return everything that was changed, in order.

        What failed is among it where a replacement made a profile and still isn't whole.
        """
        yield from self._rows(ChangeRow, _DONE)

    def outcome_counts(self) -> dict[OutcomeKind, int]:
        """Return how many actions ended as what. Together they are all actions that are not pending."""
        with speaking_of(self.path):
            found = self._rows(EndedRow, "SELECT kind, count(*) AS number FROM outcome GROUP BY kind")
            return {word(OutcomeKind, row.kind): row.number for row in found}

    def action_counts(self) -> tuple[int, int]:
        """Return how many desired profiles and how many deletions the run has."""
        (row,) = self._rows(TotalRow, _TOTAL)
        return row.desired, row.deletions

    @property
    def token_seed(self) -> str:
        """What the run's idempotency tokens are derived from."""
        details = self.details()
        return details.token_seed or details.id

    # Inside

    def _actions(self, where: str, values: Sequence[object], *, limit: int = -1) -> list[Action]:
        query = f"{codec.SELECT_ACTION} {where} ORDER BY a.id LIMIT ?"
        return [codec.to_action(row) for row in self._rows(codec.ActionRow, query, (*values, limit))]

    def _targets_where(self, condition: str) -> list[Target]:
        found = self._rows(TargetRow, f"SELECT {columns(TargetRow)} FROM target WHERE {condition}")
        return sorted(Target(row.account, row.region) for row in found)

    def _counts(self, kind: str, condition: str) -> dict[Target, dict[ActionKind, int]]:
        """Count the actions that fulfil the condition, by target and by the SQL expression of their kind."""
        counts: dict[Target, dict[ActionKind, int]] = {}
        query = (
            f"SELECT {columns(CountRow, **_PLACE, kind=kind, number='count(*)')} "
            f"FROM action a JOIN target t ON t.id = a.target WHERE {condition} GROUP BY 1, 2, 3 ORDER BY 1, 2"
        )
        for row in self._rows(CountRow, query):
            counts.setdefault(Target(row.account, row.region), {})[word(ActionKind, row.kind)] = row.number
        return counts
