"""What may be copied in one Region: foundation models and system profiles, as AWS lists them there.

Pure: it is made from two listings. It knows no model, geography or partition by name, only what AWS lists. In practice
every account sees the same catalogue in a Region, so it may be kept by Region, but AWS doesn't promise that: a source
that AWS refuses in another account is that row's error.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bulkprof.errors import InvalidRequestError
from bulkprof.model import Action, Target

GEO = "geo:"
"""`geo:MODEL-ID` is the system profile of a model for the geography that the target is in, by any name."""
_GLOBAL = "global."
"""How the ids of system profiles begin that route everywhere: they stay in no geography."""
_MODEL = "foundation-model"
_SYSTEM_PROFILE = "inference-profile"
_LIKELY = 3


@dataclass(frozen=True, slots=True)
class FoundationModel:
    """A model that a Region offers."""

    id: str
    arn: str
    inference_types: frozenset[str] = frozenset()
    """`ON_DEMAND`, `PROVISIONED`, …; without ON_DEMAND it runs only through a system profile (`INFERENCE_PROFILE`), if
    at all."""
    legacy: bool = False
    """AWS will retire it."""
    retires: str = ""
    """When, as AWS writes it; empty if AWS, or the installed SDK, doesn't say."""


@dataclass(frozen=True, slots=True)
class SystemProfile:
    """A cross-Region profile that AWS defines."""

    id: str
    arn: str
    model_arns: tuple[str, ...]
    """The models that it routes to. A global one holds an ARN without a Region."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What a profile is made from in one target."""

    arn: str
    """What `copyFrom` gets."""
    model_arns: frozenset[str]
    """What `models[]` of a profile made from it holds; empty when that can't be known."""
    warning: str | None = None
    """Why a profile made from it may not be of use, and what to take instead."""

    @property
    def model_id(self) -> str:
        """The id of the foundation model behind it; empty where that can't be known."""
        ids = {_resource_id(arn) for arn in self.model_arns}
        return ids.pop() if len(ids) == 1 else ""


Resolve = Callable[[str], ModelSource]
"""From a source as the manifest means it to the target's own; raises `InvalidRequestError` when there is none."""


def to_resolve(action: Action) -> str:
    """Return what to look up for a wanted profile: its source, or where that is `geo:…`, what a plan found before.

    Else a system profile that AWS adds between a plan and its execution would change what was approved.
    """
    return action.source_arn if action.source.startswith(GEO) and action.source_arn else action.source


class Catalogue:
    """The sources of one Region. Keeps the partition and ARNs as AWS gave them."""

    def __init__(self, models: Iterable[FoundationModel], system_profiles: Iterable[SystemProfile]) -> None:
        self.models: Mapping[str, FoundationModel] = MappingProxyType({model.id: model for model in models})
        self.system_profiles: Mapping[str, SystemProfile] = MappingProxyType(
            {each.id: each for each in system_profiles}
        )
        through: dict[str, list[str]] = {}
        by_arns: dict[frozenset[str], str] = {}
        for profile in self.system_profiles.values():
            by_arns.setdefault(frozenset(profile.model_arns), profile.id)
            for model_id in sorted({_resource_id(arn) for arn in profile.model_arns}):
                through.setdefault(model_id, []).append(profile.id)
        for model in self.models.values():
            # A system profile of one Region has the same ARNs as its model: only then the two can't be told apart.
            if "ON_DEMAND" in model.inference_types:
                by_arns[frozenset([model.arn])] = model.id
            else:
                by_arns.setdefault(frozenset([model.arn]), model.id)
        self._through: Mapping[str, list[str]] = {key: sorted(ids) for key, ids in through.items()}
        self._by_arns: Mapping[frozenset[str], str] = by_arns

    def resolve(self, source: str, target: Target) -> ModelSource:
        """Find `source`, a model id, a system profile id, an ARN of either or `geo:MODEL-ID`, for `target`.

        Raises `InvalidRequestError` that says why it can't be copied there and names the likeliest ids.
        """
        source = source.strip()
        if source.startswith("arn:"):
            return self._resolve_arn(source, target)
        if source.startswith(GEO):
            return self._resolve_geo(source.removeprefix(GEO), target)
        if (profile := self.system_profiles.get(source)) is not None:
            return _of_system_profile(profile, target)
        if (model := self.models.get(source)) is not None:
            return self._of_model(model)
        raise self._unknown(source, target)

    def source_of(self, model_arns: Iterable[str]) -> str | None:
        """Return the id of the system profile or model that a profile with these ARNs was copied from, if known."""
        return self._by_arns.get(frozenset(model_arns))

    def likely(self, source: str) -> tuple[str, ...]:
        """The ids that the writer of `source` probably meant, best first."""
        wanted = source.rsplit("/", 1)[-1].casefold()
        ids = {each.casefold(): each for each in (*self.models, *self.system_profiles)}
        # Leaving out a version or geography is the most common mistake, and the ratio alone ranks it too low.
        inside = sorted((key for key in ids if wanted and (wanted in key or key in wanted)), key=len)
        close = difflib.get_close_matches(wanted, ids, n=_LIKELY, cutoff=0.6)
        return tuple(ids[key] for key in dict.fromkeys([*inside[:_LIKELY], *close]))[:_LIKELY]

    def _resolve_arn(self, arn: str, target: Target) -> ModelSource:
        parts = arn.split(":", 5)
        if len(parts) < 6 or parts[2] != "bedrock" or "/" not in parts[5]:
            raise _refusal(f"{arn!r} is not the ARN of a Bedrock model or system profile", target)
        region, account, (kind, _, identity) = parts[3], parts[4], parts[5].partition("/")
        if kind not in {_MODEL, _SYSTEM_PROFILE}:
            raise _refusal(f"a {kind} can't be copied; take a foundation model or a system profile", target)
        if target.region and region != target.region:
            raise _refusal(f"{arn!r} is of Region {region or '(none)'}; write the id {identity!r} alone", target)
        if kind == _SYSTEM_PROFILE:
            if (profile := self.system_profiles.get(identity)) is None:
                raise self._unknown(identity, target)
            # Any account in the ARN, or none: the same profile has the target's account in its ARN there.
            if parts[1] != profile.arn.split(":", 2)[1]:
                raise _refusal(f"{arn!r} is not how AWS names the profile here: {profile.arn!r}", target)
            return _of_system_profile(profile, target)
        if (model := self.models.get(identity)) is None:
            raise self._unknown(identity, target)
        if account or arn != model.arn:
            raise _refusal(f"{arn!r} is not how AWS names the model here: {model.arn!r}", target)
        return self._of_model(model)

    def _resolve_geo(self, model_id: str, target: Target) -> ModelSource:
        found = self._geographic(model_id)
        if len(found) == 1:
            return _of_system_profile(self.system_profiles[found[0]], target)
        where = target.region or "this Region"
        if found:
            message = f"{where} has several geographic system profiles of {model_id}: {', '.join(found)}"
            raise _refusal(f"{message}; write the one that is meant, or give the alias a table by Region", target)
        raise _refusal(f"no geographic system profile of {model_id!r} in {where}; {self._instead(model_id)}", target)

    def _instead(self, model_id: str) -> str:
        """What to write for a model that no geographic system profile routes to."""
        if (profile := self.system_profiles.get(model_id)) is not None:
            routed = sorted({_resource_id(arn) for arn in profile.model_arns})
            return f"that is a system profile itself: write it alone, or {' or '.join(GEO + each for each in routed)}"
        known = {*self.models, *self.system_profiles}
        there = [each for each in (model_id, *self._through.get(model_id, ())) if each in known]
        if there:
            return f"what there is of it: {', '.join(there)}"
        likely = [GEO + each for each in self.likely(model_id) if self._geographic(each)]
        return f"did you mean {' or '.join(likely)}?" if likely else "check the model's id"

    def _geographic(self, model_id: str) -> list[str]:
        """The ids of the system profiles that route to this model alone, and within a geography."""
        return [
            each
            for each in self._through.get(model_id, ())
            if not each.startswith(_GLOBAL)
            and all(_resource_id(arn) == model_id for arn in self.system_profiles[each].model_arns)
        ]

    def _of_model(self, model: FoundationModel) -> ModelSource:
        warnings = []
        through = self._through.get(model.id)
        # A model without inference types that no system profile routes to may run on demand.
        if "ON_DEMAND" not in model.inference_types and (model.inference_types or through):
            remedy = f"use {' or '.join(through)}" if through else "no system profile here runs it"
            warnings.append(f"{model.id} can't be invoked on demand by itself; {remedy}")
        if model.legacy:
            retires = f", and retires it on {model.retires[:10]}" if model.retires else ""
            warnings.append(f"AWS lists {model.id} as LEGACY{retires}")
        return ModelSource(model.arn, frozenset([model.arn]), "; ".join(warnings) or None)

    def _unknown(self, source: str, target: Target) -> InvalidRequestError:
        likely = self.likely(source)
        hint = f"; did you mean {' or '.join(likely)}?" if likely else ""
        return _refusal(f"no model or system profile {source!r} in {target.region or 'this Region'}{hint}", target)


def _of_system_profile(profile: SystemProfile, target: Target) -> ModelSource:
    # Its ARN holds the account that asked; the same profile goes by the target's own account there.
    parts = profile.arn.split(":", 5)
    if target.account and parts[4]:
        parts[4] = target.account
    return ModelSource(":".join(parts), frozenset(profile.model_arns))


def _resource_id(arn: str) -> str:
    return arn.partition("/")[2]


def _refusal(message: str, target: Target) -> InvalidRequestError:
    return InvalidRequestError(message, code="UnknownModel", where=str(target))
