"""Requests and responses in AWS's wire protocols: REST with JSON, JSON 1.1, and query with XML."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from bulkprof.sandbox.errors import ApiError, status_of, status_of_rpc

Protocol = Literal["rest-json", "json", "query"]

JSON_TYPE = "application/json"
JSON_1_1_TYPE = "application/x-amz-json-1.1"

ERROR_NAMESPACE = "http://internal.amazon.com/coral/com.amazonaws.bedrock/"
"""What AWS writes after an error's name in the header of its REST protocol."""

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


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
        """The query string's parameters, of repeated ones the last."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def read_scope(self) -> None:
        """Set key, Region and service from the Authorization header, if it has them."""
        match = _CREDENTIAL.search(self.headers.get("authorization", ""))
        if match:
            self.access_key, self.region, self.service = match.groups()

    def read_json(self) -> bool:
        """Set operation and input from a JSON 1.1 request: a header, and the body. False if the body is no object."""
        try:
            params = json.loads(self.body or b"{}")
        except ValueError:
            return False
        if not isinstance(params, dict):
            return False
        self.operation, self.params = self.headers.get("x-amz-target", "").rpartition(".")[2], params
        return True


@dataclass(slots=True)
class Response:
    """One HTTP response. `result` is how the ledger counts it: ok, throttled or an error code."""

    status: int
    body: bytes
    headers: dict[str, str]
    result: str = "ok"


@dataclass(slots=True)
class Reply:
    """What the server does with a call: sends the response, or cuts the connection at once or within the body."""

    response: Response | None
    cut: Literal["no", "now", "in body"] = "no"


def request_id() -> str:
    """Return a new request id in AWS's form."""
    return str(uuid.uuid4())


def dumps(value: Any) -> bytes:
    """Return compact JSON, as bytes."""
    return json.dumps(value, separators=(",", ":")).encode()


def json_response(value: Any, *, status: int = 200, content_type: str = JSON_TYPE) -> Response:
    """Return a success of the JSON protocols. `value` may be bytes that are JSON already."""
    body = value if isinstance(value, bytes) else dumps(value)
    return Response(status, body, {"Content-Type": content_type, "x-amzn-RequestId": request_id()})


def xml_response(operation: str, result: str, *, namespace: str) -> Response:
    """Return a success of the query protocol around `result`, which is XML."""
    body = (
        f'<{operation}Response xmlns="{namespace}"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{request_id()}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Response(200, body.encode(), {"Content-Type": "text/xml"})


def error_response(error: ApiError, protocol: Protocol) -> Response:
    """Return the error in the service's protocol."""
    result = "throttled" if error.code.startswith("Thrott") else error.code
    if protocol == "query":
        body = (
            '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
            f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
            f"<RequestId>{request_id()}</RequestId></ErrorResponse>"
        )
        status = 403 if error.code in ("AccessDenied", "ExpiredToken") else status_of_rpc(error)
        return Response(status, body.encode(), {"Content-Type": "text/xml"}, result)
    if protocol == "json":
        content = {"__type": error.code, "Message": error.message, "message": error.message}
        response = json_response(content, status=status_of_rpc(error), content_type=JSON_1_1_TYPE)
        response.headers["x-amzn-ErrorType"] = error.code
    else:
        response = json_response({"message": error.message, **error.fields}, status=status_of(error))
        response.headers["x-amzn-ErrorType"] = f"{error.code}:{ERROR_NAMESPACE}"
    response.result = result
    return response


def s3_error(code: str, message: str, *, status: int) -> Response:
    """Return an error of S3, which has a form of its own."""
    body = (
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        f"<RequestId>{request_id()}</RequestId></Error>"
    )
    return Response(status, body.encode(), {"Content-Type": "application/xml"}, code)
