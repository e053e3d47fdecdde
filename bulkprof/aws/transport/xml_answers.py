"""Answers of the SDK's services that speak XML, looked at before its parser sees them.

That parser looks no further than it has to: of a login page in XHTML it makes an answer without members, or a
`KeyError`, and of an error without a body a fault of its own, so that its HTTP status is lost.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import ParseError, fromstring

from botocore.parsers import ResponseParserError

_NOTHING_SAID = b"<ErrorResponse><Error><Code/><Message/></Error></ErrorResponse>"


def require_xml(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Raise for a success that isn't the operation's, and let a strange error body say no more than its status."""
    name = operation_model.name
    root = _root(response_dict["body"])
    if response_dict["status_code"] < 300:
        if root != f"{name}Response":
            raise ResponseParserError(f"the answer to {name} is not its XML")
    elif root not in {"ErrorResponse", "Response"}:
        response_dict["body"] = _NOTHING_SAID


def _root(body: bytes) -> str:
    """The name of the outermost element, without its namespace; empty where there is none."""
    try:
        # It is AWS's answer or a page of this network's, of bounded length; entities are not expanded from elsewhere.
        return fromstring(body).tag.rpartition("}")[2]  # noqa: S314
    except ParseError:
        return ""
