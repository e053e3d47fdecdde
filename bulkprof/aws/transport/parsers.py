"""The SDK's parsers, made to hold whatever comes: what they trip over is an answer that can't be read.

They are written for what AWS sends. Of anything else (a proxy's page, members of other types, JSON a thousand levels
deep) they raise what happens to go wrong inside. This module loads the SDK: import it late.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiobotocore.parsers import AioResponseParserFactory
from botocore.parsers import ResponseParserError

from bulkprof.aws.transport.answers import read

ERRORS_FROM = 300
"""The first HTTP status that isn't a success."""


def metadata_of(response: Mapping[str, Any]) -> dict[str, Any]:
    """What the SDK says of each answer besides its content."""
    headers = response["headers"]
    metadata = {"HTTPStatusCode": response["status_code"], "HTTPHeaders": headers}
    return metadata if (request := headers.get("x-amzn-requestid")) is None else {"RequestId": request, **metadata}


def error_of(parser: Any, response: dict[str, Any], shape: Any) -> dict[str, Any]:
    """Parse the error that a JSON service answered; one that can't be read is known by its status alone."""
    if not is_object(response["body"]):
        # A proxy's page or the like: the status says all there is, and botocore would take the page for a message.
        response["body"] = b""
    try:
        parsed: dict[str, Any] = parser.parse(response, shape)
    except Exception:  # noqa: BLE001 - the parser trips over types: AttributeError, TypeError and the like
        return _by_status(response)
    return _with_text(parsed)


def is_object(body: bytes) -> bool:
    """Whether a body is one whole JSON object."""
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def require_whole(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Answer the SDK's event `before-parse` of a JSON service. Raises `AmbiguousError` for a broken success.

    botocore reads an object that was cut off as one without members: a list that broke would look like an empty
    organization.
    """
    if response_dict["status_code"] < ERRORS_FROM:
        read(operation_model.service_model.service_name, operation_model.name, response_dict["body"])
    elif not is_object(response_dict["body"]):
        response_dict["body"] = b""


class Parsers(AioResponseParserFactory):  # type: ignore[misc]  # the SDK has no types
    """Makes the parsers of the clients that go the SDK's own way."""

    def create_parser(self, protocol_name: str) -> Any:
        """Make the parser of a protocol."""
        return _Parser(super().create_parser(protocol_name))


class _Parser:
    def __init__(self, parser: Any) -> None:
        self._parser = parser

    async def parse(self, response: dict[str, Any], shape: Any) -> Any:
        """Parse an answer. Raises `ResponseParserError` for a success that can't be read, whatever is wrong with it."""
        try:
            parsed = await self._parser.parse(response, shape)
            return parsed if response["status_code"] < ERRORS_FROM else _with_text(parsed)
        except Exception as error:  # noqa: BLE001 - see above
            if response["status_code"] >= ERRORS_FROM:
                return _by_status(response)
            raise ResponseParserError(f"the answer can't be read ({type(error).__name__})") from None


def _with_text(parsed: dict[str, Any]) -> dict[str, Any]:
    """An error whose code and message are text: the SDK looks codes up in a dictionary, whatever they are."""
    if isinstance(error := parsed.get("Error"), dict):
        for name in ("Code", "Message"):
            error[name] = value if isinstance(value := error.get(name), str) else ""
    return parsed


def _by_status(response: Mapping[str, Any]) -> dict[str, Any]:
    """An error of which nothing but the status is known."""
    return {"Error": {"Code": str(response["status_code"]), "Message": ""}, "ResponseMetadata": metadata_of(response)}
