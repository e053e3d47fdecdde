"""One HTTP session for all clients of a run: one connector, one TLS context, one DNS cache.

aiobotocore gives each client a session of its own, which reads the trust store again for each of 300 targets.
`AioConfig(http_session_cls=…)` is its public place for another one. This module loads the SDK: import it late.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, NamedTuple, Self

import aiohttp
from aiobotocore.awsrequest import AioAWSResponse
from botocore.httpsession import ProxyConfiguration, get_cert_path
from multidict import CIMultiDict
from yarl import URL

from bulkprof.aws.transport.answers import LONGEST, at_most
from bulkprof.aws.transport.sdk_settings import trusting
from bulkprof.errors import AmbiguousError

Trust = bool | str
"""Whom TLS believes: a file of authorities, the usual ones (True), or everybody (False)."""

_CONNECT_S = 10.0
_KEEP_ALIVE_S = 10.0


class SharedHttp:
    """Owns the sessions, by what they trust (one, as a rule). `attach` stands for aiobotocore's session class.

    The connector has no limit of its own: calls in flight are bounded by whoever makes them, and a second
    bound here could only let a call wait unseen while its time runs out.
    """

    def __init__(self, timeout_s: float) -> None:
        self._sessions: dict[Trust, aiohttp.ClientSession] = {}
        self._opening = asyncio.Lock()
        self._closed = False
        # Less than the whole, so that a connection that never comes about is told apart from an answer that doesn't.
        connect_s = min(_CONNECT_S, timeout_s / 2)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=connect_s, sock_connect=connect_s)

    def attach(self, **settings: Any) -> Connection:
        """What a client gets as its HTTP session.

        Of aiobotocore's settings count those that the environment can set; the others come from code only, not ours.
        """
        return Connection(self, settings.get("verify", True), settings.get("proxies"))

    async def session(self, verify: Trust) -> aiohttp.ClientSession:
        """Answer the session that trusts whom `verify` says."""
        if (session := self._sessions.get(verify)) is not None:
            return session
        async with self._opening:
            if (session := self._sessions.get(verify)) is None:
                trust = await asyncio.to_thread(_tls, verify) if verify else False
                if self._closed:
                    # Whoever was on its way here when the run ended would open a session that nobody closes.
                    raise aiohttp.ClientConnectionError("the run's connections are closed")
                session = self._sessions[verify] = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0, ssl=trust, keepalive_timeout=_KEEP_ALIVE_S),
                    # Many accounts share the session, and nothing of one answer may show in another's request.
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=self._timeout,
                    skip_auto_headers={"Content-Type", "Accept"},
                    auto_decompress=False,
                )
        return session

    async def connector(self, verify: Trust | None) -> aiohttp.BaseConnector:
        """Return the connections that trust whom `verify` says, for sessions that don't own them."""
        session = await self.session(trusted(verify))
        if session.connector is None:
            raise aiohttp.ClientConnectionError("the run's connections are closed")
        return session.connector

    async def close(self) -> None:
        """Close all connections, for good. Calls still in flight fail."""
        self._closed = True
        while self._sessions:
            _, session = self._sessions.popitem()
            await session.close()


class Answer(NamedTuple):
    """What came back: the status, headers by their names in lower case, and the whole body."""

    status: int
    headers: dict[str, str]
    content: bytes


class Connection:
    """The HTTP session as one client sees it. Closing it closes nothing: the connections are everybody's."""

    def __init__(self, owner: SharedHttp, verify: Trust | None, proxies: dict[str, str] | None) -> None:
        self._owner = owner
        self._verify = trusted(verify)
        self._proxies = ProxyConfiguration(proxies=proxies) if proxies else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def close(self) -> None:
        """Leave everything open."""

    async def send(self, request: Any) -> Any:
        """Send a request that the SDK has prepared and signed."""
        headers = CIMultiDict(
            (name, value.decode() if isinstance(value, bytes) else value) for name, value in request.headers.items()
        )
        body = request.body.encode() if isinstance(request.body, str) else request.body
        answer = await self.exchange(request.method, request.url, headers, body)
        return AioAWSResponse(request.url, answer.status, answer.headers, Body(answer.content))

    async def exchange(self, method: str, address: str, headers: CIMultiDict[str], body: bytes | None) -> Answer:
        """Send one signed request and read its answer. aiohttp's errors pass; `errors_map` knows them."""
        # Encoded already: the signature covers this very path.
        url = URL(address, encoded=True)
        proxy = self._proxies.proxy_url_for(address) if self._proxies else None
        # Without TLS (the sandbox) nothing is to be trusted, and reading the trust store takes 50 ms.
        session = await self._owner.session(self._verify if proxy or url.scheme == "https" else False)
        headers["Accept-Encoding"] = "identity"
        async with session.request(
            method,
            url,
            headers=headers,
            # As bytes, aiohttp would look for what turns them into this, one kind after the other.
            data=aiohttp.BytesPayload(body) if body else None,
            proxy=proxy,
            # A signature holds for one host only.
            allow_redirects=False,
        ) as response:
            content = await body_of(response)
        answered = {name.decode().lower(): value.decode("latin-1") for name, value in response.raw_headers}
        return Answer(response.status, answered, content)


class Body:
    """A body that was read, where the SDK expects one that streams."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def read(self) -> bytes:
        """All of it."""
        return self._content


def trusted(verify: Trust | None) -> Trust:
    """Whom a client's setting `verify` trusts: nothing that the environment can hold turns verification off.

    To the SDK, an empty AWS_CA_BUNDLE means that nobody's certificate is looked at.
    """
    return verify or True


async def body_of(response: aiohttp.ClientResponse) -> bytes:
    """Read the whole body. Raises `AmbiguousError` for one that is too long, once that is known."""
    length = response.content_length
    if length is not None and length <= LONGEST:
        # Nearly all say their length, and are held to it.
        return await response.read()
    if length is None:
        content = await at_most(response.content.readany, LONGEST)
        if len(content) <= LONGEST:
            return content
    # What is left of it must not come in later: leaving the response unread closes its connection.
    raise AmbiguousError(
        f"the answer is longer than {LONGEST >> 20} MiB, as none of AWS's is; check AWS_ENDPOINT_URL and the "
        "proxy settings",
        code="AnswerTooLong",
    )


def _tls(verify: Trust) -> ssl.SSLContext:
    return trusting(get_cert_path(verify))
