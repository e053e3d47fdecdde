"""The source of a profile: what a `model` cell stands for, an alias of the config, an id, a system profile or an ARN.

All of it is told from the form alone. Whether a target has the model, only the catalogue of the target tells.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from bulkprof.config import Settings
from bulkprof.errors import ConfigError
from bulkprof.limits import Fault, in_a_cell, in_a_list
from bulkprof.model import Target

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
    if MODEL_ID.fullmatch(source):
        return None
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


class Models:
    """The aliases, checked once, and the cells resolved so far."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ConfigError` for an alias of an alias, one that can't be a model, and an unusable default."""
        self._aliases: Mapping[str, str] = dict(settings.models)
        self._known: dict[str, Model] = {}
        for alias, source in self._aliases.items():
            if source in self._aliases and source != alias:
                raise ConfigError(f"models.{alias}: {source!r} is an alias itself; write the model that it stands for")
            fault = form_fault(source, None)
            if fault:
                raise ConfigError(f"models.{alias}: {source!r} is not a model id or ARN; {fault.remedy}")
        for model in settings.defaults.model:
            if fault := self._fault_of(model):
                fault = in_a_list(model, fault, self._fault_of)
                raise ConfigError(f"defaults.model: {model!r} {fault.reason}; {fault.remedy}")

    def resolve(self, model: str) -> Model:
        """What `model` stands for; remembered, since rows repeat it."""
        found = self._known.get(model)
        if found is None:
            source = self._aliases.get(model, model)
            fault = self._fault_of(model)
            if fault is not None:
                fault = in_a_cell(model, fault, self._fault_of)
            found = Model(model, source, fault, source.startswith("arn:"))
            if len(self._known) >= _CACHE:
                self._known.clear()
            self._known[model] = found
        return found

    def _fault_of(self, model: str) -> Fault | None:
        return None if model in self._aliases else form_fault(model, self._aliases)
