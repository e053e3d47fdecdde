"""What it means when there is no answer: whether anything was sent, and what the user can do about it."""

from __future__ import annotations

import functools
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from bulkprof.aws.untold import safe_text
from bulkprof.errors import (
    AmbiguousError,
    AwsError,
    CredentialsError,
    InvalidRequestError,
    RegionError,
    UnreachableError,
)

_SIGN_IN = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`"
_SET_REGION = "set AWS_REGION, or `region` in the manifest or in [defaults]"
_NETWORK = "check the network, the proxy settings and AWS_ENDPOINT_URL"
_TRUST = "check AWS_CA_BUNDLE and that AWS_ENDPOINT_URL is what you mean"
_BROKEN = "the connection broke before an answer came"

_Rules = tuple[tuple[type[Exception] | tuple[type[Exception], ...], type[AwsError], str], ...]
"""Which exceptions become what, with which message."""


@functools.cache
def transport_errors() -> tuple[type[Exception], ...]:
    """What `from_transport` knows. Looked up late: nothing here loads the SDK."""
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
    """Answer what one of `transport_errors()` means. Never raises."""
    from botocore import exceptions as sdk

    code = type(error).__name__
    if isinstance(error, sdk.BotoCoreError):
        if isinstance(error, sdk.ReadTimeoutError):
            return AmbiguousError("no answer in time", code="ReadTimeout")
        # aiobotocore reports a reset in mid-call as "could not connect"; only what it wraps tells the two apart.
        inner = error.kwargs.get("error")
        if isinstance(inner, Exception) and not isinstance(error, sdk.ConnectTimeoutError | sdk.ProxyConnectionError):
            wrapped = from_transport(inner) if isinstance(inner, transport_errors()) else None
            if isinstance(wrapped, UnreachableError | AmbiguousError):
                return wrapped
        return _from_botocore(error, code)
    return _from_socket(error, code)


def _from_botocore(error: Any, code: str) -> AwsError:
    from botocore import exceptions as sdk

    text = safe_text(error)
    # In order: the first class that fits decides. The last stands for the SDK's own set-up (a bad endpoint URL, a
    # broken config file): it never got to send.
    rules: _Rules = (
        (sdk.NoCredentialsError, CredentialsError, f"no AWS credentials were found; {_SIGN_IN}"),
        (sdk.ProfileNotFound, CredentialsError, f"{text}; check AWS_PROFILE and `aws configure list-profiles`"),
        (_credential_errors(), CredentialsError, f"the AWS credentials can't be used: {text}; {_SIGN_IN}"),
        (sdk.NoRegionError, RegionError, f"no Region is set; {_SET_REGION}"),
        (_region_errors(), RegionError, f"{text}; check the Region's name and AWS_ENDPOINT_URL"),
        ((sdk.ParamValidationError, sdk.ValidationError, sdk.MissingParametersError), InvalidRequestError, text),
        (sdk.ProxyConnectionError, UnreachableError, f"the proxy can't be reached; {_NETWORK}"),
        (sdk.SSLError, UnreachableError, f"no trusted connection to {_endpoint(error)}; {_TRUST}"),
        (
            (sdk.EndpointConnectionError, sdk.ConnectTimeoutError),
            UnreachableError,
            f"can't connect to {_endpoint(error)}; {_NETWORK}",
        ),
        (
            (sdk.HTTPClientError, sdk.IncompleteReadError, sdk.ChecksumError, sdk.FlexibleChecksumError),
            AmbiguousError,
            _BROKEN,
        ),
        (sdk.BotoCoreError, RegionError, f"the AWS settings can't be used: {text}"),
    )
    return _first(rules, error, code)


def _from_socket(error: Exception, code: str) -> AwsError:
    import aiohttp

    host, reason = _host(error), _reason(error)
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        code = "ReadTimeout"
    rules: _Rules = (
        (
            (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch, ssl.SSLCertVerificationError),
            UnreachableError,
            f"no trusted connection to {host}: {reason}; {_TRUST}",
        ),
        (aiohttp.ClientHttpProxyError, UnreachableError, f"the proxy refused to connect; {_NETWORK}"),
        (aiohttp.ClientProxyConnectionError, UnreachableError, f"the proxy can't be reached: {reason}; {_NETWORK}"),
        (
            (aiohttp.ClientConnectorError, ConnectionRefusedError, socket.gaierror),
            UnreachableError,
            f"can't connect to {host}: {reason}; {_NETWORK}",
        ),
        (aiohttp.ConnectionTimeoutError, UnreachableError, f"no connection in time; {_NETWORK}"),
        (
            (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError),
            UnreachableError,
            "the endpoint is not an HTTP URL; check AWS_ENDPOINT_URL",
        ),
        (TimeoutError, AmbiguousError, "no answer in time"),
        ((aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError), AmbiguousError, _BROKEN),
        (Exception, AmbiguousError, "the answer can't be read"),
    )
    return _first(rules, error, code)


def _first(
    rules: _Rules,
    error: Exception,
    code: str,
) -> AwsError:
    kind, message = next((kind, message) for classes, kind, message in rules if isinstance(error, classes))
    return kind(message, code=code)


@functools.cache
def _credential_errors() -> tuple[type[Exception], ...]:
    from botocore import exceptions as sdk

    return (
        sdk.PartialCredentialsError,
        sdk.CredentialRetrievalError,
        sdk.MetadataRetrievalError,
        sdk.NoAuthTokenError,
        sdk.TokenRetrievalError,
        sdk.SSOError,
        sdk.RefreshWithMFAUnsupportedError,
        sdk.UnknownCredentialError,
        sdk.InvalidConfigError,
        sdk.ConfigParseError,
        sdk.ConfigNotFound,
    )


@functools.cache
def _region_errors() -> tuple[type[Exception], ...]:
    from botocore import exceptions as sdk

    return (
        sdk.BaseEndpointResolverError,
        sdk.EndpointProviderError,
        sdk.InvalidEndpointConfigurationError,
        sdk.InvalidRegionError,
        sdk.InvalidHostLabelError,
        sdk.ServiceNotInRegionError,
        sdk.UnknownRegionError,
    )


def _endpoint(error: Any) -> str:
    parts = urlsplit(str(error.kwargs.get("endpoint_url", "")))
    # Host and port are all that messages show: a URL can carry a password.
    return (parts.hostname or "the endpoint") + (f":{parts.port}" if parts.port else "")


def _host(error: Any) -> str:
    host, port = getattr(error, "host", None), getattr(error, "port", None)
    return f"{host}:{port}" if host else "the endpoint"


def _reason(error: Exception) -> str:
    cause = getattr(error, "os_error", error)
    return str(getattr(cause, "strerror", None) or type(cause).__name__)
