"""The Slack plugin, against a webhook on this machine."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from bulkprof_slack import webhook
from bulkprof_slack.message import build_message, duration
from bulkprof_slack.webhook import WebhookError, from_environment
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bulkprof.errors import PluginError
from bulkprof.model import Target
from bulkprof.plugins import FinishedRun, GiveUpError, OutcomeKind, SinceLast, Sink
from bulkprof.plugins.registry import Registry
from bulkprof.totals import LostProfile
from tests.aws.intercepting import Interceptor, between, bundle, saying
from tests.factories import finished, make_outcomes, run_context

Load = Callable[..., Any]
SECRET = "T000-B000-very-secret"
QUIET = finished([])
LOST = (LostProfile(Target("111122223333", "us-east-1"), "a", "arn:gone", "run-0"),)
CHANGED = finished(make_outcomes(2))
FAILED = finished(make_outcomes(2, failed=3))


class Hook:
    """A webhook that answers what it is told, and keeps what it got."""

    def __init__(self) -> None:
        self.answers: list[web.Response] = []
        self.messages: list[Any] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.messages.append(await request.json())
        return self.answers.pop(0) if self.answers else web.Response(text="ok")


@pytest.fixture
async def hook(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post(f"/services/{SECRET}", hook.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/services/{SECRET}"
    monkeypatch.setenv("SLACK_WEBHOOK_URL", hook.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield hook
    await runner.cleanup()


def sink_of(plugin: Any, client: Any = None) -> Sink:
    (sink,) = plugin.bulkprof_sinks(run_context(client))
    return sink


def told(error: BaseException) -> str:
    """Everything that a log could show of an error: its text, its causes, its repr."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__)


async def test_one_message_tells_counts_failures_and_reports(load: Load, hook: Hook) -> None:
    run = replace(FAILED, links={"s3": "s3://example-reports/run-1/results.csv", "web": "https://example.com/?a&b"})
    await sink_of(load("slack", max_failures=2)).finish(run)
    (message,) = hook.messages
    texts = [block["text"]["text"] for block in message["blocks"]]
    assert message["text"] == "bulkprof apply of example: exit 3 (2 created, 3 failed)"
    assert texts[0] == ":x: *bulkprof apply of example: exit 3*\n2 created, 3 failed in 1 min 15 s"
    where = "teams.csv:4 bad-1 in 111122223333/us-east-1"
    assert texts[1].splitlines() == [
        "*First failures*",
        f"• failed {where}: ValidationException: &lt;model&gt; &amp; name don't fit",
        f"• failed {where.replace('4', '5', 1).replace('bad-1', 'bad-2')}: "
        "ValidationException: &lt;model&gt; &amp; name don't fit",
    ]
    assert "`s3://example-reports/run-1/results.csv`" in texts[2]
    assert "<https://example.com/?a&amp;b|Report in web>" in texts[2]


async def test_what_is_new_comes_first(load: Load, hook: Hook) -> None:
    outcomes = make_outcomes(1, failed=4)
    since = SinceLast("run-0", "2026-02-28T02:00:00Z", 1, 2, 3, {}, first_new=(outcomes[3],))
    run = finished(outcomes)
    run = replace(run, summary=replace(run.summary, since_last=since, stopped="the deadline (06:00) is reached"))
    await sink_of(load("slack", max_failures=3)).finish(run)
    (message,) = hook.messages
    texts = [block["text"]["text"] for block in message["blocks"]]
    assert texts[0].splitlines()[2:] == [
        "stopped: the deadline (06:00) is reached",
        "failures since run run-0: 1 new, 2 gone, 3 as before",
    ]
    shown = texts[1].splitlines()[1:]
    assert [next(name for name in ("bad-1", "bad-2", "bad-3", "bad-4") if name in line) for line in shown] == [
        "bad-3",
        "bad-1",
        "bad-2",
    ]
    assert [line.endswith(" *(new)*") for line in shown] == [True, False, False]


@pytest.mark.parametrize(
    ("when", "run", "posted"),
    [
        ("always", QUIET, True),
        ("change", QUIET, False),
        ("change", CHANGED, True),
        ("change", FAILED, True),
        ("failure", CHANGED, False),
        ("failure", FAILED, True),
        ("failure", replace(QUIET, summary=replace(QUIET.summary, exit_code=130)), True),
        ("failure", replace(QUIET, summary=replace(QUIET.summary, lost=LOST)), True),
    ],
)
async def test_when(load: Load, hook: Hook, when: str, run: FinishedRun, posted: bool) -> None:
    await sink_of(load("slack", when=when)).finish(run)
    assert len(hook.messages) == posted


def test_a_quiet_run_says_so() -> None:
    message = build_message(run_context(None), replace(QUIET.summary, invalid=2), [], {})
    assert message["blocks"][0]["text"]["text"].splitlines() == [
        ":white_check_mark: *bulkprof apply of example: done*",
        "nothing to do in 1 min 15 s",
        "2 invalid rows were left out",
    ]


def test_a_message_stays_within_what_slack_takes() -> None:
    outcomes = [replace(outcome, error_message="&" * 1000) for outcome in make_outcomes(0, failed=20)]
    message = build_message(run_context(None), FAILED.summary, outcomes, {})
    text = message["blocks"][1]["text"]["text"]
    assert 1000 < len(text) < 3000
    assert text.endswith("&amp;...")


@pytest.mark.parametrize(("seconds", "text"), [(9.14, "9.1 s"), (60, "1 min 0 s"), (7321, "2 h 2 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


async def test_a_busy_slack_is_waited_for_as_it_says(load: Load, hook: Hook) -> None:
    hook.answers = [web.Response(status=429, headers={"Retry-After": "0"}) for _ in range(2)]
    await sink_of(load("slack")).finish(CHANGED)
    assert len(hook.messages) == 3


@pytest.mark.parametrize(("seconds", "tries"), [("0", 3), ("3600", 1)])
async def test_a_slack_that_stays_busy_is_left_to_a_later_delivery(
    load: Load, hook: Hook, seconds: str, tries: int
) -> None:
    hook.answers = [web.Response(status=429, headers={"Retry-After": seconds}) for _ in range(9)]
    with pytest.raises(RuntimeError, match="429: too many messages; try again later"):
        await sink_of(load("slack")).finish(CHANGED)
    assert len(hook.messages) == tries


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        (403, "invalid_token", "Slack answered 403 invalid_token: the webhook was revoked"),
        (404, "no_service", "Slack answered 404 no_service: the webhook was revoked"),
        (410, "channel_is_archived", "the webhook"),
        (404, "channel_not_found", "the webhook"),
        (403, "action_prohibited", "the webhook's channel takes no messages; choose another"),
        (404, f"no such page: /services/{SECRET}", "Slack answered 404: the webhook was revoked"),
        (410, SECRET, "Slack answered 410: the webhook was revoked"),
        (404, f"no_service {SECRET}", "Slack answered 404: the webhook was revoked"),
        (400, "invalid_blocks", "Slack answered 400 invalid_blocks"),
        (400, f"bad {SECRET}", "Slack answered 400"),
        (500, f"proxy error at {SECRET}", "Slack answered 500"),
        (302, "", "Slack answered 302"),
    ],
)
async def test_a_refusal_is_clear_and_tells_no_secret(
    load: Load, hook: Hook, status: int, text: str, message: str
) -> None:
    hook.answers = [web.Response(status=status, text=text, headers={"Location": hook.url} if status == 302 else {})]
    with pytest.raises(RuntimeError, match=message) as caught:
        await sink_of(load("slack")).finish(CHANGED)
    assert SECRET not in told(caught.value)
    assert len(hook.messages) == 1


@pytest.mark.parametrize(("trusted", "presents"), [(False, None), (True, "elsewhere.example.com"), (True, None)])
async def test_a_proxy_that_opens_tls_is_looked_at(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trusted: bool, presents: str | None
) -> None:
    monkeypatch.setenv("HOOK", f"https://hooks.example.com/services/{SECRET}")
    for name in ("NO_PROXY", "no_proxy", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", bundle(tmp_path))
    sink = sink_of(load("slack", webhook_env="HOOK"))
    with between(Interceptor(answers={SECRET: saying("ok", "text/plain")}, presents=presents)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        if trusted and presents is None:
            await sink.finish(CHANGED)
        else:
            with pytest.raises(RuntimeError, match="opens TLS, name its authority's file in AWS_CA_BUNDLE") as caught:
                await sink.finish(CHANGED)
            assert SECRET not in told(caught.value)
    assert proxy.asked == ["hooks.example.com"]
    assert (SECRET.encode() in proxy.heard) == bool(proxy.heard) == (trusted and presents is None)


def test_it_is_no_stricter_than_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python is from 3.13 on."""
    make = ssl.create_default_context

    def stricter() -> ssl.SSLContext:
        context = make()
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", stricter)
    context = webhook._trust()
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_an_unreachable_slack_tells_no_secret(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:9/services/{SECRET}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sink = sink_of(load("slack", webhook_env="HOOK"))
    with pytest.raises(RuntimeError, match="Slack could not be reached: ClientConnectorError") as caught:
        await sink.finish(CHANGED)
    assert SECRET not in told(caught.value)
    assert SECRET not in repr(vars(sink))


@pytest.mark.parametrize(
    ("status", "said"),
    [("407 No", r"user name and password \(HTTP 407\).*HTTPS_PROXY"), ("403 No", "HTTP 403")],
)
async def test_a_proxy_that_refuses_is_named(
    load: Load, monkeypatch: pytest.MonkeyPatch, status: str, said: str
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    monkeypatch.setenv("HOOK", f"https://hooks.example.com/services/{SECRET}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:canary@127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(WebhookError, match=said) as caught:
            await sink_of(load("slack", webhook_env="HOOK")).finish(CHANGED)
    assert SECRET not in told(caught.value)
    assert "canary" not in told(caught.value)


def test_an_unset_variable_stops_no_validation_but_the_sink(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
    plugin = load("slack")
    with pytest.raises(ValueError, match="the environment variable SLACK_WEBHOOK_URL is not set"):
        plugin.bulkprof_sinks(run_context(None))


def test_the_registry_names_the_plugin_whose_webhook_is_unset(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    registry = Registry({"slack": {"webhook_env": "HOOK"}}, tmp_path)
    with pytest.raises(PluginError, match="plugin 'slack': bulkprof_sinks: the environment variable HOOK is not set"):
        list(registry.gather("bulkprof_sinks", run_context(None)))


@pytest.mark.parametrize(
    "text",
    [f"http://example.com/{SECRET}", SECRET, f"https:///{SECRET}", f"ftp://localhost/{SECRET}", f"https://[{SECRET}"],
)  # fmt: skip
def test_only_a_safe_url_will_do_and_a_wrong_one_is_not_shown(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", text)
    with pytest.raises(ValueError, match="the environment variable HOOK must hold an https URL") as caught:
        from_environment("HOOK")
    assert SECRET not in told(caught.value)


class DeniedError(Exception):
    """Shaped like botocore's ClientError."""

    def __init__(self) -> None:
        super().__init__("denied")
        self.response = {"Error": {"Code": "AccessDeniedException"}}


def secrets(answer: Any, regions: list[str | None]) -> Any:
    class Client:
        async def get_secret_value(self, **arguments: str) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return {"SecretString": answer}

    @asynccontextmanager
    async def client(service: str, *, region: str | None = None) -> AsyncIterator[Client]:
        assert service == "secretsmanager"
        regions.append(region)
        yield Client()

    return client


@pytest.mark.parametrize(
    ("secret", "region"),
    [
        ("slack/webhook", None),
        ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:slack-AbCdEf", "eu-west-1"),
    ],
)
async def test_the_webhook_may_be_a_secret(load: Load, hook: Hook, secret: str, region: str | None) -> None:
    regions: list[str | None] = []
    await sink_of(load("slack", webhook_secret=secret), secrets(f"{hook.url}\n", regions)).finish(CHANGED)
    assert regions == [region]
    assert len(hook.messages) == 1


async def test_a_secret_is_not_read_for_a_message_that_is_not_sent(load: Load) -> None:
    regions: list[str | None] = []
    await sink_of(load("slack", webhook_secret="s", when="failure"), secrets("", regions)).finish(CHANGED)
    assert regions == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (DeniedError(), "the secret slack/webhook with the Slack webhook can't be read: AccessDeniedException"),
        (f'{{"url": "https://example.com/{SECRET}"}}', "the secret slack/webhook must hold an https URL"),
    ],
)
async def test_a_secret_that_is_none_is_named(load: Load, answer: Any, message: str) -> None:
    sink = sink_of(load("slack", webhook_secret="slack/webhook"), secrets(answer, []))
    with pytest.raises((RuntimeError, ValueError), match=message) as caught:
        await sink.finish(CHANGED)
    assert SECRET not in told(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"webhook_env": "A", "webhook_secret": "b"}, "plugins.slack: `webhook_env` and `webhook_secret` exclude"),
        ({"webhook_env": f"https://example.com/{SECRET}"}, "plugins.slack.webhook_env: String should match pattern"),
        ({"when": "never"}, "plugins.slack.when: Input should be 'always', 'failure' or 'change'"),
    ],
)
def test_wrong_settings_are_named(load: Load, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=re.escape(message)) as caught:
        load("slack", **settings)
    assert SECRET not in told(caught.value)


async def test_skipped_and_unknown_rows_are_shown_too(load: Load, hook: Hook) -> None:
    outcomes = [
        replace(outcome, kind=kind)
        for outcome, kind in zip(make_outcomes(0, failed=2), (OutcomeKind.SKIPPED, OutcomeKind.UNKNOWN), strict=True)
    ]
    await sink_of(load("slack", when="failure")).finish(finished(outcomes))
    shown = json.dumps(hook.messages)
    assert "skipped teams.csv:2" in shown
    assert "unknown teams.csv:3" in shown


@pytest.mark.parametrize(
    ("status", "retry_after", "gives_up"), [(400, "", True), (429, "3600", True), (500, "", False)]
)
async def test_what_slack_refuses_is_not_sent_again(
    load: Load, hook: Hook, status: int, retry_after: str, gives_up: bool
) -> None:
    hook.answers = [web.Response(status=status, headers={"Retry-After": retry_after})]
    with pytest.raises(WebhookError) as caught:
        await sink_of(load("slack")).finish(CHANGED)
    assert isinstance(caught.value, GiveUpError) == gives_up


def certificate(folder: Path) -> Path:
    """A file with a new key and a certificate for 127.0.0.1 that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path = folder / "ca.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_the_networks_own_authorities_are_trusted(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a proxy that looks into TLS are, which AWS_CA_BUNDLE names."""
    path, got = certificate(tmp_path), []

    async def answer(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_post("/services/x", answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"https://127.0.0.1:{runner.addresses[0][1]}/services/x")
    try:
        with pytest.raises(WebhookError, match="could not be reached"):
            await sink_of(load("slack")).finish(CHANGED)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
        await sink_of(load("slack")).finish(CHANGED)
        for bad in (tmp_path / "absent.pem", tmp_path):
            monkeypatch.setenv("AWS_CA_BUNDLE", str(bad))
            with pytest.raises(WebhookError, match="AWS_CA_BUNDLE can't be used"):
                await sink_of(load("slack")).finish(CHANGED)
    finally:
        await runner.cleanup()
    assert len(got) == 1
