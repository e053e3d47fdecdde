"""One HTTP session for all clients of a run: one connector, one TLS context, one DNS cache.

aiobotocore gives each client a session of its own, which reads the trust store again for each of 300 targets.
`AioConfig(http_session_cls=…)` is its public way to use another one. This module loads the SDK: import it late.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple, Self

import aiohttp
from aiobotocore.awsrequest import AioAWSResponse
from botocore.httpsession import ProxyConfiguration
from multidict import CIMultiDict
from yarl import URL

from bulkprof.aws.transport.responses import LONGEST, at_most
from bulkprof.aws.transport.tls import Trust, tls_context, trusted
from bulkprof.errors import AmbiguousError

_CONNECT_S = 10.0
_KEEP_ALIVE_S = 10.0


class SharedHttp:
    """Owns the sessions, by what they trust (one, as a rule). `attach` is used in place of aiobotocore's session class.

    The connector has no limit of its own: the engine bounds the calls in flight, and a second bound here could only
    make a call wait while its timeout runs.
    """

    def __init__(self, timeout_s: float) -> None:
        self._sessions: dict[Trust, aiohttp.ClientSession] = {}
        self._opening = asyncio.Lock()
        self._closed = False
        # Less than the whole, to tell a connection that can't be made from a response that doesn't arrive.
        connect_s = min(_CONNECT_S, timeout_s / 2)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=connect_s, sock_connect=connect_s)

    def attach(self, **settings: Any) -> Connection:
        """Return the HTTP session of a client.

        Only those of aiobotocore's settings are used that the environment can set; bulkprof sets no others in code.
        """
        return Connection(self, settings.get("verify", True), settings.get("proxies"))

    async def session(self, verify: Trust) -> aiohttp.ClientSession:
        """Return the session that trusts what `verify` says."""
        if (session := self._sessions.get(verify)) is not None:
            return session
        async with self._opening:
            if (session := self._sessions.get(verify)) is None:
                trust = await asyncio.to_thread(tls_context, verify) if verify else False
                if self._closed:
                    # A call that arrives when the run has ended would open a session that is never closed.
                    raise aiohttp.ClientConnectionError("the run's connections are closed")
                session = self._sessions[verify] = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0, ssl=trust, keepalive_timeout=_KEEP_ALIVE_S),
                    # Many accounts share the session: a cookie of one account must not be sent with another's request.
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=self._timeout,
                    skip_auto_headers={"Content-Type", "Accept"},
                    auto_decompress=False,
                )
        return session

    async def connector(self, verify: Trust | None) -> aiohttp.BaseConnector:
        """Return the connections that trust what `verify` says, for sessions that don't own them."""
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


class Response(NamedTuple):
    """An HTTP response: the status, headers by their names in lower case, and the whole body."""

    status: int
    headers: dict[str, str]
    content: bytes


class Connection:
    """The HTTP session as one client sees it. Closing it closes nothing: all clients share the connections."""

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
        response = await self.exchange(request.method, request.url, headers, body)
        return AioAWSResponse(request.url, response.status, response.headers, Body(response.content))

    async def exchange(self, method: str, address: str, headers: CIMultiDict[str], body: bytes | None) -> Response:
        """Send one signed request and return its response. Raises what aiohttp raises; `aws.errors` maps it."""
        # Encoded already: the signature covers this very path.
        url = URL(address, encoded=True)
        proxy = self._proxies.proxy_url_for(address) if self._proxies else None
        # Without TLS (the sandbox) there is nothing to verify, and reading the trust store takes 50 ms.
        session = await self._owner.session(self._verify if proxy or url.scheme == "https" else False)
        headers["Accept-Encoding"] = "identity"
        async with session.request(
            method,
            url,
            headers=headers,
            # For plain bytes, aiohttp would first try all of its payload classes.
            data=aiohttp.BytesPayload(body) if body else None,
            proxy=proxy,
            # A signature holds for one host only.
            allow_redirects=False,
        ) as response:
            content = await body_of(response)
        received = {name.decode().lower(): value.decode("latin-1") for name, value in response.raw_headers}
        return Response(response.status, received, content)


class Body:
    """A body that was read already, where the SDK expects a stream."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def read(self) -> bytes:
        """Return all of it."""
        return self._content


async def body_of(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body. Raises `AmbiguousError` for one that is too long, without reading all of it."""
    length = response.content_length
    if length is not None and length <= LONGEST:
        # Nearly all have a Content-Length, and aiohttp enforces it.
        return await response.read()
    if length is None:
        content = await at_most(response.content.readany, LONGEST)
        if len(content) <= LONGEST:
            return content
    # Leaving the response unread closes its connection, so the rest can't arrive later.
    raise AmbiguousError(
        f"the answer is longer than {LONGEST >> 20} MiB, as none of AWS's is; check AWS_ENDPOINT_URL and the "
        "proxy settings",
        code="AnswerTooLong",
    )
