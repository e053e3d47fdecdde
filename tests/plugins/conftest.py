"""Profiles, outcomes, runs, plugin files and a Slack webhook for the tests of plugins."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bulkprof.plugins import (
    DesiredProfile,
    FinishedRun,
    Outcome,
    OutcomeKind,
    Request,
    RunContext,
    RunSummary,
    Sink,
    Target,
)
from bulkprof.plugins.registry import Registry

TARGET = Target("111122223333", "us-east-1")
SLACK_SECRET = "T000-B000-very-secret"
MakeProfile = Callable[..., DesiredProfile]


@pytest.fixture
def make_profile() -> MakeProfile:
    """Makes a desired profile from its row's columns."""

    def make(
        columns: Mapping[str, str] | None = None,
        *,
        model: str = "nova-lite",
        source: str = "amazon.nova-lite-v1:0",
        name: str = "",
        tags: Mapping[str, str] | None = None,
        target: Target = TARGET,
    ) -> DesiredProfile:
        request = Request("teams.csv", 2, attributes=dict(columns or {}))
        return DesiredProfile(request, target, model, source, name=name, tags=dict(tags or {}))

    return make


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Any]:
    """Loads one plugin as a run does, and returns its object."""

    def make(name: str, **settings: Any) -> Any:
        return Registry({name: settings}, tmp_path).objects[name]

    return make


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

    return FinishedRun(summary, batches, dict(links or {}))


def run_context(client: Any) -> RunContext:
    """Return a run at its start, with these clients."""
    return RunContext("run-1", "apply", "example", "2026-03-01T02:00:00Z", client)


def write_plugin(directory: Path, text: str, name: str = "rules.py") -> dict[str, Any]:
    """Write a local plugin file, and return the config's table that names it."""
    (directory / name).write_text("from bulkprof.plugins import *\n" + text)
    return {"path": name}


class SlackHook:
    """A webhook that sends the given responses, and keeps what it received."""

    def __init__(self) -> None:
        self.responses: list[web.Response] = []
        self.messages: list[Any] = []
        self.url = ""

    async def respond(self, request: web.Request) -> web.Response:
        self.messages.append(await request.json())
        return self.responses.pop(0) if self.responses else web.Response(text="ok")


@pytest.fixture
async def hook(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackHook]:
    hook = SlackHook()
    app = web.Application()
    app.router.add_post(f"/services/{SLACK_SECRET}", hook.respond)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/services/{SLACK_SECRET}"
    monkeypatch.setenv("SLACK_WEBHOOK_URL", hook.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield hook
    await runner.cleanup()


def sink_of(plugin: Any, client: Any = None) -> Sink:
    (sink,) = plugin.bulkprof_sinks(run_context(client))
    return sink


def all_text(error: BaseException) -> str:
    """Return everything that a log could show of an error: its text, its causes, its repr."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__)
