"""Which models in which targets a row means, found out once for each combination of its cells.

Manifests of a million rows name some thousand models, accounts and Regions, so the fan-out of a row was nearly always
found for an earlier one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bulkprof.config import Settings
from bulkprof.errors import ConfigError
from bulkprof.limits import Fault, account_fault, description_fault, in_a_cell, in_a_list, region_fault
from bulkprof.model import Request, Target
from bulkprof.rules.accounts import Accounts, is_account
from bulkprof.rules.regions import region_doubt
from bulkprof.rules.sources import Model, Models, place_fault
from bulkprof.text.cleaning import DESCRIPTIONS, clean

_WISHES = 100_000
"""Wishes to remember, over all rows; an organization has some thousand."""
_HELD = 10_000
"""Wishes of one row that are held; those of more are made as they are looked at."""
_NO_MODEL = Fault("the row names no model", "fill the column model, or set model under [defaults] in the config")


class Wish(NamedTuple):
    """A model in one target of a row."""

    target: Target
    """One object for all rows that name it."""
    model: Model
    decided: bool
    """False where the account is a selector that isn't resolved yet."""


@dataclass(frozen=True, slots=True)
class ManyWishes(Collection[Wish]):
    """The wishes of a row that has too many to hold: it may name some models for a whole organization."""

    models: Sequence[Model]
    targets: Sequence[Target]
    decided: Mapping[str, bool]
    """By account."""

    def __len__(self) -> int:
        return len(self.models) * len(self.targets)

    def __contains__(self, wish: object) -> bool:
        return any(wish == one for one in self)

    def __iter__(self) -> Iterator[Wish]:
        for one in self.models:
            for target in self.targets:
                yield Wish(target, one.at(target.region), self.decided[target.account])

    def by_target(self) -> Iterator[list[Wish]]:
        """The same, target by target."""
        for target in self.targets:
            yield [Wish(target, one.at(target.region), self.decided[target.account]) for one in self.models]


class FanOut(NamedTuple):
    """All profiles that a row wants: every one of its models in every one of its targets."""

    wishes: tuple[Wish, ...] | ManyWishes
    faults: tuple[tuple[str, str, Fault], ...]
    """What is wrong with the cells that say so: column, value and fault, each once."""
    several_models: bool
    doubts: tuple[tuple[str, Fault], ...]
    """The row's Regions that are likely misspelt."""

    @property
    def held(self) -> int:
        """How much there is to remember."""
        return len(self.wishes) if isinstance(self.wishes, tuple) else len(self.wishes.targets)


class FanOuts:
    """The fan-out of each row, with the config's defaults for empty cells."""

    def __init__(self, settings: Settings, accounts: Accounts, *, account: str, region: str) -> None:
        """Raises `ConfigError` for aliases and defaults that no row could use."""
        self._accounts = accounts
        self._models = Models(settings)
        defaults = settings.defaults
        _check_defaults(settings, accounts)
        self._default_models = defaults.model
        self._default_accounts = defaults.account or (account,)
        self._default_regions = defaults.region or (region,)
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], FanOut] = {}
        self._targets: dict[tuple[str, str], Target] = {}
        self._remembered = 0

    def of(self, request: Request) -> FanOut:
        """Return the fan-out of `request`; remembered.

        Raises `ConfigError` where the default accounts can't be used.
        """
        key = (request.models, request.accounts, request.regions)
        found = self._known.get(key)
        if found is None:
            found = self._find(*key)
            self._remembered += found.held + 1
            if self._remembered > _WISHES:
                self._known.clear()
                self._targets.clear()
                self._remembered = 0
            self._known[key] = found
        return found

    def _find(self, models: tuple[str, ...], accounts: tuple[str, ...], regions: tuple[str, ...]) -> FanOut:
        chosen = self._accounts.of(accounts or self._default_accounts)
        if chosen.faults and not accounts:
            value, fault = chosen.faults[0]
            raise _bad_default("account", value, fault)
        resolved = tuple(map(self._models.resolve, models or self._default_models))
        wanted = self._accounts.regions(regions or self._default_regions)
        targets = [self._target(account, region) for account in chosen.accounts for region in wanted]
        decided = {account: not account or is_account(account) for account in chosen.accounts}
        many = ManyWishes(resolved, targets, decided)
        wishes = tuple(many) if len(many) <= _HELD else many
        faults = [("account", value, in_a_cell(value, fault, account_fault)) for value, fault in chosen.faults]
        if not resolved:
            faults.append(("model", "", _NO_MODEL))
        faults += [("model", one.model, one.fault) for one in resolved if one.fault]
        regions_asked_for = wanted if wishes else ()
        bad_regions = [(region, bad) for region in regions_asked_for if region and (bad := region_fault(region))]
        faults += [("region", region, in_a_cell(region, bad, region_fault)) for region, bad in bad_regions]
        usable = [region for region in regions_asked_for if region and region not in dict(bad_regions)]
        faults += [("model", one.model, bad) for one in resolved if (bad := one.region_fault(usable))]
        told = dict.fromkeys(faults)
        told.update(dict.fromkeys(_place_faults(wishes)))
        # Those of the config are told once, not once for each row.
        doubts = tuple((region, doubt) for region in wanted if regions and (doubt := region_doubt(region)))
        return FanOut(wishes, tuple(told), len(resolved) > 1, doubts)

    def _target(self, account: str, region: str) -> Target:
        return self._targets.setdefault((account, region), Target(account, region))


def _place_faults(wishes: Iterable[Wish]) -> Iterator[tuple[str, str, Fault]]:
    for wish in wishes:
        if wrong := _place_fault(wish):
            yield "model", wish.model.model, wrong


def _place_fault(wish: Wish) -> Fault | None:
    """Why the model, an ARN, can't be copied in the target. Which account a selector means isn't known yet."""
    if not wish.model.is_arn or wish.model.fault:
        return None
    return place_fault(wish.model.source, wish.target if wish.decided else Target("", wish.target.region))


def _check_defaults(settings: Settings, accounts: Accounts) -> None:
    """Wrong defaults are the config's fault, told once, not once for each row."""
    defaults = settings.defaults
    for account in defaults.account:
        if isinstance(expanded := accounts.expand(account), Fault):
            raise _bad_default("account", account, in_a_list(account, expanded, account_fault))
    for region in defaults.region:
        if fault := region_fault(region):
            raise _bad_default("region", region, in_a_list(region, fault, region_fault))
    description = defaults.description
    if description and defaults.clean_description:
        description = clean(description, DESCRIPTIONS) or description
    if description and (fault := description_fault(description)):
        raise _bad_default("description", description, fault)


def _bad_default(key: str, value: str, fault: Fault) -> ConfigError:
    return ConfigError(f"defaults.{key}: {value!r} {fault.reason}; {fault.remedy}")
