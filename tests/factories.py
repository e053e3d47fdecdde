"""Builders of domain values: targets, requests, actions, profiles, rules, run files and outcomes, made from little.

What a test doesn't say is filled in with something that fits. Fakes and harnesses are in their suites' own modules.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bulkprof.catalog.formats import FORMATS
from bulkprof.config import Settings
from bulkprof.errors import InvalidRequestError
from bulkprof.model import Action, ActionKind, DesiredProfile, ObservedProfile, Request, Target
from bulkprof.planning.diff import DiffRules
from bulkprof.plugins import FinishedRun, Outcome, OutcomeKind, RunContext, RunSummary
from bulkprof.plugins.registry import Registry
from bulkprof.profiles.catalogue import ModelSource
from bulkprof.rules.accounts import Accounts
from bulkprof.rules.expand import Rules
from bulkprof.statuses import RunStatus
from bulkprof.store.details import RunDetails
from bulkprof.store.run import RunFile

TARGET = Target("111122223333", "us-east-1")
OWNER, ESTATE = "bulkprof:estate", "org"
OURS = {OWNER: ESTATE}
"""The tags of a profile that belongs to the estate."""
RULES = DiffRules(OWNER, ESTATE)
MODELS = {"lite": ("model/lite",), "pro": ("model/pro", "model/pro-west")}
"""Sources, and what `models[]` holds of a profile made from each."""
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"

# Requests and rules


def row(**fields: Any) -> Request:
    """A row of a manifest that wants one model."""
    return Request("a.csv", 2, **{"name": "one", "models": ("haiku",), **fields})


def rules(
    config: dict[str, Any] | None = None,
    *,
    account: str = "",
    region: str = "",
    accounts: Accounts | None = None,
    **plugins: object,
) -> Rules:
    """Rules of these settings, which know two models, and of these plugins."""
    registry = Registry({}, Path())
    for name, plugin in plugins.items():
        registry.add(name, plugin)
    settings = Settings.model_validate({"models": {"haiku": HAIKU, "nova": NOVA}, **(config or {})})
    return Rules(settings, registry, account=account, region=region, accounts=accounts)


# Actions and profiles


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


def make_action(name: str = "a", kind: ActionKind = ActionKind.CREATE, number: int = 1, **more: Any) -> Action:
    """A planned action that wants the model `lite`."""
    values: dict[str, Any] = {"source": "lite", "source_arn": "source/lite", "tags": OURS, **more}
    return Action(number, TARGET, kind, name, **values)


def profile(
    name: str, arn: str = "", *, tags: Mapping[str, str] | None = OURS, source: str = "lite", **more: Any
) -> ObservedProfile:
    """A profile that AWS shows."""
    return ObservedProfile(arn or f"arn:{name}", name, MODELS[source], tags=tags, **more)


# Run files


def make_run(path: Path, **details: Any) -> RunFile:
    """An empty run file."""
    return RunFile.create(path, RunDetails(**{"id": "run-1", "status": RunStatus.RUNNING, "estate": ESTATE, **details}))


def desire(run: RunFile, *names: str, target: Target = TARGET, **more: Any) -> None:
    """Take rows in, a name a line."""
    values: dict[str, Any] = {"model": "lite", "source": "lite", "tags": OURS, **more}
    take_in(
        run,
        *(DesiredProfile(Request("t.csv", line), target, name=name, **values) for line, name in enumerate(names, 2)),
    )


def take_in(run: RunFile, *profiles: DesiredProfile) -> None:
    """Take desired profiles in, as the reading of manifests does."""
    run.add_desired(list(map(run.form, profiles)))


def plan_all(run: RunFile, kind: ActionKind = ActionKind.CREATE, **more: Any) -> None:
    """Plan every row alike."""
    for target in run.targets():
        run.save_plan([replace(a, kind=kind, source_arn="source/lite", **more) for a in run.wanted(target)])


# Runs as plugins see them


def make_outcomes(count: int, *, failed: int = 0) -> list[Outcome]:
    """Return `count` created profiles, then `failed` failed ones."""
    created = [
        Outcome(
            number,
            TARGET,
            f"search-{number}",
            OutcomeKind.CREATED,
            file="teams.csv",
            line=number + 1,
            arn=f"arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/{number:012d}",
            model="nova-lite",
            tags={"Team": "Search, Zürich"},
            attempts=1,
        )
        for number in range(1, count + 1)
    ]
    bad = [
        Outcome(
            count + number,
            TARGET,
            f"bad-{number}",
            OutcomeKind.FAILED,
            file="teams.csv",
            line=count + number + 1,
            error_code="ValidationException",
            error_message="<model> & name don't fit",
        )
        for number in range(1, failed + 1)
    ]
    return created + bad


def finished(outcomes: Sequence[Outcome], *, links: Mapping[str, str] | None = None, batch: int = 3) -> FinishedRun:
    """Return a run that ended with these outcomes."""
    counts: dict[OutcomeKind, int] = {}
    for outcome in outcomes:
        counts[outcome.kind] = counts.get(outcome.kind, 0) + 1
    exit_code = 3 if OutcomeKind.FAILED in counts else 0
    summary = RunSummary("run-1", "apply", len(outcomes), counts, invalid=0, elapsed_s=75.4, exit_code=exit_code)

    async def batches() -> AsyncIterator[Sequence[Outcome]]:
        for start in range(0, len(outcomes), batch):
            yield outcomes[start : start + batch]

    async def page() -> str:
        return "<!DOCTYPE html><p>Zürich"

    return FinishedRun(summary, batches, dict(links or {}), html=page)


def run_context(client: Any) -> RunContext:
    """Return a run at its start, with these clients."""
    return RunContext("run-1", "apply", "example", "2026-03-01T02:00:00Z", client, formats=FORMATS)
