"""A store that keeps a run in memory: all that the engine needs, and no file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bulkprof.engine.outcomes import without_call
from bulkprof.model import Action, ActionKind, Outcome, Target, Turn
from bulkprof.totals import CallCount, LostProfile, Slices

T = TypeVar("T")


@dataclass
class MemoryStore:
    """Planned actions, by target, and what became of them."""

    actions: Iterable[Action]
    known_lost: dict[tuple[Target, str], LostProfile] = field(default_factory=dict)
    """Names that a replacement left without a profile, from an earlier run or noted by this one."""
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    """Calls by operation."""
    noted: list[str] = field(default_factory=list)
    """Names that were noted as open, in order."""
    signs_of_life: int = 0
    _begun: dict[Target, int] = field(default_factory=lambda: defaultdict(int))

    async def off_loop(self, work: Callable[[], T]) -> T:
        return work()

    def pending(self, target: Target, after: int, limit: int) -> list[Action]:
        waiting = [each for each in self.actions if each.target == target and each.id not in self.outcomes]
        return [each for each in waiting if each.id > after][:limit]

    def take_up(self, target: Target, after: int, limit: int, turn: Turn | None = None) -> list[Action]:
        page = [each for each in self.pending(target, after, 10**9) if turn in {None, self._turn(each)}][:limit]
        self._begun[target] = max([self._begun[target], *(each.id for each in page)])
        return page

    def begun(self, target: Target) -> int:
        return self._begun[target]

    def turns(self, target: Target) -> list[Turn]:
        return sorted({self._turn(each) for each in self.pending(target, 0, 10**9)})

    def lost(self, target: Target | None = None) -> list[LostProfile]:
        return [lost for (place, _), lost in self.known_lost.items() if target in {None, place}]

    def lost_elsewhere(self, target: Target) -> list[LostProfile]:
        ours = {each.name for each in self.pending(target, 0, 10**9)}
        return [lost for lost in self.lost(target) if lost.name not in ours]

    def note_open(self, action: Action) -> None:
        self.noted.append(action.name)
        lost = LostProfile(action.target, action.name, action.arn, "run-1")
        self.known_lost[action.target, action.name] = lost

    def is_whole(self, target: Target, names: Collection[str]) -> None:
        for name in names:
            self.known_lost.pop((target, name), None)

    def record(
        self, outcomes: Iterable[Outcome], calls: Mapping[str, CallCount] | None = None, times: Slices | None = None
    ) -> None:
        for outcome in outcomes:
            assert outcome.action_id not in self.outcomes
            self.outcomes[outcome.action_id] = outcome
        for operation, count in (calls or {}).items():
            self.sent[operation] += count.sent

    def close_unchanged(self, targets: Sequence[Target], most: int) -> list[Outcome]:
        waiting = [self.pending(target, 0, most) for target in targets]
        quiet = [each for each in waiting if len(each) < most and not any(map(changes, each))]
        outcomes = [outcome for each in quiet for outcome in map(without_call, each) if outcome is not None]
        self.record(outcomes)
        return outcomes

    def give_sign_of_life(self) -> None:
        self.signs_of_life += 1

    def _turn(self, action: Action) -> Turn:
        if action.kind is ActionKind.REPLACE:
            return Turn.REPLACE
        return Turn.LOST if (action.target, action.name) in self.known_lost else Turn.REST


def changes(action: Action) -> bool:
    """Whether an action is more than a look."""
    return action.kind is not ActionKind.NONE or action.refusal is not None
