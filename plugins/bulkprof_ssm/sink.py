"""The sink: which parameter each profile of a run has, and where; then the parameters, place by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from bulkprof.plugins import AwsError, FinishedRun, GiveUpError, OutcomeKind, RunContext, Sink, Target
from bulkprof_ssm.keeper import Keeper
from bulkprof_ssm.names import ParameterTemplate, name_fault

PLACES_AT_ONCE = 16
MOST_TOLD = 20
"""Profiles or parameters that a message names; the rest is a number."""


class ParameterError(GiveUpError):
    """Some parameters aren't as they should be; the message says which, and what to do."""


@dataclass(slots=True)
class _Place:
    """The parameters of one account in one Region."""

    wanted: dict[str, str] = field(default_factory=dict)
    """ARNs by parameter."""
    owners: dict[str, str] = field(default_factory=dict)
    """The first profile of each parameter, for people."""
    clashes: dict[str, list[str]] = field(default_factory=dict)
    """The profiles of parameters that several would have."""
    gone: dict[str, set[str]] = field(default_factory=dict)
    """The ARNs of deleted profiles, by parameter."""


class SsmSink(Sink):
    """Brings the parameters up to date at the end of a run."""

    def __init__(
        self,
        *,
        name: str,
        template: ParameterTemplate,
        in_targets: bool,
        region: str,
        tier: str | None,
        wait_s: float,
        run: RunContext,
    ) -> None:
        """`in_targets` keeps them in the profiles' own accounts; an empty `region` in their own Regions."""
        self.name = name
        self.end_timeout_s = wait_s
        self._template = template
        self._in_targets = in_targets
        self._region = region
        self._tier = tier
        self._run = run

    async def finish(self, run: FinishedRun) -> None:
        """Write what isn't as it should be. Raises `ParameterError` at the end, for what could not be done."""
        unfit: list[str] = []
        places = await self._wanted(run, unfit)
        if unfit:
            # A later delivery wouldn't mend it: the manifests or the config have to.
            self._run.warn(f"sink {self.name!r}: {_first(unfit)}")
        await self._add_gone(run, places)
        faults: list[str] = []
        limit = anyio.CapacityLimiter(PLACES_AT_ONCE)
        async with anyio.create_task_group() as group:
            for where, place in places.items():
                group.start_soon(self._keep, where, place, limit, faults)
        if faults:
            raise ParameterError(_first(faults))

    async def _wanted(self, run: FinishedRun, unfit: list[str]) -> dict[Target, _Place]:
        places: dict[Target, _Place] = {}
        async for batch in run.entries():
            for entry in batch:
                target = Target(entry.account, entry.region)
                profile = f"{target} {entry.name}"
                parameter = self._template.name_for(entry.name, target, entry.tags)
                if not parameter:
                    unfit.append(f"{profile}: has no {self._template.missing(entry.tags)}, so it has no parameter")
                elif fault := name_fault(parameter):
                    unfit.append(f"{profile}: {fault}")
                else:
                    _add(places.setdefault(self._where(target), _Place()), parameter, entry.arn, profile)
        for place in places.values():
            for parameter, profiles in place.clashes.items():
                del place.wanted[parameter]
                unfit.append(
                    f"{' and '.join(profiles)} would share {parameter}, so neither has it; "
                    "tell them apart by {account}, {region} or {name} in `parameter` under [plugins.ssm]"
                )
        return places

    async def _add_gone(self, run: FinishedRun, places: dict[Target, _Place]) -> None:
        if not run.summary.outcomes.get(OutcomeKind.DELETED, 0):
            return
        async for batch in run.outcomes():
            for outcome in batch:
                if outcome.kind is OutcomeKind.DELETED and outcome.arn:
                    place = places.setdefault(self._where(outcome.target), _Place())
                    parameter = self._template.name_for(outcome.name, outcome.target, outcome.tags)
                    # Another profile may have it now.
                    if parameter and parameter not in place.owners:
                        place.gone.setdefault(parameter, set()).add(outcome.arn)

    def _where(self, target: Target) -> Target:
        """Return where a profile's parameter is; an empty account is that which the run starts from."""
        return Target(target.account if self._in_targets else "", self._region or target.region)

    async def _keep(self, where: Target, place: _Place, limit: anyio.CapacityLimiter, faults: list[str]) -> None:
        gone: Mapping[str, frozenset[str]] = {name: frozenset(arns) for name, arns in place.gone.items()}
        async with limit:
            try:
                async with self._run.paced("ssm", account=where.account or None, region=where.region) as ssm:
                    keeper = Keeper(ssm, str(where), self._run.estate, self._tier)
                    await keeper.keep(place.wanted, gone)
                    faults.extend(keeper.faults)
            except AwsError as error:
                faults.append(f"{where}: {error}" if where.account not in str(error) else str(error))


def _first(lines: Sequence[str]) -> str:
    """Return the first of the lines, and how many more there are."""
    more = [f"and {len(lines) - MOST_TOLD} more"] if len(lines) > MOST_TOLD else []
    return "; ".join([*lines[:MOST_TOLD], *more])


def _add(place: _Place, parameter: str, arn: str, profile: str) -> None:
    """Add a profile's parameter; one that another profile has is a clash."""
    first = place.owners.setdefault(parameter, profile)
    if place.wanted.setdefault(parameter, arn) != arn:
        place.clashes.setdefault(parameter, [first]).append(profile)
