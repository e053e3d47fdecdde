"""A call as the sandbox sees it, an answer as it leaves, and the errors of AWS's wire protocols."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

Protocol = Literal["rest-json", "json", "query"]

JSON_TYPE = "application/json"
JSON_1_1_TYPE = "application/x-amz-json-1.1"

ERROR_NAMESPACE = "http://internal.amazon.com/coral/com.amazonaws.bedrock/"
"""What AWS writes after an error's name in the header of its REST protocol."""

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_REFUSED_CALLER = frozenset(
    {
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
"""Errors about the signature, which are 403 in every protocol."""
_ERROR_STATUS = {
    **dict.fromkeys(_REFUSED_CALLER, 403),
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "InternalServerException": 500,
    "ResourceNotFoundException": 404,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "UnknownOperationException": 404,
}
"""HTTP status of a rest-json error; all others are 400, as in Bedrock's service model."""


class ApiError(Exception):
    """An error that AWS would answer. `code` is the exception's name in the service model."""

    def __init__(self, code: str, message: str, **fields: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields


@dataclass(slots=True)
class Call:
    """One signed HTTP request; `service` and `region` come from its SigV4 credential scope."""

    method: str
    path: str
    """Still percent-encoded, without the query string."""
    query_string: str
    headers: dict[str, str]
    """Names are lower-case."""
    body: bytes
    service: str = ""
    region: str = ""
    access_key: str = ""
    account: str = ""
    operation: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    """The operation's input, by member name."""

    @property
    def query(self) -> dict[str, str]:
        """The query string's parameters; the last of a repeated one wins."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def read_scope(self) -> None:
        """Fill in key, Region and service from the Authorization header, where it has them."""
        match = _CREDENTIAL.search(self.headers.get("authorization", ""))
        if match:
            self.access_key, self.region, self.service = match.groups()


@dataclass(slots=True)
class Answer:
    """One HTTP response. `result` is what the ledger counts it as: ok, throttled or an error code."""

    status: int
    body: bytes
    headers: dict[str, str]
    result: str = "ok"


def request_id() -> str:
    """A fresh request id in AWS's form."""
    return str(uuid.uuid4())


def dumps(value: Any) -> bytes:
    """Compact JSON, as bytes."""
    return json.dumps(value, separators=(",", ":")).encode()


def json_answer(value: Any, *, status: int = 200, content_type: str = JSON_TYPE) -> Answer:
    """A success of the JSON protocols. `value` may be bytes that are JSON already."""
    body = value if isinstance(value, bytes) else dumps(value)
    return Answer(status, body, {"Content-Type": content_type, "x-amzn-RequestId": request_id()})


def xml_answer(operation: str, result: str, *, namespace: str) -> Answer:
    """A success of the query protocol around `result`, which is XML."""
    body = (
        f'<{operation}Response xmlns="{namespace}"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{request_id()}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Answer(200, body.encode(), {"Content-Type": "text/xml"})


def status_of(error: ApiError) -> int:
    """The error's HTTP status in the REST protocol."""
    return _ERROR_STATUS.get(error.code, 400)


def _other_status(error: ApiError) -> int:
    # In the JSON 1.1 and query protocols the caller's mistakes are all 400; only the server's own faults differ.
    status = status_of(error)
    return status if status >= 500 or error.code in _REFUSED_CALLER else 400


def error_answer(error: ApiError, protocol: Protocol) -> Answer:
    """The error in the service's wire form."""
    result = "throttled" if error.code.startswith("Thrott") else error.code
    if protocol == "query":
        body = (
            '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
            f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
            f"<RequestId>{request_id()}</RequestId></ErrorResponse>"
        )
        status = 403 if error.code in ("AccessDenied", "ExpiredToken") else _other_status(error)
        return Answer(status, body.encode(), {"Content-Type": "text/xml"}, result)
    if protocol == "json":
        content = {"__type": error.code, "Message": error.message, "message": error.message}
        answer = json_answer(content, status=_other_status(error), content_type=JSON_1_1_TYPE)
        answer.headers["x-amzn-ErrorType"] = error.code
    else:
        answer = json_answer({"message": error.message, **error.fields}, status=status_of(error))
        answer.headers["x-amzn-ErrorType"] = f"{error.code}:{ERROR_NAMESPACE}"
    answer.result = result
    return answer


def s3_error(code: str, message: str, *, status: int) -> Answer:
    """An error of S3, whose form is its own."""
    body = (
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        f"<RequestId>{request_id()}</RequestId></Error>"
    )
    return Answer(status, body.encode(), {"Content-Type": "application/xml"}, code)
