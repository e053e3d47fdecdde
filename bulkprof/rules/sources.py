"""The source of a profile: what a `model` cell stands for, an alias of the config, an id, a system profile or an ARN.

All of it is told from the form alone. Whether a target has the model, and which system profile `geo:MODEL-ID` is, only
the catalogue of the target tells.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from bulkprof.config import DEFAULT_KEY, Settings, model_in
from bulkprof.errors import ConfigError
from bulkprof.limits import Fault, in_a_cell, in_a_list
from bulkprof.model import Target
from bulkprof.profiles.catalogue import GEO
from bulkprof.text.printable import printable_lines

_CACHE = 10_000
# A model id is provider.model[:version], a system profile id GEO.provider.model: each part begins with a letter.
MODEL_ID = re.compile(r"[a-z0-9-]*[a-z][a-z0-9-]*(?:\.[a-zA-Z][a-zA-Z0-9_-]*)(?:[.:][a-zA-Z0-9_-]+)*")
_ARN = re.compile(r"arn:(aws[a-z-]*):bedrock:([a-z0-9-]*):([0-9]*):([a-z-]+)/(\S+)")
_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:-]*")
_UNCOPYABLE = {
    "application-inference-profile": "an application inference profile",
    "custom-model": "a custom model",
    "custom-model-deployment": "a custom model's deployment",
    "imported-model": "an imported model",
    "provisioned-model": "provisioned throughput",
    "marketplace": "a marketplace endpoint",
    "default-prompt-router": "a prompt router",
    "prompt-router": "a prompt router",
}


class SourceArn(NamedTuple):
    """The parts of an ARN that a profile can be made of."""

    partition: str
    region: str
    account: str
    """Empty for a foundation model, which belongs to no account; a system profile's may be left out."""
    kind: str
    """`foundation-model` or `inference-profile`."""
    id: str


@lru_cache(4096)
def parse_arn(source: str) -> SourceArn | Fault:
    """The parts of `source`, an ARN, or why no profile can be made of it."""
    match = _ARN.fullmatch(source)
    if match is None:
        if ":sagemaker:" in source or ":marketplace" in source:
            return Fault("a marketplace endpoint can't be copied into a profile", _COPYABLE)
        return Fault("is not the ARN of a Bedrock model or profile", _COPYABLE)
    arn = SourceArn(*match.groups())
    return _arn_fault(arn) or arn


def _arn_fault(arn: SourceArn) -> Fault | None:
    if arn.kind not in {"foundation-model", "inference-profile"}:
        what = _UNCOPYABLE.get(arn.kind, f"a {arn.kind}")
        return Fault(f"{what} can't be copied into a profile", _COPYABLE)
    if not _ID.fullmatch(arn.id):
        return Fault(f"{arn.id!r} is not a model's id", _COPYABLE)
    head = f"arn:{arn.partition}:bedrock:{arn.region or 'REGION'}"
    if not arn.region:
        return Fault("the ARN names no Region", f"write {arn.id}, which means the one of each Region")
    if arn.kind == "foundation-model" and arn.account:
        return Fault("a foundation model's ARN names no account", f"write {head}::foundation-model/{arn.id}")
    if arn.kind == "inference-profile" and len(arn.account) not in {0, 12}:
        right = f"{head}::inference-profile/{arn.id}"
        reason = "a system profile's ARN names its account by 12 digits, or not at all"
        return Fault(reason, f"write {right}, or just {arn.id}")
    return None


_LOOKS = "a model id looks like anthropic.claude-3-haiku-20240307-v1:0"
_COPYABLE = "use a foundation model, a system inference profile, or an alias of one"


def form_fault(source: str, aliases: Iterable[str] | None) -> Fault | None:
    """Why `source`, which is no alias, can't be a model at all; `aliases` is None where none may stand."""
    if source.startswith("arn:"):
        arn = parse_arn(source)
        return arn if isinstance(arn, Fault) else None
    if MODEL_ID.fullmatch(source.removeprefix(GEO)):
        return None
    if source.startswith(GEO):
        return Fault("names no model after geo:", f"write geo: and the id of a model; {_LOOKS}")
    if aliases is None:
        return Fault("is neither a model id nor an ARN", _LOOKS)
    known = sorted(aliases)
    by_case = {alias.lower(): alias for alias in known}
    likely = [by_case[found] for found in difflib.get_close_matches(source.lower(), by_case, n=1)]
    if likely:
        remedy = f"did you mean {likely[0]}?"
    elif known:
        shown = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
        remedy = f"the aliases are {shown}; {_LOOKS}"
    else:
        remedy = f"the config has no aliases under [models]; {_LOOKS}"
    return Fault("is neither an alias of the config, nor a model id, nor an ARN", remedy)


def place_fault(source: str, target: Target) -> Fault | None:
    """Why an ARN can't be copied in `target`: it lives in another Region or account. Unknown parts are not compared."""
    if not source.startswith("arn:"):
        return None
    arn = parse_arn(source)
    if isinstance(arn, Fault):
        return arn
    if target.region and arn.region != target.region:
        return Fault(
            f"the ARN is of Region {arn.region}, the profile is for {target.region}",
            f"write the id, {arn.id}, which means the one of each Region",
        )
    if arn.account and target.account and arn.account != target.account:
        return Fault(
            f"the system profile's ARN is of account {arn.account}, the profile is for {target.account}",
            f"write the id, {arn.id}, which means the one of each account",
        )
    return None


class Model(NamedTuple):
    """A value of a `model` cell, and the source that it stands for."""

    model: str
    source: str
    fault: Fault | None
    is_arn: bool
    by_region: Mapping[str, str] | None = None
    """The alias's table, where the source depends on the Region. `source` then stands in for those not known yet."""

    def at(self, region: str) -> Model:
        """Return the model with its source in `region`. Rows are read again once an empty Region is known."""
        if self.by_region is None:
            return self
        source = model_in(self.by_region, region)
        if source is None:
            return self._replace(by_region=None)
        return Model(self.model, source, self.fault, source.startswith("arn:"))

    def region_fault(self, regions: Iterable[str]) -> Fault | None:
        """Why the model can't be used in all of `regions`: no key of its alias fits some of them."""
        if self.by_region is None:
            return None
        lacking = [region for region in dict.fromkeys(regions) if model_in(self.by_region, region) is None]
        if not lacking:
            return None
        return Fault(
            f"the alias has no model for {', '.join(lacking)}: its keys are {', '.join(self.by_region)}",
            f"under [models], add {lacking[0]} to the alias, a beginning of it, or default",
        )


class Models:
    """The aliases, checked once, and the cells resolved so far."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ConfigError` with every alias of an alias or that can't be a model, and every unusable default."""
        self._aliases = settings.models
        self._known: dict[str, Model] = {}
        wrong = [line for alias, meant in settings.models.items() for line in self._alias_faults(alias, meant)]
        for model in settings.defaults.model:
            if fault := self._fault_of(model):
                fault = in_a_list(model, fault, self._fault_of)
                wrong.append(f"defaults.model: {model!r} {fault.reason}; {fault.remedy}")
        if wrong:
            raise ConfigError(printable_lines(wrong))

    def resolve(self, model: str) -> Model:
        """What `model` stands for; remembered, since rows repeat it."""
        found = self._known.get(model)
        if found is None:
            meant = self._aliases.get(model, model)
            fault = self._fault_of(model)
            if fault is not None:
                fault = in_a_cell(model, fault, self._fault_of)
            if isinstance(meant, str):
                found = Model(model, meant, fault, meant.startswith("arn:"))
            else:
                stand_in = meant.get(DEFAULT_KEY) or next(iter(meant.values()))
                found = Model(model, stand_in, fault, is_arn=False, by_region=meant)
            if len(self._known) >= _CACHE:
                self._known.clear()
            self._known[model] = found
        return found

    def _fault_of(self, model: str) -> Fault | None:
        return None if model in self._aliases else form_fault(model, self._aliases)

    def _alias_faults(self, alias: str, meant: str | Mapping[str, str]) -> Iterator[str]:
        by_region = not isinstance(meant, str)
        places = {alias: meant} if isinstance(meant, str) else {f"{alias}.{key}": meant[key] for key in meant}
        for place, source in places.items():
            if source == alias and by_region:
                yield (
                    f"models.{place}: {source!r} is the alias itself, and names would differ from Region to Region; "
                    "give the alias another name"
                )
            elif source in self._aliases and source != alias:
                yield f"models.{place}: {source!r} is an alias itself; write the model that it stands for"
            elif fault := form_fault(source, None):
                yield f"models.{place}: {source!r} is not a model id or ARN; {fault.remedy}"
