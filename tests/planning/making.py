"""What the planning tests share: wanted and observed profiles made from little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bulkprof.errors import InvalidRequestError
from bulkprof.model import Action, ActionKind, ObservedProfile, Target
from bulkprof.planning.diff import DiffRules, diff
from bulkprof.profiles.catalogue import ModelSource

TARGET = Target("111122223333", "us-east-1")
OWNER = "bulkprof:estate"
ESTATE = "org"
OURS = {OWNER: ESTATE}
RULES = DiffRules(OWNER, ESTATE)
MODELS = {"lite": ("model/lite",), "pro": ("model/pro", "model/pro-west")}
"""Sources and what `models[]` of a profile made from each holds."""


def resolve(source: str) -> ModelSource:
    """The target's catalogue; `opaque` is a source whose models can't be known."""
    if source == "opaque":
        return ModelSource("source/opaque", frozenset())
    if source not in MODELS:
        raise InvalidRequestError(f"no model {source}")
    return ModelSource(f"source/{source}", frozenset(MODELS[source]))


def wanted(name: str, number: int = 1, *, tags: Mapping[str, str] = OURS, source: str = "lite", **more: Any) -> Action:
    """A desired profile that isn't planned yet."""
    return Action(number, TARGET, ActionKind.NONE, name, source=source, tags=tags, **more)


def profile(
    name: str, arn: str = "", *, tags: Mapping[str, str] | None = OURS, source: str = "lite", **more: Any
) -> ObservedProfile:
    """A profile that AWS shows."""
    return ObservedProfile(arn or f"arn:{name}", name, MODELS[source], tags=tags, **more)


def planned(
    asked: Iterable[Action], observed: Iterable[ObservedProfile], rules: DiffRules = RULES
) -> list[tuple[ActionKind, str, str]]:
    """The diff in short: kind, name, and the code of the refusal if there is one."""
    actions = diff(TARGET, asked, list(observed), resolve, rules)
    return [(action.kind, action.name, action.refusal.code if action.refusal else "") for action in actions]
