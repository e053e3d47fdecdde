"""Runs told to a webhook that is dead, slow, busy, or takes a message and doesn't say so; and mended later."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bulkprof.delivery import sinks
from bulkprof.sandbox import Fault, Sandbox
from tests.cli.driver import CommandLine

CONFIG = """\
[plugins.webhook]
timeout_s = 0.5
"""
KEY = "canary-signing-key"


class Receiver(ThreadingHTTPServer):
    """Takes messages, or fails as `fault` says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.fault = ""
        self.received: list[tuple[str, Any]] = []
        """The idempotency key and the message of each request that was taken."""
        self.asked = 0
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/canary-path"

    def handle_error(self, *_: object) -> None:
        """A client that has gone is no error."""


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Receiver = self.server  # type: ignore[assignment]
        server.asked += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if server.fault == "dead":
            return
        if server.fault == "slow":
            server.ended.wait(30)
            return
        status = {"busy": 429, "broken": 502, "revoked": 410}.get(server.fault, 200)
        if status == 200:
            server.received.append((self.headers["Idempotency-Key"], json.loads(body)))
        if server.fault == "lost":
            return
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "3600")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("WEBHOOK_URL", server.url)
        monkeypatch.setenv("WEBHOOK_SIGNING_KEY", KEY)
        monkeypatch.setattr(sinks, "backoff", lambda attempt: 0.01)
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


FAULTS = {
    "dead": ("could not be reached: ServerDisconnectedError", 3),
    "slow": ("could not be reached: no answer within 0.5 s", 3),
    "busy": ("answered 429: it is busy; try again later, in 3600 s", 1),
    "broken": ("answered 502", 3),
    "revoked": ("answered 410: it was revoked", 1),
    "lost": ("could not be reached: ServerDisconnectedError", 3),
}
"""What is said of each fault, and how often a run tries."""


@pytest.mark.parametrize("when", ["run", "batch"])
@pytest.mark.parametrize("fault", FAULTS)
def test_redeliver_mends_what_the_webhook_missed(
    commands: CommandLine, sandbox: Sandbox, receiver: Receiver, fault: str, when: str
) -> None:
    commands.config(f'{CONFIG}when = "{when}"\n')
    receiver.fault = fault
    said, tries = FAULTS[fault]
    ended = commands("apply", commands.manifest("team-a", "team-b"), "--yes", "--json")
    run_id = ended.json()["run_id"]
    assert (ended.code, ended.json()["outcomes"]["created"]) == (0, 2)
    assert f"the webhook {said}" in ended.err
    assert f"bulkprof runs redeliver {run_id}" in ended.err
    # In batches, it is tried when the outcomes come and once more at the end.
    assert receiver.asked in (tries, 2 * tries)
    receiver.fault = ""
    mended = commands("runs", "redeliver", run_id, "--json")
    assert (mended.code, mended.json()) == (0, {"run_id": run_id, "delivered": ["webhook"], "missing": []})
    assert commands("runs", "redeliver", run_id, "--json").json()["delivered"] == []
    # The same message may have come before, and has the same key then.
    messages = dict(receiver.received)
    if when == "run":
        (message,) = messages.values()
        assert message["summary"]["outcomes"]["created"] == 2
    else:
        names = [outcome["name"] for message in messages.values() for outcome in message["outcomes"]]
        assert sorted(names) == ["team-a", "team-b"]
    for text in (ended.out, ended.err, mended.out, mended.err):
        assert "canary" not in text
        assert "Traceback" not in text


def test_failures_are_told_with_what_is_new(commands: CommandLine, sandbox: Sandbox, receiver: Receiver) -> None:
    commands.config(f'{CONFIG}send = "failure"\n')
    assert commands.apply(commands.manifest("team-a")) == {"created": 1}
    assert receiver.received == []
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile")])
    summary = commands.summary("apply", commands.manifest("team-a", "team-b"), code=3)
    ((_, message),) = receiver.received
    assert message["run"]["id"] == summary["run_id"]
    assert message["summary"] == {"stopped": "", "without_profile": [], "sandbox": False, **summary}
    assert [row["name"] for row in message["failures"]] == ["team-b"]
    assert message["since_last"]["new_failures"] == 1


def test_a_wrong_template_stops_a_run_before_it_changes_anything(
    commands: CommandLine, sandbox: Sandbox, receiver: Receiver
) -> None:
    commands.config(f'{CONFIG}template = "body.j2"\n')
    commands.write("body.j2", "{\n{{ sumary }}}")
    ended = commands("apply", commands.manifest("team-a"), "--yes")
    assert ended.code == 1
    assert "plugin 'webhook': body.j2:2: there is no 'sumary'" in ended.err
    assert "Traceback" not in ended.err
    assert sandbox.ledger().count("CreateInferenceProfile") == 0
    assert commands("validate", "teams.csv").code == 1


def test_two_webhooks_by_a_file_that_names_the_plugin(
    commands: CommandLine, sandbox: Sandbox, receiver: Receiver
) -> None:
    commands.write("pager.py", "from bulkprof_webhook import Plugin\n")
    commands.write("pager.j2", '{"who": {{ run.estate | tojson }}}')
    commands.config(f'{CONFIG}[plugins.pager]\npath = "pager.py"\ntemplate = "pager.j2"\n')
    assert commands.apply(commands.manifest("team-a")) == {"created": 1}
    (own, _), (other, body) = receiver.received
    assert own != other
    assert body == {"who": "tests"}
