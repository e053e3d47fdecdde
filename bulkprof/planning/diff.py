"""What is wanted against what is there, in one target: the actions that make them equal.

Pure. Tags that no manifest or rule declares are left alone, but for those that bulkprof set while they were declared,
and for all where the estate's tags are `exact`; tags of AWS's own (`aws:`) are never touched. Name, description and
model can't be changed on a profile: where they differ, the only way is a replacement with a new ARN, refused unless
asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from bulkprof.limits import TAGS_PER_PROFILE
from bulkprof.model import EMPTY, Action, ActionKind, ObservedProfile, Refusal, Target
from bulkprof.planning.model_names import told_apart
from bulkprof.planning.retirement import Retirement
from bulkprof.profiles.catalogue import ModelSource, Resolve, to_resolve
from bulkprof.rules.ownership import read

UNWANTED = "no manifest wants it"
"""Why pruning deletes a profile."""
REPLACEMENT_NEEDED = "ReplacementNeeded"
"""The code of rows whose profile could only be replaced, without `--replace`."""
OTHER_ESTATE = "OtherEstate"
"""The code of rows whose profile belongs to another estate."""
NOT_OURS = "NotOurs"
"""The code of rows whose name a profile has that belongs to no estate and differs."""
REFUSED_BY_PLAN = frozenset({REPLACEMENT_NEEDED, OTHER_ESTATE, NOT_OURS})
"""The codes of rows that are refused for what a plan found, whatever becomes of its changes."""
LEFT_OVER = "left over from a replacement"
"""Why a profile is deleted that carries the mark of one that was replaced."""
TWIN = "another profile of its name is the one that is kept"
"""Why pruning deletes one of several profiles of a wanted name."""
PRUNED = frozenset({UNWANTED, TWIN})
"""The reasons of deletions that the caps are about."""


@dataclass(frozen=True, slots=True)
class DiffRules:
    """How an estate is kept."""

    ownership_tag: str
    estate: str
    keys_tag: str = ""
    """The tag that lists the keys which bulkprof manages; empty where there is none."""
    exact_tags: bool = False
    replace: bool = False
    """Replace what can't be changed in place, instead of refusing."""
    prune: bool = False
    """Delete the estate's profiles that no manifest wants."""
    retirement: Retirement = field(default_factory=Retirement)
    """What becomes of profiles that were replaced."""


def diff(
    target: Target,
    wanted: Iterable[Action],
    observed: Sequence[ObservedProfile],
    resolve: Resolve,
    rules: DiffRules,
) -> Iterator[Action]:
    """Yield one action per wanted profile, then the deletions.

    `wanted` are the target's desired profiles as unplanned actions. Raises `InvalidRequestError` of `resolve`.
    """
    by_name: dict[str, list[ObservedProfile]] = {}
    for profile in observed:
        by_name.setdefault(profile.name, []).append(profile)
    names: set[str] = set()
    for action in wanted:
        there = by_name.get(action.name, ())
        planned, used = plan_one(action, there, resolve, rules)
        yield planned
        for stale in () if is_disowned(action, rules) else there:
            if used is not None and stale.arn != used.arn:
                if _is_left_over(stale, planned, rules):
                    yield _deletion(target, stale, LEFT_OVER)
                elif rules.prune and _is_twin(stale, planned, rules):
                    yield _deletion(target, stale, TWIN)
        names.add(action.name)
    if rules.prune:
        for profile in unwanted(names, observed, rules):
            yield _deletion(target, profile, UNWANTED)


def unwanted(names: Collection[str], observed: Iterable[ObservedProfile], rules: DiffRules) -> list[ObservedProfile]:
    """Return the estate's profiles of other names than the wanted ones, by name: those that pruning deletes."""
    others = (each for each in observed if each.name not in names and owner(each, rules) == rules.estate)
    return sorted((each for each in others if not _is_kept(each, rules)), key=lambda each: (each.name, each.arn))


def twins(actions: Iterable[Action], observed: Iterable[ObservedProfile], rules: DiffRules) -> dict[str, list[str]]:
    """Wanted names that the estate has several profiles of, with the ARNs that the plan neither keeps nor deletes.

    Profiles that carry the mark of a replacement are none.
    """
    planned = list(actions)
    told = {action.arn for action in planned if action.arn}
    names = {
        action.name
        for action in planned
        if action.arn and action.kind is not ActionKind.DELETE and not is_disowned(action, rules)
    }
    found: dict[str, list[str]] = {}
    for profile in observed:
        marked = rules.retirement.marks(profile.tags or EMPTY)
        if profile.name in names and profile.arn not in told and owner(profile, rules) == rules.estate and not marked:
            found.setdefault(profile.name, []).append(profile.arn)
    return found


def plan_one(
    action: Action, there: Sequence[ObservedProfile], resolve: Resolve, rules: DiffRules
) -> tuple[Action, ObservedProfile | None]:
    """Plan one wanted profile against the profiles of its name. Returns the one it was planned against, too."""
    if is_disowned(action, rules):
        return _letting_go(action, there, rules)
    source = resolve(to_resolve(action))
    if not there:
        fresh = partial(replace, action, arn="", remove_tags=(), reason="", refusal=None, old=EMPTY)
        return fresh(kind=ActionKind.CREATE, source_arn=source.arn, set_tags=action.tags), None
    mine = (rules.estate, None)
    profile = min(
        there,
        # Another estate's only when there is nothing else: what isn't ours can't stand for what is. Nor does a profile
        # that was replaced stand for its successor.
        key=lambda p: (
            owner(p, rules) not in mine,
            rules.retirement.marks(p.tags or EMPTY),
            bool(_drift(action, p, source)),
            owner(p, rules) != rules.estate,
            p.arn,
        ),
    )
    base = replace(
        action,
        source_arn=source.arn,
        arn=profile.arn,
        set_tags=EMPTY,
        remove_tags=(),
        reason="",
        refusal=None,
        old=EMPTY,
    )
    drift = _drift(action, profile, source)
    other = owner(profile, rules)
    if other not in {rules.estate, None}:
        refusal = Refusal(OTHER_ESTATE, f"{profile.arn} belongs to estate {other!r} ({rules.ownership_tag})")
        return replace(base, kind=ActionKind.NONE, reason=refusal.message, refusal=refusal), profile
    if drift:
        return _replacement(base, profile, drift, rules, adopted=other is None), profile
    set_tags, remove_tags = _tag_changes(action.tags, profile.tags or EMPTY, rules)
    if not set_tags and not remove_tags:
        return replace(base, kind=ActionKind.NONE), profile
    kind = ActionKind.ADOPT if other is None else ActionKind.UPDATE
    keys = ", ".join([*(f"~{key}" for key in sorted(set_tags)), *(f"-{key}" for key in remove_tags)])
    old = _tags_of(profile, [*set_tags, *remove_tags])
    return replace(base, kind=kind, set_tags=set_tags, remove_tags=remove_tags, reason=f"tags {keys}", old=old), profile


def owner(profile: ObservedProfile, rules: DiffRules) -> str | None:
    """The estate that a profile says it belongs to."""
    return (profile.tags or EMPTY).get(rules.ownership_tag)


def is_disowned(action: Action, rules: DiffRules) -> bool:
    """Whether the profile of a wanted row is to be let go of: all others declare the ownership tag."""
    return rules.ownership_tag not in action.tags


def _letting_go(
    action: Action, there: Sequence[ObservedProfile], rules: DiffRules
) -> tuple[Action, ObservedProfile | None]:
    """Plan to take the tags off that say whose a profile is, and nothing else: it is the estate's last say in it."""
    plan = partial(replace, action, source_arn="", set_tags=EMPTY, refusal=None, old=EMPTY)
    # Where a name has several, each run lets go of one. The one that others use comes first.
    ours = min(
        (profile for profile in there if owner(profile, rules) == rules.estate),
        key=lambda p: (rules.retirement.marks(p.tags or EMPTY), p.arn),
        default=None,
    )
    if ours is None:
        profile = min(there, key=lambda p: p.arn, default=None)
        reason = "disowned; it doesn't belong to the estate" if profile else "disowned; it isn't there"
        arn = profile.arn if profile else ""
        return plan(kind=ActionKind.NONE, arn=arn, remove_tags=(), reason=reason), profile
    own = (rules.ownership_tag, rules.keys_tag, rules.retirement.tag)
    gone = tuple(sorted(key for key in own if key in (ours.tags or EMPTY)))
    reason = f"disowned: tags {', '.join(f'-{key}' for key in gone)}"
    return plan(kind=ActionKind.UPDATE, arn=ours.arn, remove_tags=gone, reason=reason, old=_tags_of(ours, gone)), ours


def _is_left_over(profile: ObservedProfile, instead: Action, rules: DiffRules) -> bool:
    """Whether a profile of ours that was replaced, whose name `instead` is about, goes now."""
    tags = profile.tags or EMPTY
    if owner(profile, rules) != rules.estate or not rules.retirement.marks(tags):
        return False
    # Beside a row that is refused it stays, unless that is about its successor, which only differs once more.
    stands = instead.refusal is None or instead.refusal.code == REPLACEMENT_NEEDED
    return rules.retirement.is_over(tags) and (rules.replace or rules.prune) and stands


def _is_twin(profile: ObservedProfile, kept: Action, rules: DiffRules) -> bool:
    """Whether a profile of ours is one too many beside the one that is `kept`, which is ours and as wanted.

    Callers may use either of the two, so only pruning takes it, under the caps.
    """
    stays = kept.kind in {ActionKind.NONE, ActionKind.UPDATE} and kept.refusal is None
    ours = owner(profile, rules) == rules.estate
    return stays and ours and not rules.retirement.marks(profile.tags or EMPTY)


def _is_kept(profile: ObservedProfile, rules: DiffRules) -> bool:
    """Whether a profile was replaced and has its time still to go, also where its name isn't wanted any more."""
    tags = profile.tags or EMPTY
    return rules.retirement.marks(tags) and not rules.retirement.is_over(tags)


def _drift(action: Action, profile: ObservedProfile, source: ModelSource) -> dict[str, tuple[str, str]]:
    """What can't be changed in place and differs, as it is and as it is wanted; empty when nothing does."""
    found = {}
    if source.model_arns and frozenset(profile.model_arns) != source.model_arns:
        found["model"] = told_apart(profile.model_arns, [source.arn])
    if action.description is not None and action.description != (profile.description or ""):
        found["description"] = (profile.description or "", action.description)
    return found


def _spoken(drift: Mapping[str, tuple[str, str]]) -> str:
    parts = {"model": "model {} -> {}", "description": "description {!r} -> {!r}"}
    return "; ".join(parts[what].format(*values) for what, values in drift.items())


def _tags_of(profile: ObservedProfile, keys: Iterable[str]) -> dict[str, str]:
    """The tags of these keys that a profile has, as columns of a manifest."""
    there = profile.tags or EMPTY
    return {f"tag:{key}": there[key] for key in sorted(keys) if key in there}


def _replacement(
    base: Action, profile: ObservedProfile, differs: Mapping[str, tuple[str, str]], rules: DiffRules, *, adopted: bool
) -> Action:
    refusal, drift = None, _spoken(differs)
    # The new profile has what is declared, and nothing else.
    kept = (key for key in profile.tags or EMPTY if not key.startswith("aws:") and key != rules.retirement.tag)
    old = {what: before for what, (before, _) in differs.items()} | _tags_of(profile, kept)
    if base.description is None and profile.description:
        old["description"] = profile.description
    if adopted:
        refusal = Refusal(
            NOT_OURS,
            f"{profile.arn} has this name, was not made by bulkprof and differs ({drift}); rename one of them",
        )
    elif not rules.replace:
        refusal = Refusal(
            REPLACEMENT_NEEDED,
            f"{drift} can't be changed in place; --replace makes a new profile with a new ARN for {profile.arn}",
        )
    elif rules.retirement.until:
        drift = f"{drift}; {profile.arn} is kept until {rules.retirement.until}"
    return replace(base, kind=ActionKind.REPLACE, set_tags=base.tags, reason=drift, refusal=refusal, old=old)


def _tag_changes(
    declared: Mapping[str, str], there: Mapping[str, str], rules: DiffRules
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The tags to set and the keys to remove.

    The list of managed keys follows other changes, and is one by itself only where it claims too much: a profile whose
    tags are all as declared is in order, also where others set them.
    """
    to_set = {key: value for key, value in declared.items() if there.get(key) != value}
    gone = [key for key in there if key not in declared and not key.startswith("aws:") and _is_ours(key, there, rules)]
    room = TAGS_PER_PROFILE - sum(1 for key in there if not key.startswith("aws:")) + len(gone)
    if rules.keys_tag in to_set and rules.keys_tag not in there and sum(1 for key in to_set if key not in there) > room:
        # Others' tags leave no place for the list: the declared ones come first.
        del to_set[rules.keys_tag]
    if list(to_set) == [rules.keys_tag] and not gone:
        claimed = read(there.get(rules.keys_tag, ""))
        if not claimed.beyond(key for key in declared if key not in {rules.keys_tag, rules.ownership_tag}):
            return EMPTY, ()
    return to_set, tuple(sorted(gone))


def _is_ours(key: str, there: Mapping[str, str], rules: DiffRules) -> bool:
    """Whether a tag that isn't declared is ours to remove."""
    if rules.exact_tags or key == rules.retirement.tag:
        return True
    if not rules.keys_tag or rules.keys_tag not in there or there.get(rules.ownership_tag) != rules.estate:
        return False
    return key == rules.keys_tag or read(there[rules.keys_tag]).covers(key)


def _deletion(target: Target, profile: ObservedProfile, reason: str) -> Action:
    return Action(
        id=0,
        target=target,
        kind=ActionKind.DELETE,
        name=profile.name,
        arn=profile.arn,
        tags=profile.tags or EMPTY,
        reason=reason,
    )
