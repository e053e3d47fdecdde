"""How many profiles one run may delete, replace or retag, in the whole estate and in each account. Pure.

Updates count where they change or remove a tag that is there, for only those lose something: a rule that gets one more
tag passes, and one that is broken and rewrites all tags doesn't. Adoptions don't count either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bulkprof.config import Cap, Settings
from bulkprof.errors import SafetyError
from bulkprof.model import EMPTY, Action, ActionKind, ObservedProfile
from bulkprof.planning.diff import PRUNED, DiffRules
from bulkprof.text.printable import printable_lines

SHOWN = 20
"""Accounts that a refusal lists before it only counts."""


class Capped(StrEnum):
    """A kind of change that a run may only make so many of."""

    DELETIONS = "deletions"
    UPDATES = "updates"
    REPLACEMENTS = "replacements"


@dataclass(frozen=True, slots=True)
class _Words:
    """How a refusal speaks of a kind of change."""

    does: str
    may: str
    table: str
    """The table of the config that has its caps."""
    doubt: str
    """What may be wrong."""


_WORDS: Mapping[Capped, _Words] = {
    Capped.DELETIONS: _Words("deletes", "go", "prune", "Is a manifest cut short?"),
    Capped.UPDATES: _Words("changes or removes tags of", "be changed so", "caps.updates", "Is a tag rule mistaken?"),
    Capped.REPLACEMENTS: _Words(
        "replaces", "be replaced", "caps.replacements", "Each gets a new ARN. Does an alias mean another model now?"
    ),
}


def allowed_by(cap: Cap, there: int) -> int:
    """Return how many of `there` profiles of the estate one run may change: the larger of a share and a count."""
    return max(cap.count, int(there * cap.percent / 100))


def allowed_in_account(cap: Cap, there: int) -> int:
    """Return how many of an account's `there` profiles one run may change."""
    return max(cap.account_count, int(there * cap.account_percent / 100))


def count_capped(
    actions: Iterable[Action], observed: Iterable[ObservedProfile], rules: DiffRules
) -> Iterable[tuple[Capped, int]]:
    """Return how many of a target's planned actions count for each cap."""
    tags = {profile.arn: profile.tags or EMPTY for profile in observed}
    found = Counter(filter(None, (_capped(action, tags.get(action.arn, EMPTY), rules) for action in actions)))
    return found.items()


def _capped(action: Action, there: Mapping[str, str], rules: DiffRules) -> Capped | None:
    if action.refusal is not None:
        return None
    if action.kind is ActionKind.DELETE and action.reason in PRUNED:
        return Capped.DELETIONS
    if action.kind is ActionKind.REPLACE:
        return Capped.REPLACEMENTS
    if action.kind is not ActionKind.UPDATE:
        return None
    # What bulkprof notes for itself follows from the others.
    lost = {*there.keys() & action.set_tags.keys(), *action.remove_tags} - {rules.keys_tag, rules.retirement.tag}
    return Capped.UPDATES if lost else None


def check_caps(
    settings: Settings,
    planned: Mapping[Capped, Mapping[str, int]],
    owned: Mapping[str, int],
    allowed: Mapping[Capped, int | None],
) -> None:
    """Raise `SafetyError` when a plan changes more of the estate, or of it in one account, than its caps allow.

    `planned` and `owned` count profiles by account. `allowed` says for this one run how many changes of a kind there
    may be, whatever the caps are.
    """
    caps: Mapping[Capped, Cap] = {
        Capped.DELETIONS: settings.prune,
        Capped.UPDATES: settings.caps.updates,
        Capped.REPLACEMENTS: settings.caps.replacements,
    }
    said: list[str] = []
    for kind, cap in caps.items():
        said += _refusal(kind, settings.estate, planned.get(kind, {}), owned, cap, allowed.get(kind))
    if said:
        raise SafetyError(printable_lines(said))


def _refusal(
    kind: Capped, estate: str, planned: Mapping[str, int], owned: Mapping[str, int], cap: Cap, allowed: int | None
) -> Sequence[str]:
    """Return the lines that say why the changes of one kind are too many; none where they aren't."""
    count, there = sum(planned.values()), sum(owned.values())
    words, flag = _WORDS[kind], f"--allow-{kind}"
    of_all, share = f"{count} of {there} profiles", f", not {100 * count / there:.3g} %" if there else ""
    over: dict[str, int] = {}
    if allowed is not None:
        if count <= allowed:
            return ()
        what = f"{of_all}, and {flag} allows {allowed}"
        mend = f"{flag} {count}"
    elif count > (most := allowed_by(cap, there)):
        over = _accounts_over(planned, owned, cap)
        limits = f"the larger of {cap.percent:g} % and {cap.count}"
        what = f"{of_all}, and at most {most} may {words.may} in one run ({limits}){share}"
        mend = f"raise [{words.table}] percent or count in bulkprof.toml, or allow it in this run: {flag} {count}"
    elif over := _accounts_over(planned, owned, cap):
        what = (
            f"{of_all}, too many of them in {len(over)} account{'s' if len(over) > 1 else ''} (the larger of "
            f"{cap.account_percent:g} % and {cap.account_count} of each account may {words.may} in one run)"
        )
        mend = (
            f"raise [{words.table}] account_percent or account_count in bulkprof.toml, or allow it in this run: "
            f"{flag} {count}"
        )
        planned = {account: planned[account] for account in over}
    else:
        return ()
    said = (
        f"estate {estate!r}: the plan {words.does} {what}. Nothing was changed. {words.doubt} If this is meant, {mend}"
    )
    return [said, *_by_account(planned, owned, over)]


def _accounts_over(planned: Mapping[str, int], owned: Mapping[str, int], cap: Cap) -> dict[str, int]:
    """Return the accounts that lose more than they may, each with how much that is."""
    return {
        account: most
        for account, count in planned.items()
        if count > (most := allowed_in_account(cap, owned.get(account, 0)))
    }


def _by_account(planned: Mapping[str, int], owned: Mapping[str, int], over: Mapping[str, int]) -> list[str]:
    """Return a line for each account, those that lose most first."""
    ranked = sorted((account for account in planned if planned[account]), key=lambda each: (-planned[each], each))
    lines = [
        f"  {account}: {planned[account]} of {owned.get(account, 0)}"
        + (f", at most {over[account]}" if account in over else "")
        for account in ranked[:SHOWN]
    ]
    if len(ranked) > SHOWN:
        lines.append(f"  and {len(ranked) - SHOWN} more accounts")
    return lines
