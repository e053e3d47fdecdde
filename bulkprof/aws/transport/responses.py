"""Checks AWS's responses against their `shapes`, and says what is wrong with one that doesn't fit.

Every response goes through here before it is used: a captive portal, a proxy or a fault on the network can put
anything in the place of a response.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from bulkprof.aws.errors.sdk import ELSEWHERE
from bulkprof.aws.transport.shapes import SHAPES, EmptyResponse
from bulkprof.errors import AmbiguousError
from bulkprof.model import Target

_ERROR_MEMBERS: Final = frozenset({"__type", "message", "Message", "code", "Code", "Error", "error"})
_PROFILE_ARN: Final = re.compile(r"arn:[^:]+:bedrock:([^:]*):([^:]*):application-inference-profile/[^/]+")
LONGEST: Final = 16 * 1024 * 1024
"""Most bytes of a response that are read: ten times AWS's largest page. Many may arrive at once."""


async def at_most(read: Callable[[], Awaitable[bytes]], limit: int) -> bytes:
    """Read pieces until the end or past `limit` bytes: the content is whole where it is no longer than that."""
    content = bytearray()
    while len(content) <= limit and (piece := await read()):
        content += piece
    return bytes(content)


def read(service: str, operation: str, body: bytes) -> dict[str, Any]:
    """Return the members that bulkprof knows of the JSON of a success, without those that are null.

    Raises `AmbiguousError` that says what is wrong where it isn't a response of `operation`.
    """
    if not body and SHAPES.get((service, operation), EmptyResponse) is EmptyResponse:
        return {}
    response = _checked(_adapter(service, operation).validate_json, body, strict=True)
    # Without any known member, it may be an error that arrived with the status of a success.
    if not response and _ERROR_MEMBERS.intersection(json.loads(body)):
        raise _broken("an error's body")
    return response


def checked(service: str, operation: str, response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same of a response that the SDK has parsed. Raises `AmbiguousError`."""
    return _checked(_adapter(service, operation).validate_python, response)


def require_own_arn(arn: str, target: Target) -> str:
    """Return `arn`, the ARN of a profile that was just made in `target`.

    Raises `AmbiguousError` for one of another resource type, Region or account: it doesn't tell what was made.
    """
    found = _PROFILE_ARN.fullmatch(arn)
    if found is None or not (_agree(found[1], target.region) and _agree(found[2], target.account)):
        raise _broken(f"{arn!r} as the new profile's ARN")
    return arn


def require_same(arn: str, asked: str) -> str:
    """Return `arn`, from a response about the profile `asked`. Raises `AmbiguousError` where it is another one."""
    if arn != asked:
        raise _broken(f"another profile, {arn!r}")
    return arn


def _agree(received: str, asked: str) -> bool:
    return not received or not asked or received == asked


@functools.cache
def _adapter(service: str, operation: str) -> TypeAdapter[Any]:
    return TypeAdapter(SHAPES.get((service, operation), dict[str, Any]))


def _checked(validate: Callable[..., Any], response: object, **how: bool) -> dict[str, Any]:
    try:
        found = validate(response, **how)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, wrong["loc"]))
        if wrong["type"] == "missing":
            raise _broken(f"no {place}") from None
        if wrong["type"] == "json_invalid":
            raise _broken(f"an answer that is not JSON: {ELSEWHERE}") from None
        raise _broken(f"an answer of another shape ({place + ': ' if place else ''}{wrong['msg']})") from None
    return {name: value for name, value in found.items() if value is not None}


def _broken(what: str) -> AmbiguousError:
    return AmbiguousError(f"AWS reports success, but with {what}", code="BrokenAnswer")
