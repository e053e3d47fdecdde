"""What a lost connection means: whether anything was sent, and what the user can do about it."""

from __future__ import annotations

import functools
import socket
import ssl
from typing import Any

from bulkprof.aws.errors.sdk import BROKEN, NETWORK, TRUST, UNREADABLE, from_botocore
from bulkprof.errors import AmbiguousError, AwsError, SettingsError, UnreachableError

PROXY_AUTH = 407
"""The HTTP status by which only proxies ask for a name and password."""
_Rules = tuple[tuple[type[Exception] | tuple[type[Exception], ...], type[AwsError], str], ...]
"""Which exceptions become what, with which message."""


@functools.cache
def transport_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that `from_transport` takes. Looked up late: this module must not load the SDK."""
    import aiohttp
    from botocore.exceptions import BotoCoreError
    from botocore.parsers import ResponseParserError

    return (
        BotoCoreError,
        ResponseParserError,
        aiohttp.ClientError,
        aiohttp.http_exceptions.HttpProcessingError,
        ConnectionError,
        TimeoutError,
        socket.gaierror,
        ssl.SSLError,
    )


def from_transport(error: Exception) -> AwsError:
    """Return what one of `transport_errors()` means. Never raises."""
    from botocore import exceptions as sdk

    if isinstance(error, sdk.BotoCoreError):
        # aiobotocore reports a reset in mid-call as "could not connect"; the wrapped exception tells the two apart.
        inner = error.kwargs.get("error")
        if isinstance(inner, AwsError):
            # bulkprof's own, raised below the SDK: a list of authorities that can't be used, say.
            return type(inner)(inner.message, code=inner.code)
        clear = sdk.ConnectTimeoutError | sdk.ReadTimeoutError
        if isinstance(inner, Exception) and not isinstance(error, clear):
            wrapped = from_transport(inner) if isinstance(inner, transport_errors()) else None
            if isinstance(wrapped, UnreachableError | AmbiguousError | SettingsError):
                return wrapped
        return from_botocore(error)
    return _from_socket(error)


def _from_socket(error: Exception) -> AwsError:
    import aiohttp

    code, host, reason = type(error).__name__, _host(error), _reason(error)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return refused_by_proxy(error.status)
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        code = "ReadTimeout"
    rules: _Rules = (
        (
            (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch, ssl.SSLCertVerificationError),
            UnreachableError,
            f"no trusted connection to {host}: {reason}; {TRUST}",
        ),
        (aiohttp.ClientProxyConnectionError, UnreachableError, f"the proxy can't be reached: {reason}; {NETWORK}"),
        (
            (aiohttp.ClientConnectorError, ConnectionRefusedError, socket.gaierror),
            UnreachableError,
            f"can't connect to {host}: {reason}; {NETWORK}",
        ),
        (aiohttp.ConnectionTimeoutError, UnreachableError, f"no connection in time; {NETWORK}"),
        (
            (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError),
            UnreachableError,
            "the proxy or the endpoint is not an HTTP URL; check HTTPS_PROXY, HTTP_PROXY and AWS_ENDPOINT_URL",
        ),
        (TimeoutError, AmbiguousError, "no answer in time"),
        # What arrived isn't HTTP.
        ((aiohttp.ClientResponseError, aiohttp.http_exceptions.HttpProcessingError), AmbiguousError, UNREADABLE),
        ((aiohttp.ClientError, OSError), AmbiguousError, BROKEN),
        (Exception, AmbiguousError, UNREADABLE),
    )
    return _first(rules, error, code)


def refused_by_proxy(status: int) -> AwsError:
    """Return what a response of the proxy itself means. Nothing was sent to AWS."""
    if status == PROXY_AUTH:
        return SettingsError(
            "the proxy asks for a user name and password (HTTP 407); write them into HTTPS_PROXY, as in "
            "http://user:password@host:port",
            code="ProxyAuth",
        )
    return UnreachableError(f"the proxy refused to connect (HTTP {status}); {NETWORK}", code="ClientHttpProxyError")


def _first(rules: _Rules, error: Exception, code: str) -> AwsError:
    kind, message = next((kind, message) for classes, kind, message in rules if isinstance(error, classes))
    return kind(message, code=code)


def _host(error: Any) -> str:
    host, port = getattr(error, "host", None), getattr(error, "port", None)
    return f"{host}:{port}" if host else "the endpoint"


def _reason(error: Exception) -> str:
    cause = getattr(error, "os_error", error)
    return str(getattr(cause, "strerror", None) or type(cause).__name__)
