"""Desired profiles, plugins as a run loads them, plugin files and a Slack webhook for the tests of plugins."""

from __future__ import annotations

import json
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bulkprof.plugins import DesiredProfile, Request, Sink, Target
from bulkprof.plugins.registry import Registry
from tests.factories import TARGET, run_context

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


def write_plugin(directory: Path, text: str, name: str = "rules.py") -> dict[str, Any]:
    """Write a local plugin file, and return the config's table that names it."""
    (directory / name).write_text("from bulkprof.plugins import *\n" + text)
    return {"path": name}


class SlackHook:
    """A webhook that sends the given responses, and keeps what it received."""

    def __init__(self) -> None:
        self.responses: list[web.Response] = []
        self.received: list[tuple[Mapping[str, str], bytes]] = []
        """The headers and the body of each request."""
        self.url = ""

    @property
    def messages(self) -> list[Any]:
        return [json.loads(body) for _, body in self.received]

    async def respond(self, request: web.Request) -> web.Response:
        self.received.append((request.headers.copy(), await request.read()))
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
