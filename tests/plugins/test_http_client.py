"""The HTTP client of sinks: waits, proxies, TLS, endless answers, and no URL in any error."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from bulkprof.plugins import HttpAnswer, HttpError, http_client, http_post
from tests.aws.intercepting import Interceptor, bundle, http_response, running
from tests.plugins.conftest import all_text

SECRET = "T000-B000-very-secret"
ELSEWHERE = f"https://hooks.example.com/services/{SECRET}"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def post(url: str, timeout_s: float = 5.0, **headers: str) -> HttpAnswer:
    return await http_post(SecretStr(url), b"{}", server="the pager", timeout_s=timeout_s, headers=headers)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client waited, without waiting."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(http_client.anyio, "sleep", sleep)
    return waited


class Server:
    """Sends the given answers, then 200; keeps the requests' headers."""

    def __init__(self, *answers: web.Response) -> None:
        self.answers = list(answers)
        self.headers: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        return self.answers.pop(0) if self.answers else web.Response(text="ok")


class Serving:
    """A server on this machine, while it is needed."""

    def __init__(self, answer: Answer, *, certificate: Path | None = None) -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        self._runner = web.AppRunner(app)
        self._certificate = certificate

    async def __aenter__(self) -> str:
        await self._runner.setup()
        context = None
        if self._certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self._certificate)
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        scheme = "https" if context else "http"
        return f"{scheme}://127.0.0.1:{self._runner.addresses[0][1]}/services/{SECRET}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


def busy(status: int, retry_after: str | None, **headers: str) -> web.Response:
    return web.Response(status=status, headers={**({"Retry-After": retry_after} if retry_after else {}), **headers})


@pytest.mark.parametrize(
    ("answers", "waited", "status"),
    [
        ([busy(429, "2"), busy(503, "3")], [2.0, 3.0], 200),
        ([busy(429, None)], [1.0], 200),
        ([busy(503, "Wed, 21 Oct 2015 07:28:04 GMT", Date="Wed, 21 Oct 2015 07:28:00 GMT")], [4.0], 200),
        # Not longer than ten seconds in all, and three times at most.
        ([busy(429, "3600")], [], 429),
        ([busy(429, "6"), busy(429, "6")], [6.0], 429),
        ([busy(429, "0"), busy(429, "0"), busy(429, "0")], [0.0, 0.0], 429),
        # Who doesn't ask for patience isn't asked again here.
        ([busy(500, None)], [], 500),
        ([busy(400, "1")], [], 400),
    ],
)
async def test_a_busy_server_is_waited_for_as_it_says(
    waits: list[float], answers: list[web.Response], waited: list[float], status: int
) -> None:
    async with Serving(Server(*answers).answer) as url:
        assert (await post(url)).status == status
    assert waits == waited


@pytest.mark.parametrize(
    ("answer", "ok", "busy", "final"),
    [
        (HttpAnswer(202, ""), True, False, False),
        (HttpAnswer(302, ""), False, False, True),
        (HttpAnswer(400, ""), False, False, True),
        (HttpAnswer(408, ""), False, False, False),
        (HttpAnswer(409, ""), False, False, False),
        (HttpAnswer(429, ""), False, True, False),
        (HttpAnswer(500, ""), False, False, False),
        (HttpAnswer(503, "", 5.0), False, True, False),
    ],
)
def test_what_an_answer_means(answer: HttpAnswer, ok: bool, busy: bool, final: bool) -> None:
    assert (answer.ok, answer.is_busy, answer.is_final) == (ok, busy, final)


async def test_redirects_are_not_followed(waits: list[float]) -> None:
    server = Server(web.Response(status=307, headers={"Location": "/elsewhere"}))
    async with Serving(server.answer) as url:
        assert (await post(url)).status == 307
    assert len(server.headers) == 1


async def test_headers_are_sent_and_no_password_of_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = Server()
    async with Serving(server.answer) as url:
        await post(url, **{"X-Key": "1", "Content-Type": "text/plain"})
    (headers,) = server.headers
    assert (headers["X-Key"], headers["Content-Type"]) == ("1", "text/plain")
    assert "Authorization" not in headers


async def test_an_endless_answer_is_read_only_at_its_beginning() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 1000)
        except ConnectionError:
            return response

    async with Serving(endless) as url:
        answer = await post(url)
    assert answer.text == "x" * http_client.LONGEST


async def test_an_answer_is_not_unpacked() -> None:
    packed = web.Response(body=gzip.compress(b"x" * 1_000_000), headers={"Content-Encoding": "gzip"})
    async with Serving(Server(packed).answer) as url:
        answer = await post(url)
    assert answer.ok
    assert "xxx" not in answer.text


async def test_a_slow_server_is_given_up() -> None:
    never = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    async with Serving(slow) as url:
        with pytest.raises(HttpError, match=r"the pager could not be reached: no answer within 0\.05 s") as caught:
            await post(url, timeout_s=0.05)
        never.set()
    assert SECRET not in all_text(caught.value)


async def test_a_dead_server_tells_no_secret() -> None:
    with pytest.raises(HttpError, match="the pager could not be reached: ClientConnectorError") as caught:
        await post(f"http://127.0.0.1:9/services/{SECRET}")
    assert SECRET not in all_text(caught.value)


async def test_plain_http_on_this_machine_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with Serving(Server().answer) as url:
        assert (await post(url)).ok


@pytest.mark.parametrize(("trusted", "presents"), [(False, None), (True, "elsewhere.example.com"), (True, None)])
async def test_a_proxy_that_opens_tls_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trusted: bool, presents: str | None
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", bundle(tmp_path))
    with running(Interceptor(responses={SECRET: http_response("ok", "text/plain")}, presents=presents)) as proxy:
        # Without its scheme, as the SDK takes it, too.
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.removeprefix("http://"))
        if trusted and presents is None:
            assert (await post(ELSEWHERE)).status == 200
        else:
            with pytest.raises(HttpError, match="opens TLS, name its authority's file in AWS_CA_BUNDLE") as caught:
                await post(ELSEWHERE)
            assert SECRET not in all_text(caught.value)
    assert proxy.hosts == ["hooks.example.com"]
    assert (SECRET.encode() in proxy.received) == bool(proxy.received) == (trusted and presents is None)


async def test_hosts_in_no_proxy_go_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost")
    with running(Interceptor()) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(HttpError, match="could not be reached"):
            await post("https://localhost:9/")
    assert proxy.hosts == []


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("socks5://user:canary@127.0.0.1:9", "the proxy in HTTPS_PROXY must be one that speaks HTTP"),
        ("http://user:canary@127.0.0.1:port", "its URL can't be used, or that of the proxy in HTTPS_PROXY"),
        ("http://user:canary@127.0.0.1:9", "ClientProxyConnectionError"),
    ],
)
async def test_a_proxy_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, proxy: str, said: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(HttpError, match=said) as caught:
        await post(ELSEWHERE)
    assert SECRET not in all_text(caught.value)
    assert "canary" not in all_text(caught.value)


@pytest.mark.parametrize(
    ("status", "said"),
    [("407 No", r"user name and password \(HTTP 407\).*HTTPS_PROXY"), ("403 No", "HTTP 403")],
)
async def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch, status: str, said: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:canary@127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(HttpError, match=said) as caught:
            await post(ELSEWHERE)
    assert SECRET not in all_text(caught.value)
    assert "canary" not in all_text(caught.value)


def test_it_is_no_stricter_than_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python is from 3.13 on."""
    make = ssl.create_default_context

    def stricter() -> ssl.SSLContext:
        context = make()
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", stricter)
    context = http_client.tls_context()
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


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


async def test_the_networks_own_authorities_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of a proxy that looks into TLS are, which AWS_CA_BUNDLE names."""
    path, server = certificate(tmp_path), Server()
    async with Serving(server.answer, certificate=path) as url:
        with pytest.raises(HttpError, match="could not be reached"):
            await post(url)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
        assert (await post(url)).ok
        for bad in (tmp_path / "absent.pem", tmp_path):
            monkeypatch.setenv("AWS_CA_BUNDLE", str(bad))
            with pytest.raises(HttpError, match="AWS_CA_BUNDLE can't be used"):
                await post(url)
    assert len(server.headers) == 1
