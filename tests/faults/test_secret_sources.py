"""What has secrets to tell, and fails: webhooks, programs that get keys, endpoints. None of them is quoted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bulkprof.aws import AwsSessions
from bulkprof.config import Organization, Run
from bulkprof.engine import retry
from bulkprof.errors import AccessDeniedError, SignInNeededError, without_secrets
from bulkprof.model import Target
from bulkprof.sandbox import Sandbox
from bulkprof.sandbox.server import HttpServer
from bulkprof.sandbox.wire import Call, Reply, Response
from tests.cli.driver import CommandLine
from tests.faults.test_secrets import CANARY, written

EXTERNAL_ID = f"{CANARY}-external-id"


@contextmanager
def answering(status: int, body: str) -> Iterator[tuple[int, list[str]]]:
    """A server that answers everything with this, with the path in the place of `{}`; its port, and what was asked."""
    asked: list[str] = []

    async def answer(call: Call) -> Reply:
        asked.append(call.path)
        return Reply(Response(status, body.format(call.path).encode(), {"Content-Type": "text/plain"}))

    server = HttpServer(answer, 0)
    try:
        yield server.start(), asked
    finally:
        server.stop()


def said_nowhere(*texts: str) -> None:
    for text in texts:
        assert CANARY not in text.lower()
        assert "Traceback" not in text


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, "no {} here"), (410, "https://hooks.example.com{}"), (403, "no_service {}"), (500, "{}")],
)
def test_whatever_a_webhook_answers_its_path_is_not_shown(
    commands: CommandLine, sandbox: Sandbox, status: int, body: str
) -> None:
    commands.config("[plugins.slack]\ntimeout_s = 5\n")
    commands.monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    with answering(status, body) as (port, asked):
        commands.monkeypatch.setenv("SLACK_WEBHOOK_URL", f"http://127.0.0.1:{port}/services/T0/B0/{CANARY}")
        ended = commands("apply", commands.manifest("a"), "--yes", "--json")
        again = commands("runs", "redeliver", ended.json()["run_id"])
    assert ended.code == 0
    assert len(asked) >= 2
    assert f"Slack answered {status}" in ended.err
    assert f"Slack answered {status}" in again.err
    said_nowhere(ended.out, ended.err, again.out, again.err, *written(commands.folder).values())


HELPER = f"""#!/bin/sh
echo '{{"SecretAccessKey": "{CANARY}-out"}}'
echo 'login of {CANARY}-user failed with {CANARY}-password' >&2
exit 7
"""


@pytest.mark.parametrize("by_a_role", [False, True])
def test_what_a_failing_helper_prints_is_not_shown(commands: CommandLine, sandbox: Sandbox, by_a_role: bool) -> None:
    helper = commands.folder / "get keys"
    helper.write_text(HELPER)
    helper.chmod(0o700)
    role = "[profile test]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = source\n"
    profile = f"{role}[profile source]" if by_a_role else "[profile test]"
    text = f"{profile}\ncredential_process = '{helper}' --password {CANARY}-argument\n"
    (commands.folder / "config").write_text(text)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        commands.monkeypatch.delenv(name, raising=False)
    commands.monkeypatch.setenv("AWS_CONFIG_FILE", str(commands.folder / "config"))
    commands.monkeypatch.setenv("AWS_PROFILE", "test")
    ended = commands("apply", commands.manifest("a"), "--yes", "--json")
    assert ended.code == 1
    assert "the helper 'get keys' (credential_process) ended with exit status 7; run it by hand" in ended.err
    said_nowhere(ended.out, ended.err)


SECRET_LATER = f"""#!/bin/sh
if [ -e used ]; then echo {CANARY} >&2; exit 1; fi
: > used
echo '{{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "{{}}"}}'
"""


async def test_nor_where_it_fails_when_keys_are_renewed(
    commands: CommandLine, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK logs that with the whole exception, which goes to standard error where logging isn't set up."""
    helper = commands.folder / "helper"
    helper.write_text(SECRET_LATER.replace("{}", "2026-01-01T00:00:00Z"))
    helper.chmod(0o700)
    (commands.folder / "config").write_text(f"[profile test]\ncredential_process = {helper}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        commands.monkeypatch.delenv(name, raising=False)
    commands.monkeypatch.setenv("AWS_CONFIG_FILE", str(commands.folder / "config"))
    commands.monkeypatch.setenv("AWS_PROFILE", "test")
    async with AwsSessions(Organization(), Run()) as sessions:
        with pytest.raises(SignInNeededError, match="ended with exit status 1") as caught:
            await sessions.identity()
    assert "Refreshing temporary credentials failed" in caplog.text
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("aiobotocore").handlers)
    assert CANARY not in caplog.text + str(caught.value) + "".join(commands.capsys.readouterr())


async def test_what_a_containers_endpoint_answers_is_not_shown(
    commands: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", f"{CANARY}-token")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    with answering(500, f'{{{{"SecretAccessKey": "{CANARY}-key"}}}}') as (port, asked):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{port}/{CANARY}-path")
        async with AwsSessions(Organization(), Run()) as sessions:
            with pytest.raises(SignInNeededError, match="non 200 response 500 from container metadata") as caught:
                await sessions.identity()
    assert asked
    assert CANARY not in str(caught.value)


async def test_an_external_id_that_sts_quotes_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    body = f"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>AccessDenied</Code>
        <Message>not with {EXTERNAL_ID}</Message></Error></ErrorResponse>"""
    caller = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
        <Arn>arn:aws:iam::123456789012:user/u</Arn><UserId>u</UserId><Account>123456789012</Account>
        </GetCallerIdentityResult></GetCallerIdentityResponse>"""

    async def answer(call: Call) -> Reply:
        known = b"GetCallerIdentity" in call.body
        return Reply(
            Response(200 if known else 403, (caller if known else body).encode(), {"Content-Type": "text/xml"})
        )

    server = HttpServer(answer, 0)
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.start()}",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_REGION": "us-east-1",
    }
    try:
        async with AwsSessions(
            Organization(role="r", external_id=EXTERNAL_ID), Run(), environment=environment
        ) as entry:
            with pytest.raises(AccessDeniedError, match="not with …") as caught:
                await entry.bedrock(Target("222222222222", "us-east-1"))
    finally:
        server.stop()
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("https://user:hunter2@example.com/path?key=hunter2", "https://example.com/…"),
        ("POST /services/T000/B000/hunter2 failed", "POST /services/… failed"),
        ("no page /webhook/hunter2hunter2", "no page /webhook/…"),
        ("Authorization: Bearer hunter2, and more", "Authorization: …"),
        ("{'Authorization': 'AWS4-HMAC-SHA256 Credential=hunter2, Signature=hunter2'}", "{'Authorization': '…'}"),
        ("X-Amz-Security-Token:hunter2\nhost:example.com", "X-Amz-Security-Token:…\nhost:example.com"),
        ("?X-Amz-Signature=hunter2&X-Amz-Expires=60", "?X-Amz-Signature=…"),
        ('{"access_token": "hunter2", "expires": 60}', '{"access_token": "…", "expires": 60}'),
        ("Bearer hunter2hunter2 was refused", "Bearer … was refused"),
        ("password=hunter2; host=example.com", "password=…; host=example.com"),
        # What is not secret stays.
        ("plugins.slack.token: Input should be a string", "plugins.slack.token: Input should be a string"),
        (
            "the secret slack/webhook can't be read: AccessDenied",
            "the secret slack/webhook can't be read: AccessDenied",
        ),
        ("config/services/team-rules.csv: no such file", "config/services/team-rules.csv: no such file"),
        ("Basic authentication is required", "Basic authentication is required"),
    ],
)
def test_what_foreign_code_says_is_cleaned_of_secrets(said: str, shown: str) -> None:
    assert without_secrets(said) == shown


def test_a_plugins_own_exception_is_cleaned_too(commands: CommandLine, sandbox: Sandbox, tmp_path: Path) -> None:
    commands.write(
        "telling.py",
        "from bulkprof.plugins import Sink, hookimpl\n"
        "class Telling(Sink):\n"
        "    name = 'telling'\n"
        "    async def finish(self, run):\n"
        f"        raise RuntimeError('404 for /services/T0/B0/{CANARY}, sent with Authorization: Bearer {CANARY}')\n"
        "class Plugin:\n"
        "    @hookimpl\n"
        "    def bulkprof_sinks(self, run):\n"
        "        return [Telling()]\n",
    )
    commands.config('[plugins.telling]\npath = "telling.py"\n')
    commands.monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    ended = commands("apply", commands.manifest("a"), "--yes", "--json")
    assert ended.code == 0
    assert "404 for /services/…" in ended.err
    left = {name: text for name, text in written(commands.folder).items() if not name.endswith((".py", ".pyc"))}
    said_nowhere(ended.out, ended.err, *left.values())
