"""The one place that knows what the SDK raises: everything becomes an `AwsError` that says what to do next.

Two questions decide the class: did AWS answer, and if not, can it have done the work?

- An answer is judged by its code, and by its HTTP status where nobody has listed the code.
- No connection, no work: `UnreachableError`. Anything that broke after that is an `AmbiguousError`.

Messages are AWS's own, save those about keys and signatures: they quote the signed request, tokens and all.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from bulkprof.aws.errors.sdk import NETWORK, UNREADABLE
from bulkprof.aws.errors.transport import PROXY_AUTH, from_transport, refused_by_proxy, transport_errors
from bulkprof.errors import (
    AccessDeniedError,
    AmbiguousError,
    AwsError,
    BulkprofError,
    ConflictError,
    CredentialsError,
    ExpiredCredentialsError,
    InvalidRequestError,
    NotFoundError,
    QuotaError,
    RegionError,
    SettingsError,
    ThrottledError,
    TooManyTagsError,
)

CODES: Mapping[str, type[AwsError]] = {
    # Bedrock
    "AccessDeniedException": AccessDeniedError,
    "ConflictException": ConflictError,
    "InternalServerException": AmbiguousError,
    "ResourceNotFoundException": NotFoundError,
    "ServiceQuotaExceededException": QuotaError,
    "ThrottlingException": ThrottledError,
    "TooManyTagsException": TooManyTagsError,
    "ValidationException": InvalidRequestError,
    # Resource Groups Tagging API
    "InternalServiceException": AmbiguousError,
    "InvalidParameterException": InvalidRequestError,
    "PaginationTokenExpiredException": InvalidRequestError,
    "ThrottledException": ThrottledError,
    # Service Quotas
    "IllegalArgumentException": InvalidRequestError,
    "NoSuchResourceException": NotFoundError,
    "ServiceException": AmbiguousError,
    # Organizations
    "AWSOrganizationsNotInUseException": InvalidRequestError,
    "InvalidInputException": InvalidRequestError,
    "ParentNotFoundException": NotFoundError,
    "TargetNotFoundException": NotFoundError,
    # STS
    "MalformedPolicyDocument": InvalidRequestError,
    "PackedPolicyTooLarge": InvalidRequestError,
    "RegionDisabledException": RegionError,
    # Any service: keys and signatures
    "AuthFailure": CredentialsError,
    "ExpiredToken": ExpiredCredentialsError,
    "ExpiredTokenException": ExpiredCredentialsError,
    "IncompleteSignature": CredentialsError,
    "IncompleteSignatureException": CredentialsError,
    "InvalidAccessKeyId": CredentialsError,
    "InvalidClientTokenId": CredentialsError,
    "InvalidSignatureException": CredentialsError,
    "InvalidToken": CredentialsError,
    "MissingAuthenticationToken": CredentialsError,
    "MissingAuthenticationTokenException": CredentialsError,
    "RequestExpired": ExpiredCredentialsError,
    "RequestTimeTooSkewed": CredentialsError,
    "SignatureDoesNotMatch": CredentialsError,
    "UnrecognizedClientException": CredentialsError,
    # Any service: permissions
    "AccessDenied": AccessDeniedError,
    "NotAuthorized": AccessDeniedError,
    "OptInRequired": RegionError,
    "UnauthorizedException": AccessDeniedError,
    "UnauthorizedOperation": AccessDeniedError,
    # Any service: too fast
    "BandwidthLimitExceeded": ThrottledError,
    "EC2ThrottledException": ThrottledError,
    "LimitExceededException": ThrottledError,
    "PriorRequestNotComplete": ThrottledError,
    "ProvisionedThroughputExceededException": ThrottledError,
    "RequestLimitExceeded": ThrottledError,
    "RequestThrottled": ThrottledError,
    "RequestThrottledException": ThrottledError,
    "SlowDown": ThrottledError,
    "Throttling": ThrottledError,
    "TooManyRequestsException": ThrottledError,
    "TransactionInProgressException": ThrottledError,
    # Any service: trouble inside
    "InternalError": AmbiguousError,
    "InternalFailure": AmbiguousError,
    "InternalServerError": AmbiguousError,
    "RequestTimeout": AmbiguousError,
    "RequestTimeoutException": AmbiguousError,
    "ServiceUnavailable": AmbiguousError,
    "ServiceUnavailableException": AmbiguousError,
    # Any service: refused values
    "InvalidAction": InvalidRequestError,
    "InvalidParameterCombination": InvalidRequestError,
    "InvalidParameterValue": InvalidRequestError,
    "MalformedQueryString": InvalidRequestError,
    "MissingParameter": InvalidRequestError,
    "SerializationException": InvalidRequestError,
    "UnknownOperationException": InvalidRequestError,
    "ValidationError": InvalidRequestError,
}
"""Error codes to classes. Codes that aren't here are judged by `_of_status`."""

STATUSES: Mapping[int, type[AwsError]] = {
    401: CredentialsError,
    403: AccessDeniedError,
    404: NotFoundError,
    408: AmbiguousError,
    409: ConflictError,
    429: ThrottledError,
}
"""HTTP statuses to classes, where the code says nothing."""

_SIGN_IN = "check AWS_PROFILE or AWS_ACCESS_KEY_ID, or sign in again, and that the Region is enabled for the account"
_CLOCK = "check the secret key, that nothing on the way rewrites requests, and this machine's clock"
_RENEW = "sign in again, and run the command again (`bulkprof resume`, where the run had begun to change anything)"
_ADVICE: Mapping[str, str] = {
    "AuthFailure": f"AWS doesn't know these credentials; {_SIGN_IN}",
    "ExpiredToken": f"the session's credentials have run out; {_RENEW}",
    "ExpiredTokenException": f"the session's credentials have run out; {_RENEW}",
    "InvalidAccessKeyId": f"AWS doesn't know this access key; {_SIGN_IN}",
    "InvalidClientTokenId": f"AWS doesn't know these credentials; {_SIGN_IN}",
    "InvalidToken": f"AWS doesn't know this session token; {_SIGN_IN}",
    "MissingAuthenticationToken": f"the request had no credentials; {_SIGN_IN}",
    "MissingAuthenticationTokenException": f"the request had no credentials; {_SIGN_IN}",
    "RequestExpired": "the signature or the session has run out; check this machine's clock, or sign in again",
    "RequestTimeTooSkewed": "this machine's clock is too far off; set it",
    "UnrecognizedClientException": f"AWS doesn't know these credentials; {_SIGN_IN}",
}
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,99}")
_HALF = re.compile("[\ud800-\udfff]")
_LONGEST = 2000
"""Characters of an error's message that are kept: a thousand rows may fail with it."""
_REGION_ADVICE = "enable the Region in the account, or leave it out"


@contextmanager
def aws_errors(operation: str = "", where: str = "") -> Iterator[None]:
    """Turn what the SDK raises inside into an `AwsError` of `operation` at `where` (`account/region`).

    Cancellation passes untouched, and so do mistakes of ours. The SDK's exception is not kept as the cause: its
    frames hold requests with their signatures, and a thousand failed rows would hold a thousand of them.
    """
    try:
        yield
    except AwsError as error:
        error.operation = error.operation or operation
        error.where = error.where or where
        raise
    except _sdk_errors() as error:
        raise from_sdk(error, operation=operation, where=where) from None


@contextmanager
def sdk_alone(*, answers: bool = True) -> Iterator[None]:
    """Turn whatever else is raised inside into an `AwsError`, too: for blocks that run nothing but the SDK's code.

    Its parsers and its set-up raise `ValueError`, `KeyError` and the like over what they didn't expect. `answers` says
    that it is AWS's answers that they read inside, rather than the user's settings. Goes inside of `aws_errors`.
    """
    try:
        yield
    except BulkprofError:
        raise
    except Exception as error:
        if isinstance(error, _sdk_errors()):
            raise
        if answers:
            raise AmbiguousError(UNREADABLE, code=type(error).__name__) from None
        raise SettingsError(
            # Without its text, which quotes the value: an endpoint may hold a password.
            f"the AWS settings can't be used, as one of them is malformed ({type(error).__name__}); check "
            "AWS_ENDPOINT_URL, the other AWS_* variables and the AWS config file",
            code="Settings",
        ) from None


def from_sdk(error: Exception, *, operation: str = "", where: str = "") -> AwsError:
    """Answer what `error` of botocore, aiobotocore, aiohttp or a socket means. Never raises."""
    answer = getattr(error, "response", None)
    mapped = _from_answer(answer) if isinstance(answer, dict) else from_transport(error)
    mapped.operation, mapped.where = operation, where
    return mapped


def is_nameless(error: AwsError) -> bool:
    """Whether an error answer had no code, as all of AWS's have: something on the way made it, and not AWS."""
    return error.code.startswith("HTTP") and error.code[4:].isdigit()


@functools.cache
def _sdk_errors() -> tuple[type[Exception], ...]:
    """The exceptions to map, looked up when the first one comes: nothing here loads the SDK."""
    from botocore.exceptions import ClientError

    return (ClientError, *transport_errors())


def _from_answer(answer: Mapping[str, Any]) -> AwsError:
    error = answer.get("Error") or {}
    metadata = answer.get("ResponseMetadata") or {}
    status = int(metadata.get("HTTPStatusCode") or 0)
    headers = metadata.get("HTTPHeaders") or {}
    code = _storable(_plain_code(str(error.get("Code") or "")))
    kind = CODES.get(code) or _of_status(code, status)
    if status == PROXY_AUTH:
        return refused_by_proxy(status)
    # A code that is only the status's number names nothing, nor does what others put in its place.
    named = code if _CODE.fullmatch(code) else f"HTTP{status}"
    if 300 <= status < 400 and not code.removesuffix(str(status)):
        return InvalidRequestError(_redirected(status, headers), code=named)
    message = _message(kind, code, _storable(str(error.get("Message") or "")), status)
    return kind(message, code=named, retry_after=retry_after(headers))


def _plain_code(code: str) -> str:
    """AWS's name of an error, from `ns#Name:http://…` or the name of its shape."""
    return code.split(":", 1)[0].rsplit("#", 1)[-1]


def _storable(text: str) -> str:
    """The text in a length and in characters that files and databases take: half characters are none.

    What would act on a terminal stays, for it is made visible where it is shown.
    """
    text = text[:_LONGEST].strip()
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def _of_status(code: str, status: int) -> type[AwsError]:
    if "throttl" in code.casefold():
        return ThrottledError
    if status >= 500:
        return AmbiguousError
    if status == HTTPStatus.NOT_FOUND and not _CODE.fullmatch(code):
        # Not AWS, which names what isn't there: a profile must not count as gone by the word of another server.
        return InvalidRequestError
    return STATUSES.get(status, InvalidRequestError)


def _message(kind: type[AwsError], code: str, message: str, status: int) -> str:
    if issubclass(kind, CredentialsError | ExpiredCredentialsError):
        return _ADVICE.get(code, f"AWS refused the request's signature; {_CLOCK}")
    if issubclass(kind, RegionError):
        return f"{message or 'the Region is not available to the account'}; {_REGION_ADVICE}"
    if status == HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED:
        # The SDK fills a missing message with the status's name.
        return f"a login page of this network stands in between (HTTP {status}); sign in to the network"
    if message:
        return message
    if status == HTTPStatus.NOT_FOUND:
        return "the endpoint doesn't know the request, and isn't AWS (HTTP 404 without a code); check AWS_ENDPOINT_URL"
    if not 400 <= status < 500:
        return f"HTTP {status} without a message" if status else "an error answer without a message"
    return f"HTTP {status} without a message, which isn't AWS's way: a proxy may have answered in its place; {NETWORK}"


def _redirected(status: int, headers: Mapping[str, str]) -> str:
    """AWS's JSON and query services never redirect: it is somebody else who answers."""
    try:
        host = urlsplit(str(headers.get("location") or "")).hostname
    except ValueError:
        host = None
    return (
        f"the endpoint answers with a redirect{f' to {host}' if host else ''} (HTTP {status}), as login pages of "
        "networks and proxies do; sign in to the network, or check the proxy settings and AWS_ENDPOINT_URL"
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks to wait: a number, or a date against the answer's own clock."""
    value = str(headers.get("retry-after") or "").strip()
    try:
        seconds = float(value)
    except ValueError:
        until, now = http_date(value), http_date(str(headers.get("date") or ""))
        return max((until - now).total_seconds(), 0.0) if until and now else None
    # NaN and infinity are numbers to float(), but no waits.
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def http_date(value: str) -> datetime | None:
    """The time that a Date header or the like tells; None for one that is no time."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        # A year of twenty digits is one of the things that clocks and people send.
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
