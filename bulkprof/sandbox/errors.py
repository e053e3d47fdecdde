"""AWS's errors, by their names in the service models, and their HTTP status."""

from __future__ import annotations

from typing import Any

_SIGNATURE_ERRORS = frozenset(
    {
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
"""Errors about keys and signatures, which are 403 in every protocol."""
_ERROR_STATUS = {
    **dict.fromkeys(_SIGNATURE_ERRORS, 403),
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "InternalServerException": 500,
    "ResourceNotFoundException": 404,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "UnknownOperationException": 404,
}
"""HTTP status of an error in the REST protocol; all others are 400, as in Bedrock's service model."""


class ApiError(Exception):
    """An error that AWS would return. `code` is the exception's name in the service model."""

    def __init__(self, code: str, message: str, **fields: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields


def status_of(error: ApiError) -> int:
    """Return the error's HTTP status in the REST protocol."""
    return _ERROR_STATUS.get(error.code, 400)


def status_of_rpc(error: ApiError) -> int:
    """Return the error's HTTP status in the JSON 1.1 and query protocols: 400, unless the server is at fault."""
    status = status_of(error)
    return status if status >= 500 or error.code in _SIGNATURE_ERRORS else 400
