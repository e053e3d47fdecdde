"""From a request to the profiles that it wants: defaults, fan-out, aliases, names, tags, checks, AWS's limits.

Pure: no I/O, no clock. A row is used whole or not at all, so one bad target refuses its siblings too: half a row
would be a surprise. All of a row's problems are told at once, each one time, however many targets it concerns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bulkprof.config import Settings
from bulkprof.errors import ConfigError, PluginError
from bulkprof.limits import Fault, description_fault, region_fault
from bulkprof.model import DesiredProfile, Problem, Request, Target
from bulkprof.plugins.registry import Registry
from bulkprof.rules.accounts import Accounts, Undecided, is_account
from bulkprof.rules.answers import ask, cell_problem
from bulkprof.rules.models import Models, Resolved
from bulkprof.rules.naming import Naming, check_name
from bulkprof.rules.prepare import Preparation
from bulkprof.rules.sources import place_fault
from bulkprof.rules.tagging import Tagging

_TARGETS = 100_000
"""Targets to remember; an organization has some thousand."""
_NO_MODEL = Fault("the row names no model", "fill the column model, or set model under [defaults] in the config")


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a request comes to. A problem that is an error leaves `profiles` empty; warnings stand beside them."""

    profiles: tuple[DesiredProfile, ...]
    problems: tuple[Problem, ...] = ()


class Rules:
    """The rules of one run: the config's and the plugins'."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        *,
        account: str = "",
        region: str = "",
        accounts: Accounts | None = None,
    ) -> None:
        """Prepare the rules; `account` and `region` are the caller's own, empty where unknown.

        `accounts` tells which accounts rows mean; by default, selectors stay unresolved. Raises `ConfigError` for
        aliases and defaults that no row could use.
        """
        self.accounts = accounts or Accounts(settings.organization.aliases)
        self._models = Models(settings)
        self._preparation = Preparation(registry)
        self._naming = Naming(registry)
        self._tagging = Tagging(settings, registry)
        self._checks = registry.implementations("bulkprof_check_profile")
        defaults = settings.defaults
        _check_defaults(settings, self.accounts)
        self._default_models = defaults.model
        self._default_accounts = defaults.account or (account,)
        self._default_regions = defaults.region or (region,)
        self._default_description = defaults.description
        self._targets: dict[tuple[str, str], tuple[Target, Fault | None]] = {}

    def expand(self, request: Request) -> Expansion:
        """The profiles that `request` wants, or all that is wrong with it. `PluginError` passes."""
        problems: list[Problem] = []
        if self._preparation.active:
            request = self._preparation.prepare(request, problems)
        models = request.models or self._default_models
        if not models:
            problems.append(cell_problem(request, "model", "", _NO_MODEL))
        description = request.description or self._default_description
        if description and (fault := description_fault(description)):
            problems.append(cell_problem(request, "description", description, fault))
        profiles: list[DesiredProfile] = []
        accounts = self._accounts_of(request, problems)
        regions = self.accounts.regions(request.regions or self._default_regions)
        for model in models:
            resolved = self._models.resolve(model)
            if resolved.fault:
                problems.append(cell_problem(request, "model", model, resolved.fault))
            for account in accounts:
                make = self._profile if not account or is_account(account) else self._undecided
                for region in regions:
                    target = self._target(account, region, request, problems)
                    profile = make(request, target, resolved, description, problems)
                    if profile is not None:
                        profiles.append(profile)
        if len(models) > 1:
            problems.extend(_same_names(request, profiles))
        if not problems:
            return Expansion(tuple(profiles))
        told = tuple(dict.fromkeys(problems))
        return Expansion(() if any(problem.is_error for problem in told) else tuple(profiles), told)

    def _target(self, account: str, region: str, request: Request, problems: list[Problem]) -> Target:
        """The target, one object for all rows that name it."""
        key = (account, region)
        found = self._targets.get(key)
        if found is None:
            found = Target(account, region), region_fault(region) if region else None
            if len(self._targets) >= _TARGETS:
                self._targets.clear()
            self._targets[key] = found
        target, fault = found
        if fault:
            problems.append(cell_problem(request, "region", region, fault))
        return target

    def _accounts_of(self, request: Request, problems: list[Problem]) -> tuple[str, ...]:
        """The accounts that a row means. Raises `ConfigError` where the default ones can't be used."""
        chosen = self.accounts.of(request.accounts or self._default_accounts)
        for value, fault in chosen.faults:
            if not request.accounts:
                raise _bad_default("account", value, fault)
            problems.append(cell_problem(request, "account", value, fault))
        return chosen.accounts

    def _undecided(
        self,
        request: Request,
        target: Target,
        resolved: Resolved,
        description: str | None,
        problems: list[Problem],
    ) -> DesiredProfile | None:
        """A profile in each of the accounts that a selector will turn out to choose.

        Problems of a plugin that looked at the account wait until it is known: rows are read again then.
        """
        shown = Undecided(target.region)
        found: list[Problem] = []
        profile = self._profile(request, shown, resolved, description, found)
        if not shown.asked:
            problems.extend(found)
        elif profile is None:
            stand_in = f"{request.file}:{request.line} {resolved.model}"
            return DesiredProfile(request, target, resolved.model, resolved.source, stand_in, description)
        return None if profile is None else replace(profile, target=target)

    def _profile(
        self,
        request: Request,
        target: Target,
        resolved: Resolved,
        description: str | None,
        problems: list[Problem],
    ) -> DesiredProfile | None:
        """One profile, complete; None where it has no name, so that the later rules have nothing to look at."""
        model, source = resolved.model, resolved.source
        if resolved.is_arn and not resolved.fault and (fault := place_fault(source, target)):
            problems.append(cell_problem(request, "model", model, fault))
        name = request.name or ""
        if not name or self._naming.concerns(name):
            unnamed = DesiredProfile(request, target, model, source, name, description, request.tags)
            name = self._naming.name(unnamed, problems)
            if not name:
                return None
        if request.name:
            check_name(request, name, problems)
        untagged = None
        if self._tagging.active:
            untagged = DesiredProfile(request, target, model, source, name, description, request.tags)
        tags = self._tagging.tags(request, untagged, problems)
        profile = DesiredProfile(request, target, model, source, name, description, tags)
        if self._checks:
            self._check(profile, problems)
        return profile

    def _check(self, profile: DesiredProfile, problems: list[Problem]) -> None:
        """Add what the check plugins say, with file and line filled in where they left them out."""
        request = profile.request
        for implementation in self._checks:
            answer = ask(implementation, profile, request, problems)
            if answer is None:
                continue
            for problem in answer if isinstance(answer, Iterable) else [answer]:
                if not isinstance(problem, Problem):
                    kind = type(problem).__name__
                    message = f"bulkprof_check_profile answers problems or None, not {kind}"
                    raise PluginError(implementation.plugin, message)
                if not problem.file:
                    problem = replace(problem, file=request.file, line=problem.line or request.line)  # noqa: PLW2901
                problems.append(problem)


def _same_names(request: Request, profiles: Sequence[DesiredProfile]) -> Iterator[Problem]:
    """Several models under one name: AWS would take one of them, and nobody could say which."""
    models: dict[tuple[str, str, str], str] = {}
    for profile in profiles:
        key = (profile.target.account, profile.target.region, profile.name)
        other = models.setdefault(key, profile.model)
        if other != profile.model:
            fault = Fault(
                f"the models {other} and {profile.model} would get the same name",
                "leave the name to a naming rule with {model} in it, or write a row for each model",
            )
            yield cell_problem(request, "name", profile.name, fault)


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
