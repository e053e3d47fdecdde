"""The estate's profiles that no manifest wants, and those that look like a wanted one under an old name. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from bulkprof.model import EMPTY, Action, ActionKind, ObservedProfile
from bulkprof.planning.diff import DiffRules, unwanted
from bulkprof.profiles.catalogue import Resolve

COMPARED = 50
"""New profiles of a target, and unwanted ones, that are compared with each other: each of these with each of those."""
ALIKE = 0.6
"""From which share of equal letters on two names are alike."""
ALIKE_WITH_TAGS = 0.4
"""The same where all tags are equal."""


def left_over(
    actions: Iterable[Action], observed: Sequence[ObservedProfile], rules: DiffRules
) -> list[ObservedProfile]:
    """Return the target's profiles that pruning deletes since no manifest wants them, by name."""
    names = {action.name for action in actions if action.kind is not ActionKind.DELETE}
    return unwanted(names, observed, rules)


def with_old_names(
    actions: Sequence[Action], left: Sequence[ObservedProfile], resolve: Resolve, rules: DiffRules
) -> list[Action]:
    """Return the actions, where creations say which of the profiles that are `left` they look like the new name of.

    Both are in one target and made from the same source, and their names, or tags and names, are alike.
    """
    made = [action for action in actions if action.kind is ActionKind.CREATE and action.refusal is None]
    if not made or not left:
        return list(actions)
    pairs = sorted(_pairs(sorted(made, key=lambda action: action.name)[:COMPARED], left[:COMPARED], resolve, rules))
    found: dict[str, Mapping[str, str]] = {}
    taken: set[str] = set()
    for _, name, old_name, arn in pairs:
        if name not in found and arn not in taken:
            found[name] = {"name": old_name, "arn": arn}
            taken.add(arn)
    return [
        replace(action, old=found[action.name]) if action.kind is ActionKind.CREATE and action.name in found else action
        for action in actions
    ]


def _pairs(
    made: Iterable[Action], left: Collection[ObservedProfile], resolve: Resolve, rules: DiffRules
) -> Iterator[tuple[float, str, str, str]]:
    """Yield how little two are alike, and which two."""
    own = {rules.ownership_tag, rules.keys_tag}
    for action in made:
        models = resolve(action.source).model_arns
        wanted = {key: value for key, value in action.tags.items() if key not in own}
        for profile in left:
            if frozenset(profile.model_arns) != models:
                continue
            there = profile.tags or EMPTY
            same_tags = bool(wanted) and all(there.get(key) == value for key, value in wanted.items())
            share = SequenceMatcher(None, profile.name, action.name, autojunk=False).ratio()
            if share >= (ALIKE_WITH_TAGS if same_tags else ALIKE):
                yield -(share + same_tags), action.name, profile.name, profile.arn
