"""The HTTP session of calls that the SDK sends by itself: its credential chain, and the clients that plugins get.

aiobotocore's own session (fixed in 3.9) verifies no certificate behind a proxy, and never its host name; and it follows
redirects, with the request's tokens. This one sends, streams, retries and raises as that one does, but through the
run's connections, which verify both, and it follows no redirect.
This module loads the SDK: import it late.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self

import aiohttp
from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.utils import ContainerMetadataFetcher, get_environ_proxies

from bulkprof.aws.transport.http import Body, SharedHttp, body_of
from bulkprof.aws.transport.parsers import ERRORS_FROM
from bulkprof.aws.transport.tls import Trust


class SdkHttp(AIOHTTPSession):  # type: ignore[misc]  # the SDK has no types
    """aiobotocore's session class on the connections of `shared`, which stay open when it is closed."""

    def __init__(self, shared: SharedHttp, **settings: Any) -> None:
        super().__init__(**settings)
        self._shared = shared
        self._trust: Trust | None = settings.get("verify")
        self._opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    async def close(self) -> None:
        """Close the session, for good or until it sends again."""
        await self.__aexit__()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Self]:
        """Replace the session of the SDK's metadata fetchers, which open it for each request and never close it."""
        async with self:
            yield self

    async def send(self, request: Any) -> Any:
        """Send a request and return its response, with the body read up to a limit, unless the caller streams it."""
        streams, request.stream_output = request.stream_output, True
        response = await super().send(request)
        if streams and response.status_code < ERRORS_FROM:
            return response
        try:
            content = await body_of(response.raw)
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from None
        except aiohttp.ClientError as error:
            raise ConnectionClosedError(error=error, request=request, endpoint_url=request.url) from None
        finally:
            response.raw.release()
        return AioAWSResponse(response.url, response.status_code, response.headers, Body(content))

    async def _get_session(self, _proxy_url: str | None) -> _NoRedirects:
        """Return the session that `send` uses; one for all proxies, as the proxy is an argument of each request."""
        connector = await self._shared.connector(self._trust)
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                skip_auto_headers={"Content-Type"},
                auto_decompress=False,
            )
        return _NoRedirects(self._opened)


class _NoRedirects:
    """An HTTP session that follows no redirect, which would send tokens to its target. botocore handles S3's itself."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.request = partial(session.request, allow_redirects=False)


class ClientDefaults(AioConfig):  # type: ignore[misc]  # the SDK has no types
    """Settings for all clients of a session, which keep their `http_session_cls` when a client brings its own settings.

    aiobotocore loses it there (fixed in 3.9), and most clients of the credential chain have their own settings.
    """

    def merge(self, other_config: Any) -> Any:
        """Return the settings of a client that was given `other_config`."""
        merged = super().merge(other_config)
        named = getattr(other_config, "http_session_cls", AIOHTTPSession)
        merged.http_session_cls = self.http_session_cls if named is AIOHTTPSession else named
        return merged


def use_shared_connections(chain: Any, core: Any, shared: SharedHttp) -> None:
    """Make a machine's own providers in the credential `chain` of `core` send through `shared`.

    Those read the metadata of an instance and of a container, which may be at an https address; they take no client
    settings.
    """
    verify = core.get_config_variable("ca_bundle")
    instance = chain.get_provider("iam-role")._role_fetcher  # noqa: SLF001 - the SDK has no public way to build the chain otherwise
    instance._session = SdkHttp(  # noqa: SLF001
        shared,
        verify=verify,
        timeout=core.get_config_variable("metadata_service_timeout"),
        proxies=get_environ_proxies(instance.get_base_url()),
    )
    container = chain.get_provider("container-role")._fetcher  # noqa: SLF001
    container._session = SdkHttp(shared, verify=verify, timeout=ContainerMetadataFetcher.TIMEOUT_SECONDS)  # noqa: SLF001
