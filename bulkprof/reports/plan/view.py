"""The plan that a run's file holds: in numbers, and what is shown of it, for the terminal and for Markdown alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bulkprof.model import Action, ActionKind, Target
from bulkprof.planning.model_names import like
from bulkprof.reports.text import counted
from bulkprof.store.run import REFUSED, RunFile
from bulkprof.totals import Plan

WORDS: Mapping[ActionKind, str] = {
    ActionKind.CREATE: "to create",
    ActionKind.UPDATE: "to update",
    ActionKind.ADOPT: "to adopt",
    ActionKind.REPLACE: "to replace",
    ActionKind.DELETE: "to delete",
    ActionKind.NONE: "unchanged",
}
"""How many there are of each kind, as in `3 to create`."""
UNWANTED_SHOWN = 3
"""Profiles that no manifest wants that are named where not all are shown."""


CANARY_SHOWN = 5
"""Targets of a canary that a plan names."""


def canary_line(canary: Sequence[tuple[str, str]]) -> str:
    """Return the line that says which targets, account and Region, a plan changes first; empty for none."""
    if not canary:
        return ""
    named = ", ".join(str(Target(*place)) for place in canary[:CANARY_SHOWN])
    more = f" and {len(canary) - CANARY_SHOWN} more" if len(canary) > CANARY_SHOWN else ""
    return f"First {counted(len(canary), 'target')} as canary: {named}{more}"


def plan_of(run: RunFile) -> Plan:
    """The plan that a run's file holds. Blocks."""
    details = run.details()
    return Plan(
        run_id=details.id,
        path=run.path,
        desired=run.action_counts()[0],
        targets=len(run.targets()),
        actions=_totals(run.plan_counts()),
        refused=run.refused_count(),
        invalid=run.invalid_count(),
        read=_changes,
        unwanted=details.unwanted,
        sandbox=details.sandbox,
        canary=tuple(Target(*place) for place in details.canary),
    )


def _totals(counts: Mapping[Target, Mapping[ActionKind, int]]) -> dict[ActionKind, int]:
    totals = dict.fromkeys(ActionKind, 0)
    for of_target in counts.values():
        for kind, count in of_target.items():
            totals[kind] += count
    return totals


def _changes(path: Path) -> Iterator[Action]:
    with RunFile.look_at(path) as run:
        yield from run.changes()


class Change(NamedTuple):
    """A tag, the model or the description of a profile that changes."""

    what: str
    old: str | None
    """None where there is none, or where it isn't known."""
    new: str | None
    """None where it is removed."""

    def __str__(self) -> str:
        quoted = str if self.what == "model" else repr
        if self.new is None:
            return f"- {self.what}" if self.old is None else f"- {self.what} {quoted(self.old)}"
        if self.old is None:
            return f"+ {self.what} {quoted(self.new)}"
        return f"~ {self.what} {quoted(self.old)} -> {quoted(self.new)}"


def changes_of(action: Action) -> list[Change]:
    """Return what changes of a profile that stays or is replaced: model and description, then tags by their keys."""
    old = action.old
    if action.refusal is not None:
        return []
    if action.kind is ActionKind.REPLACE:
        if not old:
            # Of a plan of an older version: what is there isn't known.
            return []
        found = []
        if "model" in old:
            found.append(Change("model", old["model"], like(old["model"], [action.source_arn])))
        if "description" in old:
            found.append(Change("description", old["description"], action.description))
        there = {column.removeprefix("tag:"): value for column, value in old.items() if column.startswith("tag:")}
        keys = sorted({*there, *action.tags})
        tags = [Change(f"tag:{key}", there.get(key), action.tags.get(key)) for key in keys]
        return found + [tag for tag in tags if tag.old != tag.new]
    if action.kind not in {ActionKind.UPDATE, ActionKind.ADOPT}:
        return []
    keys = sorted({*action.set_tags, *action.remove_tags})
    return [Change(f"tag:{key}", old.get(f"tag:{key}"), action.set_tags.get(key)) for key in keys]


def what_for(action: Action) -> str:
    """Return why an action is refused, or in a few words what it does."""
    if action.refusal is not None:
        return f"refused: {action.refusal.message}"
    if action.kind is ActionKind.REPLACE and action.old:
        # The reason has the old and the new values, too, which are shown one by one.
        _, found, until = action.reason.partition(f"{action.arn} is kept until ")
        then = f"is kept until {until}" if found else "is deleted"
        return f"replaced by a new profile with a new ARN; {action.arn} {then}"
    return action.reason or action.model


def _kind(action: Action) -> str:
    return str(action.kind) if action.refusal is None else REFUSED


@dataclass(slots=True)
class PlanView:
    """What is shown of a plan: the first changes of each kind or all of them, and how many are left out."""

    run: RunFile
    each: int | None
    """How many of each kind are shown; None for all."""
    totals: Mapping[ActionKind, int] = field(init=False)
    refused: int = field(init=False)
    targets: int = field(init=False)
    prunes: bool = field(init=False)
    sandbox: bool = field(init=False)
    shown: Counter[str] = field(default_factory=Counter)
    """How many of each kind were read from `changes`."""
    _there: Mapping[Target, Mapping[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        """Read the numbers. Blocks."""
        details = self.run.details()
        planned, refused = self.run.plan_counts(), self.run.refused_counts()
        self.totals = _totals(planned)
        self.refused = sum(refused.values())
        self.targets = len(self.run.targets())
        # What is refused there was shown together already, with the accounts and the remedy.
        told = frozenset(Target(*place) for place in details.unreachable)
        there = {target: {str(kind): count for kind, count in counts.items()} for target, counts in planned.items()}
        for target, count in refused.items():
            if target not in told:
                there.setdefault(target, {})[REFUSED] = count
        self._there = there
        self.prunes, self.sandbox = details.prune, details.sandbox

    def changes(self) -> Iterator[Action]:
        """Read the changes that are shown, target by target. Blocks."""
        for action in self.run.first_changes(self.each, self._there):
            self.shown[_kind(action)] += 1
            yield action

    def take_back(self, action: Action) -> None:
        """Count a change that was read as left out."""
        self.shown[_kind(action)] -= 1

    def left_out(self) -> str:
        """Return what wasn't read from `changes`, such as `460 more to create, 3 more refused`; empty for none."""
        counts = {word: self.totals[kind] - self.shown[kind] for kind, word in WORDS.items() if kind != ActionKind.NONE}
        refused = sum(of_target.get(REFUSED, 0) for of_target in self._there.values())
        counts["refused"] = refused - self.shown[REFUSED]
        return ", ".join(f"{count} more {word}" for word, count in counts.items() if count > 0)

    def old_name(self, action: Action) -> str:
        """Return what a creation looks like the new name of, and what becomes of that; empty where there is nothing."""
        if action.kind is not ActionKind.CREATE or action.refusal is not None or "name" not in action.old:
            return ""
        then = "which this plan deletes" if self.prunes else "which stays: --prune would delete it"
        return f"looks like the new name of {action.old['name']} ({action.old.get('arn', '')}), {then}"

    def unwanted(self) -> tuple[str, Sequence[str]]:
        """Return what is said of profiles that no manifest wants, and them, as many as are shown; empty for none."""
        details = self.run.details()
        if not details.unwanted:
            return "", ()
        profiles = "1 profile" if details.unwanted == 1 else f"{details.unwanted} profiles"
        listed = details.unwanted_first[: UNWANTED_SHOWN if self.each is not None else None]
        lines = [f"{account}/{region} {name}" for account, region, name, *_ in listed]
        if details.unwanted > len(lines):
            lines.append(f"and {details.unwanted - len(lines)} more")
        return f"{profiles} of this estate that no manifest wants; --prune would delete", lines
