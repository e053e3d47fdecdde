"""The SDK's parsers, made robust: a response that they fail on becomes an error that says that it can't be read.

They are written for what AWS sends. For anything else (a proxy's page, members of other types, JSON a thousand levels
deep) they raise `KeyError`, `AttributeError` and the like, or return a response without members. This module loads the
SDK: import it late.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import ParseError, fromstring

from aiobotocore.parsers import AioResponseParserFactory
from botocore.parsers import ResponseParserError

from bulkprof.aws.transport.responses import read

ERRORS_FROM = 300
"""The first HTTP status that isn't a success."""
_EMPTY_ERROR = b"<ErrorResponse><Error><Code/><Message/></Error></ErrorResponse>"


def metadata_of(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `ResponseMetadata` that the SDK adds to each response."""
    headers = response["headers"]
    metadata = {"HTTPStatusCode": response["status_code"], "HTTPHeaders": headers}
    return metadata if (request := headers.get("x-amzn-requestid")) is None else {"RequestId": request, **metadata}


def error_of(parser: Any, response: dict[str, Any], shape: Any) -> dict[str, Any]:
    """Return the parsed error response of a JSON service; of one that can't be read, the status alone."""
    if not is_object(response["body"]):
        # A proxy's page or the like: only its status is of use, and botocore would take the page for a message.
        response["body"] = b""
    try:
        parsed: dict[str, Any] = parser.parse(response, shape)
    except Exception:  # noqa: BLE001 - unexpected types make the parser raise AttributeError, TypeError and the like
        return _by_status(response)
    return _with_text(parsed)


def is_object(body: bytes) -> bool:
    """Whether a body is one whole JSON object."""
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def require_whole(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Handle the SDK's event `before-parse` of a JSON service. Raises `AmbiguousError` for a broken success.

    botocore reads an object that was cut off as one without members: a list that was cut off would look like an empty
    organization.
    """
    if response_dict["status_code"] < ERRORS_FROM:
        read(operation_model.service_model.service_name, operation_model.name, response_dict["body"])
    elif not is_object(response_dict["body"]):
        response_dict["body"] = b""


def require_xml(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Handle the SDK's event `before-parse` of an XML service. Raises `ResponseParserError` for a broken success.

    botocore reads a login page in XHTML as a response without members, or raises `KeyError`; and an error without a
    body makes it raise an error of its own, so that the HTTP status is lost.
    """
    name = operation_model.name
    root = _root(response_dict["body"])
    if response_dict["status_code"] < ERRORS_FROM:
        if root != f"{name}Response":
            raise ResponseParserError(f"the answer to {name} is not its XML")
    elif root not in {"ErrorResponse", "Response"}:
        response_dict["body"] = _EMPTY_ERROR


def _root(body: bytes) -> str:
    """Return the name of the outermost element, without its namespace; empty where there is none."""
    try:
        # It is AWS's response or a page of this network's, of bounded length; external entities are not expanded.
        return fromstring(body).tag.rpartition("}")[2]  # noqa: S314
    except ParseError:
        return ""


class Parsers(AioResponseParserFactory):  # type: ignore[misc]  # the SDK has no types
    """Makes the parsers of the clients whose calls the SDK sends."""

    def create_parser(self, protocol_name: str) -> Any:
        """Return the parser of a protocol."""
        return _Parser(super().create_parser(protocol_name))


class _Parser:
    def __init__(self, parser: Any) -> None:
        self._parser = parser

    async def parse(self, response: dict[str, Any], shape: Any) -> Any:
        """Return the parsed response. Raises `ResponseParserError` for any success that can't be read."""
        try:
            parsed = await self._parser.parse(response, shape)
            return parsed if response["status_code"] < ERRORS_FROM else _with_text(parsed)
        except Exception as error:  # noqa: BLE001 - see above
            if response["status_code"] >= ERRORS_FROM:
                return _by_status(response)
            raise ResponseParserError(f"the answer can't be read ({type(error).__name__})") from None


def _with_text(parsed: dict[str, Any]) -> dict[str, Any]:
    """Make the error's code and message text: the SDK looks codes up in a dictionary, and needs them hashable."""
    if isinstance(error := parsed.get("Error"), dict):
        for name in ("Code", "Message"):
            error[name] = value if isinstance(value := error.get(name), str) else ""
    return parsed


def _by_status(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error of which only the status is known."""
    return {"Error": {"Code": str(response["status_code"]), "Message": ""}, "ResponseMetadata": metadata_of(response)}
