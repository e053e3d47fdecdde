"""What an error response of AWS means: its class, and a message that says what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from bulkprof.aws.errors.codes import class_of, is_code
from bulkprof.aws.errors.sdk import NETWORK
from bulkprof.aws.errors.transport import PROXY_AUTH, refused_by_proxy
from bulkprof.errors import AwsError, CredentialsError, ExpiredCredentialsError, InvalidRequestError, RegionError
from bulkprof.system.retry_after import retry_after

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
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST = 2000
"""Characters of an error's message that are kept: it is stored with each failed row."""
_REGION_ADVICE = "enable the Region in the account, or leave it out"


def from_response(response: Mapping[str, Any]) -> AwsError:
    """Return what an error response means, as the SDK has parsed it. Never raises."""
    error = response.get("Error") or {}
    metadata = response.get("ResponseMetadata") or {}
    status = int(metadata.get("HTTPStatusCode") or 0)
    headers = metadata.get("HTTPHeaders") or {}
    code = _storable(_plain_code(str(error.get("Code") or "")))
    kind = class_of(code, status)
    if status == PROXY_AUTH:
        return refused_by_proxy(status)
    # The SDK puts the status's number in the place of a missing code.
    named = code if is_code(code) else f"HTTP{status}"
    if 300 <= status < 400 and not code.removesuffix(str(status)):
        return InvalidRequestError(_redirected(status, headers), code=named)
    message = _message(kind, code, _storable(str(error.get("Message") or "")), status)
    return kind(message, code=named, retry_after=retry_after(headers))


def _plain_code(code: str) -> str:
    """Return AWS's name of an error, from `ns#Name:http://…` or the name of its shape."""
    return code.split(":", 1)[0].rsplit("#", 1)[-1]


def _storable(text: str) -> str:
    """Return the text, shortened and without lone surrogates, which files and databases don't take.

    Control characters stay: they are made visible where the text is shown.
    """
    text = text[:_LONGEST].strip()
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _message(kind: type[AwsError], code: str, message: str, status: int) -> str:
    if issubclass(kind, CredentialsError | ExpiredCredentialsError):
        return _ADVICE.get(code, f"AWS refused the request's signature; {_CLOCK}")
    if issubclass(kind, RegionError):
        return f"{message or 'the Region is not available to the account'}; {_REGION_ADVICE}"
    if status == HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED:
        # The SDK puts the status's name in the place of a missing message.
        return f"a login page of this network stands in between (HTTP {status}); sign in to the network"
    if message:
        return message
    if status == HTTPStatus.NOT_FOUND:
        return "the endpoint doesn't know the request, and isn't AWS (HTTP 404 without a code); check AWS_ENDPOINT_URL"
    if not 400 <= status < 500:
        return f"HTTP {status} without a message" if status else "an error answer without a message"
    return f"HTTP {status} without a message, which isn't AWS's way: a proxy may have answered in its place; {NETWORK}"


def _redirected(status: int, headers: Mapping[str, str]) -> str:
    """Return the message for a redirect: AWS's JSON and query services send none, so this isn't AWS."""
    try:
        host = urlsplit(str(headers.get("location") or "")).hostname
    except ValueError:
        host = None
    return (
        f"the endpoint answers with a redirect{f' to {host}' if host else ''} (HTTP {status}), as login pages of "
        "networks and proxies do; sign in to the network, or check the proxy settings and AWS_ENDPOINT_URL"
    )
