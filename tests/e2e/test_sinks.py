"""Results delivered to S3 and Slack, by the shipped plugins, over HTTP; and what happens when they can't be."""

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
from tests.e2e.others import Others

S3 = """\
[plugins.s3]
bucket = "reports"
prefix = "{estate}/{run_id}/"
format = "%s"
"""
SLACK = """\
[plugins.slack]
webhook_env = "TEST_WEBHOOK"
when = "%s"
"""


class Slack(ThreadingHTTPServer):
    """Takes messages as Slack's webhooks do."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.messages: list[Any] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/T0/B0/secret"


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Slack = self.server  # type: ignore[assignment]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if server.status == 200:
            server.messages.append(json.loads(body))
        self.send_response(server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    with Slack() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("TEST_WEBHOOK", server.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "backoff", lambda attempt: 0.01)


def objects(others: Others) -> dict[str, str]:
    s3 = others.client("s3")
    found = s3.list_objects_v2(Bucket="reports").get("Contents", [])
    return {entry["Key"]: s3.get_object(Bucket="reports", Key=entry["Key"])["Body"].read().decode() for entry in found}


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_results_in_s3(commands: CommandLine, sandbox: Sandbox, others: Others, suffix: str) -> None:
    others.client("s3").create_bucket(Bucket="reports")
    commands.config(S3 % suffix)
    ended = commands("apply", commands.manifest("team-a", "team-b"), "--yes", "--json", "--results", f"own.{suffix}")
    summary = ended.json()
    assert ended.code == 0
    kept = objects(others)
    folder = f"tests/{summary['run_id']}/"
    assert set(kept) == {f"{folder}results.{suffix}", f"{folder}summary.json", f"{folder}report.html"}
    own = (commands.folder / f"own.{suffix}").read_text(encoding="utf-8")
    assert sorted(kept[f"{folder}results.{suffix}"].splitlines()) == sorted(own.splitlines())
    assert json.loads(kept[f"{folder}summary.json"]) == summary
    assert commands("report", summary["run_id"], "--html", "own.html").code == 0
    assert kept[f"{folder}report.html"] == (commands.folder / "own.html").read_text(encoding="utf-8")


def test_a_bucket_that_is_made_too_late(commands: CommandLine, sandbox: Sandbox, others: Others) -> None:
    commands.config(S3 % "jsonl")
    ended = commands("apply", commands.manifest("team-a"), "--yes", "--json")
    run_id = ended.json()["run_id"]
    assert (ended.code, ended.json()["outcomes"]["created"]) == (0, 1)
    assert "s3://reports/" in ended.err
    assert "NoSuchBucket" in ended.err
    assert f"bulkprof runs redeliver {run_id}" in ended.err
    still = commands("runs", "redeliver", run_id, "--json")
    assert (still.code, still.json()) == (3, {"run_id": run_id, "delivered": [], "missing": ["s3"]})
    others.client("s3").create_bucket(Bucket="reports")
    calls = sandbox.ledger().count("CreateInferenceProfile")
    told = commands("runs", "redeliver", run_id, "--json")
    assert (told.code, told.json()) == (0, {"run_id": run_id, "delivered": ["s3"], "missing": []})
    results = objects(others)[f"tests/{run_id}/results.jsonl"]
    assert [json.loads(line)["outcome"] for line in results.splitlines()] == ["created"]
    assert commands("runs", "redeliver", run_id, "--json").json()["delivered"] == []
    assert sandbox.ledger().count("CreateInferenceProfile") == calls
    unknown = commands("runs", "redeliver", run_id, "--sink", "pager")
    assert unknown.code == 64
    assert "no sink pager is active; there are: s3" in unknown.err


def test_a_message_in_slack(commands: CommandLine, sandbox: Sandbox, others: Others, slack: Slack) -> None:
    others.client("s3").create_bucket(Bucket="reports")
    commands.config(S3 % "csv" + SLACK % "always")
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", name="team-b")])
    summary = commands.summary("apply", commands.manifest("team-a", "team-b"), code=3)
    (message,) = slack.messages
    assert "1 created" in message["text"]
    assert "1 failed" in message["text"]
    blocks = json.dumps(message["blocks"])
    assert "team-b" in blocks
    assert f"s3://reports/tests/{summary['run_id']}/report.html" in blocks


def test_a_link_to_the_report_in_slack(commands: CommandLine, sandbox: Sandbox, others: Others, slack: Slack) -> None:
    others.client("s3").create_bucket(Bucket="reports")
    url = 'report_url = "https://reports.example.com/{key}"\n'
    commands.config(S3 % "csv" + url + SLACK % "always")
    summary = commands.summary("apply", commands.manifest("team-a"))
    (message,) = slack.messages
    link = f"<https://reports.example.com/tests/{summary['run_id']}/report.html|Report in s3>"
    assert link in [block["text"]["text"] for block in message["blocks"]]


def test_slack_is_told_of_failures_only(commands: CommandLine, sandbox: Sandbox, slack: Slack) -> None:
    commands.config(SLACK % "failure")
    assert commands.apply(commands.manifest("team-a")) == {"created": 1}
    assert slack.messages == []
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile")])
    assert commands.apply(commands.manifest("team-a", "team-b"), code=3) == {"unchanged": 1, "failed": 1}
    assert len(slack.messages) == 1


def test_the_webhook_is_never_shown(commands: CommandLine, sandbox: Sandbox, slack: Slack) -> None:
    commands.config(SLACK % "always")
    slack.status = 404
    ended = commands("apply", commands.manifest("team-a"), "--yes")
    assert ended.code == 0
    assert "the webhook was revoked" in ended.err
    assert "secret" not in ended.out + ended.err
    slack.status = 200
    assert commands("runs", "redeliver", "2").code == 0
    assert len(slack.messages) == 1


def test_a_webhook_that_is_not_set_harms_no_run(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.config(SLACK % "always")
    monkeypatch.delenv("TEST_WEBHOOK", raising=False)
    ended = commands("apply", commands.manifest("team-a"), "--yes")
    assert ended.code == 0
    assert "TEST_WEBHOOK is not set" in ended.err
    assert len(sandbox.ledger().live) == 1
