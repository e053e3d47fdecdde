"""Which models in which targets a row means, found out once for each combination of its cells.

Manifests of a million rows name some thousand models, accounts and Regions, so what a row comes to was nearly always
found for an earlier one.
"""

from __future__ import annotations

from typing import NamedTuple

from bulkprof.config import Settings
from bulkprof.errors import ConfigError
from bulkprof.limits import Fault, description_fault, region_fault
from bulkprof.model import Request, Target
from bulkprof.rules.accounts import Accounts, is_account
from bulkprof.rules.models import Models, Resolved

_PLACES = 100_000
"""Places to remember, over all rows; an organization has some thousand."""


class Place(NamedTuple):
    """One target of a row."""

    target: Target
    """One object for all rows that name it."""
    fault: Fault | None
    """What is wrong with its Region."""
    decided: bool
    """False where its account is a selector that isn't resolved yet."""


class FanOut(NamedTuple):
    """Each of `models` is wanted in each of `places`."""

    models: tuple[Resolved, ...]
    places: tuple[Place, ...]
    faults: tuple[tuple[str, Fault], ...]
    """The values of the account cell that can't be used."""


class Places:
    """Finds out what rows come to, with the config's defaults for empty cells."""

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
        """What `request` comes to; remembered. Raises `ConfigError` where the default accounts can't be used."""
        key = (request.models, request.accounts, request.regions)
        found = self._known.get(key)
        if found is None:
            found = self._find(*key)
            self._remembered += len(found.places) + 1
            if self._remembered > _PLACES:
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
        places = tuple(self._place(account, region) for account in chosen.accounts for region in wanted)
        return FanOut(resolved, places, chosen.faults)

    def _place(self, account: str, region: str) -> Place:
        target = self._targets.setdefault((account, region), Target(account, region))
        return Place(target, region_fault(region) if region else None, not account or is_account(account))


def _check_defaults(settings: Settings, accounts: Accounts) -> None:
    """Wrong defaults are the config's fault, told once, not once for each row."""
    defaults = settings.defaults
    for account in defaults.account:
        if isinstance(expanded := accounts.expand(account), Fault):
            raise _bad_default("account", account, expanded)
    for region in defaults.region:
        if fault := region_fault(region):
            raise _bad_default("region", region, fault)
    if defaults.description and (fault := description_fault(defaults.description)):
        raise _bad_default("description", defaults.description, fault)


def _bad_default(key: str, value: str, fault: Fault) -> ConfigError:
    return ConfigError(f"defaults.{key}: {value!r} {fault.reason}; {fault.remedy}")
