"""Posting to Slack: refusals, waits, proxies and TLS, and no secret in any error."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from bulkprof_slack import webhook
from bulkprof_slack.webhook import WebhookError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bulkprof.plugins import GiveUpError
from tests.aws.intercepting import Interceptor, bundle, http_response, running
from tests.factories import finished, make_outcomes
from tests.plugins.conftest import SLACK_SECRET as SECRET
from tests.plugins.conftest import SlackHook, all_text, sink_of

Load = Callable[..., Any]
CHANGED = finished(make_outcomes(2))


async def test_a_busy_slack_is_waited_for_as_it_says(load: Load, hook: SlackHook) -> None:
    hook.responses = [web.Response(status=429, headers={"Retry-After": "0"}) for _ in range(2)]
    await sink_of(load("slack")).finish(CHANGED)
    assert len(hook.messages) == 3


@pytest.mark.parametrize(("seconds", "tries"), [("0", 3), ("3600", 1)])
async def test_a_slack_that_stays_busy_is_left_to_a_later_delivery(
    load: Load, hook: SlackHook, seconds: str, tries: int
) -> None:
    hook.responses = [web.Response(status=429, headers={"Retry-After": seconds}) for _ in range(9)]
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
    load: Load, hook: SlackHook, status: int, text: str, message: str
) -> None:
    hook.responses = [web.Response(status=status, text=text, headers={"Location": hook.url} if status == 302 else {})]
    with pytest.raises(RuntimeError, match=message) as caught:
        await sink_of(load("slack")).finish(CHANGED)
    assert SECRET not in all_text(caught.value)
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
    with running(Interceptor(responses={SECRET: http_response("ok", "text/plain")}, presents=presents)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        if trusted and presents is None:
            await sink.finish(CHANGED)
        else:
            with pytest.raises(RuntimeError, match="opens TLS, name its authority's file in AWS_CA_BUNDLE") as caught:
                await sink.finish(CHANGED)
            assert SECRET not in all_text(caught.value)
    assert proxy.hosts == ["hooks.example.com"]
    assert (SECRET.encode() in proxy.received) == bool(proxy.received) == (trusted and presents is None)


def test_it_is_no_stricter_than_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python is from 3.13 on."""
    make = ssl.create_default_context

    def stricter() -> ssl.SSLContext:
        context = make()
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", stricter)
    context = webhook.tls_context()
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_an_unreachable_slack_tells_no_secret(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:9/services/{SECRET}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sink = sink_of(load("slack", webhook_env="HOOK"))
    with pytest.raises(RuntimeError, match="Slack could not be reached: ClientConnectorError") as caught:
        await sink.finish(CHANGED)
    assert SECRET not in all_text(caught.value)
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
    assert SECRET not in all_text(caught.value)
    assert "canary" not in all_text(caught.value)


@pytest.mark.parametrize(
    ("status", "retry_after", "gives_up"), [(400, "", True), (429, "3600", True), (500, "", False)]
)
async def test_what_slack_refuses_is_not_sent_again(
    load: Load, hook: SlackHook, status: int, retry_after: str, gives_up: bool
) -> None:
    hook.responses = [web.Response(status=status, headers={"Retry-After": retry_after})]
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
