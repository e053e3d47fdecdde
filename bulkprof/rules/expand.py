"""From a request to the profiles that it wants: defaults, fan-out, aliases, names, tags, checks, AWS's limits.

Pure: no I/O, no clock. A row is used whole or not at all, so one bad target refuses its siblings too: half a row
would be a surprise. All of a row's problems are told at once, each one time, however many targets it concerns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from bulkprof.config import Settings
from bulkprof.errors import PluginError
from bulkprof.limits import Fault, description_fault
from bulkprof.model import DesiredProfile, Problem, Request, Severity, Target
from bulkprof.plugins.registry import Registry
from bulkprof.problem import place_of
from bulkprof.rules.accounts import Accounts, Undecided
from bulkprof.rules.cleanings import Cleaning, Cleanings
from bulkprof.rules.columns import Overlooked, damaged_cells
from bulkprof.rules.fanout import FanOuts, ManyWishes, Wish
from bulkprof.rules.hooks import Preparation, ask, cell_problem, still_has
from bulkprof.rules.naming import Naming, Unnamed, check_name
from bulkprof.rules.sources import Model
from bulkprof.rules.tagging import Tagging
from bulkprof.text.cleaning import DESCRIPTIONS, Cleaned, clean
from bulkprof.text.damaged import damage
from bulkprof.text.looks import TAG_PREFIX, folded


class Expansion(NamedTuple):
    """The profiles of a request, and its problems: an error leaves `profiles` empty, warnings stand beside them.

    `profiles` is a tuple, or where they are too many to hold, something that makes them as they are taken.
    """

    profiles: Iterable[DesiredProfile]
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
        self._made_of = settings, registry, account, region, self.accounts
        self._fan_outs = FanOuts(settings, self.accounts, account=account, region=region)
        self._preparation = Preparation(registry)
        self._naming = Naming(registry)
        self._tagging = Tagging(settings, registry)
        self._checks = registry.implementations("bulkprof_check_profile")
        self._default_models = settings.defaults.model
        self._default_description = settings.defaults.description
        self._cleans_description = settings.defaults.clean_description
        self._cleanings = Cleanings()
        self._cleans = self._tagging.active or self._preparation.active
        self._columns_read = frozenset(map(folded, registry.columns_read() or ()))
        self._overlooked = Overlooked(registry.columns_read(), settings.defaults)

    def __reduce__(self) -> tuple[Callable[..., Rules], tuple[Any, ...]]:
        """Rules are made anew in another process: plugins aren't pickled, but loaded there."""
        return _made_again, self._made_of

    def anew(self) -> Rules:
        """Return the same rules, which have seen no row yet."""
        return _made_again(*self._made_of)

    @property
    def names_are_made(self) -> bool:
        """Whether a row without a name came up, whose name the rules have to make."""
        return self._naming.are_made

    def new_fields(self) -> Sequence[str]:
        """The columns and tags (`tag:KEY`) that plugins gave rows since the last call, and no row before."""
        return self._preparation.fields.take()

    def new_cleanings(self) -> Sequence[Cleaning]:
        """Return the names and tags that plugins cleaned since the last call."""
        return self._cleanings.take()

    def expand(self, request: Request, wrong: Sequence[Problem] = ()) -> Expansion:
        """The profiles that `request` wants, or all that is wrong with it. `PluginError` passes.

        `wrong` is what is wrong with values of it as it was read: that counts, unless a plugin puts it right.
        """
        problems: list[Problem] = []
        if self._preparation.active:
            request = self._preparation.prepare(request, problems)
        if self._cleans_description:
            request = self._with_clean_description(request)
        description = request.description or self._default_description
        if wrong:
            problems.extend(problem for problem in wrong if still_has(request, problem))
        if self._columns_read and request.attributes:
            problems.extend(damaged_cells(request, self._columns_read))
        settled = problems.copy()
        if not (request.accounts and request.regions and request.models) and request.attributes:
            problems.extend(self._overlooked.problems(request))
        found = self._fan_outs.of(request)
        for column, value, bad in found.faults:
            problems.append(cell_problem(request, column, value, bad))
        for region, doubt in found.doubts:
            problems.append(replace(cell_problem(request, "region", region, doubt), severity=Severity.WARNING))
        if description and (fault := description_fault(description)):
            problems.append(cell_problem(request, "description", description, fault))
        # Where no account of the row can be used, the rest of it is looked through nevertheless.
        wishes = found.wishes or (self._stand_in(request) if found.faults else ())
        if not isinstance(wishes, tuple):
            return self._expand_many(request, wishes, description, problems)
        profiles = self._profiles(request, wishes, description, problems)
        if found.several_models:
            problems.extend(_same_names(request, profiles))
        if not problems:
            return Expansion(tuple(profiles))
        told = tuple(dict.fromkeys([*settled, *_news(problems[len(settled) :], settled)]))
        return Expansion(() if any(problem.is_error for problem in told) else tuple(profiles), told)

    def _with_clean_description(self, request: Request) -> Request:
        description = request.description or self._default_description
        if not description or not description_fault(description):
            return request
        return replace(request, description=str(clean(description, DESCRIPTIONS)) or description)

    def _stand_in(self, request: Request) -> tuple[Wish, ...]:
        """A profile of the row in an account that isn't known; none where it isn't known of which model either."""
        models = (request.models or self._default_models)[:1]
        region = (request.regions or ("",))[0]
        return tuple(Wish(Target("", region), Model(one, one, None, is_arn=False), decided=False) for one in models)

    def all_problems(self, request: Request, wrong: Sequence[Problem]) -> Sequence[Problem]:
        """Return what is wrong with a row that can't be used: `wrong`, and what else rules find. `PluginError` passes.

        About a cell that can't be read nothing more is said.
        """
        told = {problem.column for problem in wrong}
        return (*wrong, *(problem for problem in self.expand(request).problems if problem.column not in told))

    def _expand_many(
        self, request: Request, wishes: ManyWishes, description: str | None, problems: list[Problem]
    ) -> Expansion:
        """Look through all of a row's profiles, for it is used whole or not at all; then make them once more."""
        told = dict.fromkeys(problems)
        for of_target in wishes.by_target():
            found: list[Problem] = []
            profiles = self._profiles(request, of_target, description, found)
            found.extend(_same_names(request, profiles))
            told.update(dict.fromkeys(found))
        if any(problem.is_error for problem in told):
            return Expansion((), tuple(told))
        made = (profile for wish in wishes for profile in self._profiles(request, (wish,), description, []))
        return Expansion(made, tuple(told))

    def _profiles(
        self, request: Request, wishes: Iterable[Wish], description: str | None, problems: list[Problem]
    ) -> list[DesiredProfile]:
        """The profiles of some wishes, those left out that have no name; what is wrong with them is added."""
        profiles: list[DesiredProfile] = []
        for target, model, decided in wishes:
            make = self._profile if decided else self._undecided
            profile = make(request, target, model, description, problems)
            if profile is not None:
                profiles.append(profile)
        return profiles

    def _undecided(
        self,
        request: Request,
        target: Target,
        model: Model,
        description: str | None,
        problems: list[Problem],
    ) -> DesiredProfile | None:
        """A profile in each of the accounts that a selector will turn out to choose.

        Problems of a plugin that looked at the account wait until it is known: rows are read again then.
        """
        shown = Undecided(target.region)
        found: list[Problem] = []
        profile = self._profile(request, shown, model, description, found)
        if not shown.asked:
            problems.extend(found)
        elif profile is None:
            stand_in = f"{place_of(request.file, request.line, request.row)} {model.model}"
            return DesiredProfile(request, target, model.model, model.source, stand_in, description)
        return None if profile is None else replace(profile, target=target)

    def _profile(
        self,
        request: Request,
        target: Target,
        model: Model,
        description: str | None,
        problems: list[Problem],
    ) -> DesiredProfile | None:
        """One profile, complete; None where it has no name, so that the later rules have nothing to look at."""
        source, written = model.source, model.model
        name = request.name or ""
        if not name or self._naming.concerns(name):
            unnamed = DesiredProfile(request, target, written, source, name, description, request.tags)
            name = self._naming.name(unnamed, problems)
            if not name:
                self._look_further(Unnamed(request, target, written, source, "", description, request.tags), problems)
                return None
            if name.__class__ is not str:
                self._cleanings.note_name(name, request)
                name = str(name)
        if request.name:
            check_name(request, name, problems)
        untagged = None
        if self._tagging.active:
            untagged = DesiredProfile(request, target, written, source, name, description, request.tags)
        tags = self._tagging.tags(request, untagged, problems)
        if self._cleans and Cleaned in map(type, tags.values()):
            self._cleanings.note_tags(tags.items(), request)
        profile = DesiredProfile(request, target, written, source, name, description, tags)
        if self._checks:
            self._check(profile, problems)
        return profile

    def _look_further(self, profile: Unnamed, problems: list[Problem]) -> None:
        """Add what else is wrong with a row that has no name, as far as the name has no part in it."""
        found: list[Problem] = []
        tags = self._tagging.tags(profile.request, profile if self._tagging.active else None, found)
        tagged = Unnamed(profile.request, profile.target, profile.model, profile.source, "", profile.description, tags)
        if not profile.asked:
            self._check(tagged, found)
        if not (profile.asked or tagged.asked):
            problems.extend(found)

    def _check(self, profile: DesiredProfile, problems: list[Problem]) -> None:
        """Add what the check plugins say, with file, line and row filled in where they left them out."""
        request = profile.request
        for implementation in self._checks:
            answer = ask(implementation, profile, request, problems)
            if answer is None or (answer.__class__ is list and not answer):
                continue
            for problem in answer if isinstance(answer, Iterable) else [answer]:
                if not isinstance(problem, Problem):
                    kind = type(problem).__name__
                    message = f"bulkprof_check_profile returns problems or None, not {kind}"
                    raise PluginError(implementation.plugin, message)
                if not problem.file:
                    problem = replace(problem, file=request.file, line=problem.line or request.line)  # noqa: PLW2901
                if request.row and (problem.file, problem.line) == (request.file, request.line):
                    problem = replace(problem, row=request.row)  # noqa: PLW2901
                problems.append(problem)


def _made_again(settings: Settings, registry: Registry, account: str, region: str, accounts: Accounts) -> Rules:
    return Rules(settings, registry, account=account, region=region, accounts=accounts)


def _news(found: Iterable[Problem], settled: Sequence[Problem]) -> Iterator[Problem]:
    """Yield the problems that say more than the `settled` ones.

    Those don't that are about the same cell, about a tag made of it, or what a plugin says of a value that is damaged.
    """
    cells = {(problem.column, problem.value) for problem in settled}
    values = {problem.value for problem in settled if problem.value}
    damaged = [repr(value) for value in values if damage(value)]
    for problem in found:
        of_tag = problem.column.startswith(TAG_PREFIX) and problem.value in values
        of_damage = not problem.column and any(value in problem.message for value in damaged)
        if not (of_tag or of_damage or (problem.column, problem.value) in cells):
            yield problem


def _same_names(request: Request, profiles: Iterable[DesiredProfile]) -> Iterator[Problem]:
    """Several models under one name: AWS would take one of them, and it couldn't be said which."""
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
