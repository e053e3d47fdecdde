"""Every exception class of botocore, by name, and the error that it becomes.

By name, as releases add classes: new ones can be listed here before that release is installed. A class that isn't
listed is treated as the one that it inherits from, and a test fails until it is listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from bulkprof.errors import (
    AmbiguousError,
    AwsError,
    CredentialsError,
    InvalidRequestError,
    RegionError,
    SettingsError,
    UnreachableError,
    without_secrets,
)

SIGN_IN = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`"
NETWORK = "check the network, the proxy settings and AWS_ENDPOINT_URL"
TRUST = "check AWS_CA_BUNDLE and that AWS_ENDPOINT_URL is what you mean"
BROKEN = "the connection broke before an answer came"
ELSEWHERE = f"a proxy or a login page may have answered in AWS's place; {NETWORK}"
UNREADABLE = f"the answer can't be read: {ELSEWHERE}"
_SET_REGION = "set AWS_REGION, or `region` in the manifest or in [defaults]"

Rule = tuple[type[AwsError], Callable[[str, Any], str]]
"""The class of error, and a function that makes its message of the SDK's text and exception."""


def _saying(kind: type[AwsError], message: str) -> Rule:
    """Return a rule with one message, in which `{text}` is replaced by the SDK's text."""
    return kind, lambda text, _: message.replace("{text}", text)


def _to_endpoint(message: str) -> Rule:
    """Return a rule whose message names the endpoint at `{endpoint}`."""
    return UnreachableError, lambda _, error: message.replace("{endpoint}", _endpoint(error))


_CREDENTIALS = _saying(CredentialsError, f"the AWS credentials can't be used: {{text}}; {SIGN_IN}")
_SETTINGS = _saying(SettingsError, "the AWS settings can't be used: {text}; check the AWS_* variables and config file")
_REGION = _saying(RegionError, "{text}; check the Region's name and AWS_ENDPOINT_URL")
_VALUES = _saying(InvalidRequestError, "{text}")
_BROKE = _saying(AmbiguousError, BROKEN)
_CONNECT = _to_endpoint(f"can't connect to {{endpoint}}; {NETWORK}")

RULES: Mapping[str, Rule] = {
    # No credentials were found, or those that were found can't be used.
    "NoCredentialsError": _saying(CredentialsError, f"no AWS credentials were found; {SIGN_IN}"),
    "ProfileNotFound": _saying(CredentialsError, "{text}; check AWS_PROFILE and `aws configure list-profiles`"),
    **dict.fromkeys(
        (
            "CredentialRetrievalError",
            "InfiniteLoopConfigError",
            "LoginAuthorizationCodeError",
            "LoginError",
            "LoginInsufficientPermissions",
            "LoginRefreshRequired",
            "LoginTokenLoadError",
            "MetadataRetrievalError",
            "NoAuthTokenError",
            "PartialCredentialsError",
            "RefreshWithMFAUnsupportedError",
            "SSOError",
            "SSOTokenLoadError",
            "TokenRetrievalError",
            "UnauthorizedSSOTokenError",
            "UnknownCredentialError",
            "UnknownTokenProviderError",
        ),
        _CREDENTIALS,
    ),
    # The Region, or the service in it.
    "NoRegionError": _saying(RegionError, f"no Region is set; {_SET_REGION}"),
    **dict.fromkeys(
        (
            "BaseEndpointResolverError",
            "EndpointProviderError",
            "EndpointResolutionError",
            "EndpointVariantError",
            "InvalidEndpointConfigurationError",
            "InvalidHostLabelError",
            "InvalidRegionError",
            "ServiceNotInRegionError",
            "UnknownEndpointError",
            "UnknownEndpointResolutionBuiltInName",
            "UnknownFIPSEndpointError",
            "UnknownRegionError",
        ),
        _REGION,
    ),
    # Other settings, and what the SDK lacks on this machine.
    **dict.fromkeys(
        (
            "ApiVersionNotFoundError",
            "BotoCoreError",
            "ConfigNotFound",
            "ConfigParseError",
            "DataNotFoundError",
            "InvalidChecksumConfigError",
            "InvalidConfigError",
            "InvalidDefaultsMode",
            "InvalidEndpointDiscoveryConfigurationError",
            "InvalidIMDSEndpointError",
            "InvalidIMDSEndpointModeError",
            "InvalidMaxRetryAttemptsError",
            "InvalidProxiesConfigError",
            "InvalidRetryConfigurationError",
            "InvalidRetryModeError",
            "InvalidS3AddressingStyleError",
            "InvalidS3UsEast1RegionalEndpointConfigError",
            "InvalidSTSRegionalEndpointsConfigError",
            "MD5UnavailableError",
            "MissingDependencyException",
            "UnknownServiceError",
            "UnknownServiceStyle",
            "UnknownSignatureVersionError",
            "UnsupportedS3AccesspointConfigurationError",
            "UnsupportedS3ConfigurationError",
            "UnsupportedS3ControlConfigurationError",
            "UnsupportedServiceProtocolsError",
            "UnsupportedSignatureVersionError",
        ),
        _SETTINGS,
    ),
    # Values that the SDK won't send.
    **dict.fromkeys(
        (
            "AliasConflictParameterError",
            "InvalidDNSNameError",
            "InvalidExpressionError",
            "MissingParametersError",
            "OperationNotPageableError",
            "ParamValidationError",
            "RangeError",
            "UnknownClientMethodError",
            "UnknownKeyError",
            "UnknownParameterError",
            "UnsupportedOutpostResourceError",
            "UnsupportedS3ArnError",
            "UnsupportedS3ControlArnError",
            "ValidationError",
            "WaiterConfigError",
        ),
        _VALUES,
    ),
    # No connection, so nothing was sent.
    "CapacityNotAvailableError": _saying(UnreachableError, "{text}"),
    "ConnectTimeoutError": _CONNECT,
    "ConnectionError": _CONNECT,
    "EndpointConnectionError": _CONNECT,
    "ProxyConnectionError": _saying(UnreachableError, f"the proxy can't be reached; {NETWORK}"),
    "SSLError": _to_endpoint(f"no trusted connection to {{endpoint}}; {TRUST}"),
    # The connection broke after that.
    "ReadTimeoutError": _saying(AmbiguousError, "no answer in time"),
    **dict.fromkeys(
        (
            "AwsChunkedWrapperError",
            "ChecksumError",
            "ConnectionClosedError",
            "FlexibleChecksumError",
            "HTTPClientError",
            "IncompleteReadError",
            "ResponseStreamingError",
            "UnseekableStreamError",
        ),
        _BROKE,
    ),
    # A response arrived, and isn't what it should be.
    **dict.fromkeys(
        ("PaginationError", "StubAssertionError", "StubResponseError", "UnStubbedResponseError", "WaiterError"),
        _saying(AmbiguousError, "{text}"),
    ),
}
"""By the names of botocore's classes."""
# A container's endpoint returns keys; an unexpected response of it can hold anything.
_CONTAINER_RESPONSE = re.compile(r"(from container metadata):.*", re.DOTALL)


def from_botocore(error: Any) -> AwsError:
    """Return what a `BotoCoreError` means. Never raises."""
    kind, message = next(rule for each in type(error).__mro__ if (rule := RULES.get(each.__name__)) is not None)
    code = "ReadTimeout" if "ReadTimeoutError" in {each.__name__ for each in type(error).__mro__} else ""
    # Some of its texts have several lines, and some quote an endpoint with its password.
    text = " ".join(safe_text(error).split()).rstrip(".")
    return kind(message(text, error), code=code or type(error).__name__)


def safe_text(error: object) -> str:
    """Return the text of `error`, an exception of the SDK or its text, without secrets in it."""
    return without_secrets(_CONTAINER_RESPONSE.sub(r"\1", str(error)))


def _endpoint(error: Any) -> str:
    try:
        parts = urlsplit(str(error.kwargs.get("endpoint_url", "")))
        # Messages show only host and port: a URL can hold a password.
        return (parts.hostname or "the endpoint") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "the endpoint"
