"""Which accounts are meant: ids, the config's aliases and selectors in, account ids out, the run's filters applied.

| selector | chooses |
|---|---|
| `111122223333` | the account |
| `prod` | what `[organization.aliases]` says |
| `ou:OU-ID` | the accounts of an organizational unit and of the units in it |
| `org:*` | all accounts of the organization |
| `tag:KEY=VALUE` | the accounts that carry the tag; the first `=` ends the key |

Pure: what the organization looks like comes as a `Directory`. Without one, selectors stay as they are. A selector that
chooses nothing is a fault that names it, never "all"; accounts that aren't active are left out, and remembered.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bulkprof.errors import UsageError
from bulkprof.limits import (
    ACCOUNT,
    ORGANIZATION,
    TAG_SELECTOR,
    UNIT_SELECTOR,
    Fault,
    account_fault,
    in_a_flag,
    region_fault,
)
from bulkprof.model import Directory, Target

ACTIVE = "ACTIVE"
_CACHE = 10_000


class Chosen(NamedTuple):
    """What some values of an account cell mean: account ids, or selectors where no directory is known."""

    accounts: tuple[str, ...]
    faults: tuple[tuple[str, Fault], ...] = ()
    """The values that can't be used."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a run is restricted to; empty is no restriction."""

    accounts: tuple[str, ...] = ()
    not_accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.accounts or self.not_accounts or self.regions)

    def __str__(self) -> str:
        given = (("--accounts", self.accounts), ("--not-accounts", self.not_accounts), ("--regions", self.regions))
        return " ".join(f"{flag} {','.join(values)}" for flag, values in given if values)


class Accounts:
    """The accounts and Regions of one run."""

    def __init__(
        self,
        aliases: Mapping[str, tuple[str, ...]],
        filters: Filters | None = None,
        directory: Directory | None = None,
    ) -> None:
        """With a `directory`, selectors are resolved and filters applied; without one, neither.

        Raises `UsageError` for a filter that can't be used, or chooses nothing.
        """
        self._aliases = aliases
        self._filters = filters or Filters()
        self._directory = directory
        self._known: dict[tuple[str, ...], Chosen] = {}
        self.left_out: dict[str, str] = {}
        """The accounts that were asked for and aren't active, with their status."""
        for region in self._filters.regions:
            if fault := region_fault(region):
                fault = in_a_flag(region, fault, region_fault)
                raise UsageError(f"--regions {region!r}: {fault.reason}; {fault.remedy}")
        only = self._filtered("--accounts", self._filters.accounts)
        self._without = frozenset().union(*self._filtered("--not-accounts", self._filters.not_accounts).values())
        self._only = frozenset().union(*only.values()) if only else None
        self._each_only = only

    @property
    def are_resolved(self) -> bool:
        """Whether an organization is known, so that selectors become accounts and filters are applied."""
        return self._directory is not None

    def of(self, values: tuple[str, ...]) -> Chosen:
        """What the values of one cell choose together, each account once; remembered, since rows repeat them."""
        found = self._known.get(values)
        if found is None:
            found = self._choose(values)
            if len(self._known) >= _CACHE:
                self._known.clear()
            self._known[values] = found
        return found

    def regions(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """Those of a cell's Regions that the run is about."""
        if self._directory is None or not self._filters.regions:
            return values
        return tuple(region for region in values if region in self._filters.regions)

    def needed_selectors(self, targets: Iterable[Target]) -> set[str]:
        """The selectors that a directory must resolve: those of `targets` and those of the filters."""
        needed = {target.account for target in targets if target.account and not is_account(target.account)}
        for value in (*self._filters.accounts, *self._filters.not_accounts):
            selectors = self.expand(value)
            if not isinstance(selectors, Fault):
                needed.update(selector for selector in selectors if not is_account(selector))
        return needed

    def unused_filters(self, targets: Collection[Target]) -> Iterator[str]:
        """The values of `--accounts` and `--regions` that none of `targets` is there for: misspelt, most likely."""
        accounts, regions = ({getattr(target, name) for target in targets} for name in ("account", "region"))
        yield from (f"--accounts {value}" for value, ids in self._each_only.items() if accounts.isdisjoint(ids))
        yield from (f"--regions {region}" for region in self._filters.regions if region not in regions)

    def expand(self, value: str) -> tuple[str, ...] | Fault:
        """The ids and selectors that `value` stands for: an alias's own, else itself; or what is wrong with it."""
        if value in self._aliases:
            return self._aliases[value]
        if fault := account_fault(value):
            return fault
        if is_account(value) or _is_selector(value):
            return (value,)
        return Fault("is neither an account id, nor a selector, nor an alias of the config", self._likely(value))

    def _choose(self, values: tuple[str, ...]) -> Chosen:
        chosen: dict[str, None] = {}
        faults: list[tuple[str, Fault]] = []
        for value in values:
            accounts = self._accounts_of(value)
            if isinstance(accounts, Fault):
                faults.append((value, accounts))
            else:
                chosen.update(dict.fromkeys(accounts))
        return Chosen(tuple(chosen), tuple(faults))

    def _accounts_of(self, value: str) -> Sequence[str] | Fault:
        # No value at all: the caller's own account, not yet looked up.
        selectors = self.expand(value) if value else (value,)
        if isinstance(selectors, Fault) or self._directory is None:
            return selectors
        chosen: list[str] = []
        for selector in selectors:
            found = find(selector, self._directory)
            if isinstance(found, Fault):
                return found if selector == value else Fault(f"({selector}) {found.reason}", found.remedy)
            statuses = {account: self._directory.statuses.get(account, ACTIVE) for account in found}
            if not is_account(selector) and ACTIVE not in statuses.values():
                return Fault(f"has only accounts that aren't active: {', '.join(found)}", "leave it out")
            for account in filter(self._wanted, found):
                if statuses[account] == ACTIVE:
                    chosen.append(account)
                else:
                    self.left_out[account] = statuses[account]
        return chosen

    def _wanted(self, account: str) -> bool:
        return account not in self._without and (self._only is None or account in self._only)

    def _filtered(self, flag: str, values: tuple[str, ...]) -> dict[str, frozenset[str]]:
        """The accounts of each value of a flag, whatever their status; checked only, where no directory is known."""
        chosen: dict[str, frozenset[str]] = {}
        for value in values:
            selectors = self.expand(value)
            if isinstance(selectors, Fault):
                fault = in_a_flag(value, selectors, account_fault)
                raise UsageError(f"{flag} {value!r}: {fault.reason}; {fault.remedy}")
            ids: set[str] = set()
            for selector in selectors if self._directory is not None else ():
                found = find(selector, self._directory or Directory())
                if isinstance(found, Fault):
                    raise UsageError(f"{flag} {selector!r}: {found.reason}; {found.remedy}")
                ids.update(found)
            chosen[value] = frozenset(ids)
        return chosen

    def _likely(self, value: str) -> str:
        by_case = {alias.lower(): alias for alias in sorted(self._aliases)}
        if near := difflib.get_close_matches(value.lower(), by_case, n=1):
            return f"did you mean {by_case[near[0]]}?"
        if by_case:
            shown = ", ".join(list(by_case.values())[:8]) + (", …" if len(by_case) > 8 else "")
            return f"the aliases are {shown}; an account id has 12 digits"
        return "write its 12 digits, or name it under [organization.aliases] in the config"


class Undecided(Target):
    """A target whose account isn't known yet, as plugins see it; it notices whether a plugin looks at the account.

    What a plugin says of such a target without a look at its account holds for every account.
    """

    __slots__ = ("asked",)

    asked: bool

    def __init__(self, region: str) -> None:
        object.__setattr__(self, "region", region)
        object.__setattr__(self, "asked", False)

    @property
    def account(self) -> str:
        """Empty: not known yet."""
        object.__setattr__(self, "asked", True)
        return ""


def find(selector: str, directory: Directory) -> tuple[str, ...] | Fault:
    """The accounts that a selector chooses, whatever their status, in order; a fault when there are none."""
    if is_account(selector):
        return (selector,)
    if selector == ORGANIZATION:
        return tuple(sorted(directory.statuses)) or Fault("has no accounts", "name accounts by their ids")
    if unit := UNIT_SELECTOR.fullmatch(selector):
        if unit[1] not in directory.units:
            return Fault("is no unit of the organization", "look its id up in AWS Organizations")
        found = tuple(sorted(directory.units[unit[1]]))
        return found or Fault("has no accounts, and neither have the units in it", "leave it out, or check the id")
    if tag := TAG_SELECTOR.fullmatch(selector):
        key, value = tag.groups()
        found = tuple(sorted(account for account, tags in directory.tags.items() if tags.get(key) == value))
        return found or Fault("is a tag that no active account has", "mind upper and lower case")
    raise ValueError(f"{selector!r} is no selector")


def needs(selectors: Iterable[str]) -> tuple[set[str], bool]:
    """What of an organization must be read to resolve `selectors`: the ids of units, and whether tags."""
    units, tags = set(), False
    for selector in selectors:
        if unit := UNIT_SELECTOR.fullmatch(selector):
            units.add(unit[1])
        tags = tags or TAG_SELECTOR.fullmatch(selector) is not None
    return units, tags


def is_account(value: str) -> bool:
    """Whether `value` is an account's id."""
    return ACCOUNT.fullmatch(value) is not None


def is_complete(target: Target) -> bool:
    """Whether a target can be worked in: its account is an id, and its Region is known."""
    return bool(target.region) and is_account(target.account)


def unresolved(target: Target) -> Target:
    """The target with its account left open where it is a selector."""
    return target if is_account(target.account) else Target("", target.region)


def _is_selector(value: str) -> bool:
    forms = (UNIT_SELECTOR, TAG_SELECTOR)
    return value == ORGANIZATION or any(form.fullmatch(value) for form in forms)
