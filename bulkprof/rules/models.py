"""The config's aliases: from what a row calls a model to what AWS does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bulkprof.config import Settings
from bulkprof.errors import ConfigError
from bulkprof.limits import Fault, in_a_cell, in_a_list
from bulkprof.rules.sources import form_fault

_CACHE = 10_000


class Resolved(NamedTuple):
    """A `model` cell's value, understood."""

    model: str
    source: str
    fault: Fault | None
    is_arn: bool


class Models:
    """The aliases, checked once, and the cells resolved so far."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ConfigError` for an alias of an alias, one that can't be a model, and an unusable default."""
        self._aliases: Mapping[str, str] = dict(settings.models)
        self._known: dict[str, Resolved] = {}
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

    def resolve(self, model: str) -> Resolved:
        """What `model` stands for; remembered, since rows repeat it."""
        found = self._known.get(model)
        if found is None:
            source = self._aliases.get(model, model)
            fault = self._fault_of(model)
            if fault is not None:
                fault = in_a_cell(model, fault, self._fault_of)
            found = Resolved(model, source, fault, source.startswith("arn:"))
            if len(self._known) >= _CACHE:
                self._known.clear()
            self._known[model] = found
        return found

    def _fault_of(self, model: str) -> Fault | None:
        return None if model in self._aliases else form_fault(model, self._aliases)
