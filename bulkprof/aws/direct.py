"""A client's calls without the SDK's engine room: from the request that the client serialized straight to its answer.

What the SDK does between the two (request objects, a dozen events, signing, retries) costs as much as all the rest of
a call, and bulkprof does its own of what it needs. Answering the event `before-call` is the SDK's way to stand in for
that, and what its own Stubber does. This module loads the SDK: import it late.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.parsers import ResponseParserError, ResponseParserFactory
from multidict import CIMultiDict

from bulkprof.aws.http import Connection, SharedHttp
from bulkprof.aws.signing import Signer

ANSWER = "bulkprof-answer"
"""The handler's name among a client's events."""


_SIGNER: ContextVar[Signer] = ContextVar("signer")
"""Whoever signs the call that the task at hand makes."""


class SignedCalls:
    """The calls of one account to one service in one Region.

    The client is the Region's, for whichever account: making one takes the SDK longer than ten calls.
    """

    def __init__(self, client: Any, signer: Signer) -> None:
        self.client = client
        self._signer = signer

    async def call(self, method: str, **values: Any) -> Mapping[str, Any]:
        """Make one call; raises what the SDK's client raises."""
        _SIGNER.set(self._signer)
        answer: Mapping[str, Any] = await getattr(self.client, method)(**values)
        return answer


class Direct:
    """Makes the calls of one client of a JSON service: sends each once, signed, and has the SDK parse the answer.

    `attach` stands for aiobotocore's session class and only learns how to connect; `serve` takes the calls over, which
    have to come through `SignedCalls` then.
    """

    def __init__(self, http: SharedHttp) -> None:
        self._http = http
        self._connection = http.attach()
        self._parser: Any = None

    def attach(self, **settings: Any) -> Connection:
        """Take over the client's settings."""
        self._connection = self._http.attach(**settings)
        return _Bypassed(self._http, None, None)

    def serve(self, client: Any) -> None:
        """Answer every call of `client`, which was opened with `attach`."""
        client.meta.events.register_last("before-call", self._answer, unique_id=ANSWER)

    async def _answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        """Send what the client serialized; answers the response and what it says. Transport errors pass."""
        url, headers = params["url"], CIMultiDict(params["headers"])
        status, answered, content = await self._connection.exchange(
            params["method"], url, headers, params["body"] or None, _SIGNER.get()
        )
        response = {
            "headers": answered,
            "status_code": status,
            "context": {"operation_name": model.name},
            "body": content,
        }
        require_json(model, response)
        if self._parser is None:
            # Times are left as text: nobody looks at them, and reading them is most of what a list of profiles costs.
            factory = ResponseParserFactory()
            factory.set_parser_defaults(timestamp_parser=_as_it_is)
            self._parser = factory.create_parser(model.service_model.resolved_protocol)
        return AWSResponse(url, status, answered, None), self._parser.parse(response, model.output_shape)


def _as_it_is(value: Any) -> Any:
    return value


class _Bypassed(Connection):
    """What nothing may be sent through: were the event's answer ever disregarded, a call would go out twice."""

    async def send(self, request: Any) -> Any:
        raise RuntimeError(f"the SDK sends by itself what was answered already: {request.method} {request.url}")


def require_json(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Raise for a body that isn't a whole JSON object.

    botocore reads one that was cut off as an object without members: a list that broke would look like an
    empty account.
    """
    body = response_dict["body"]
    try:
        whole = isinstance(json.loads(body), dict) if body else False
    except ValueError:
        whole = False
    if whole:
        return
    if response_dict["status_code"] >= 300:
        # A proxy's page or the like: the status says all there is, and botocore would trip over the body.
        response_dict["body"] = b""
        return
    output = operation_model.output_shape
    if body or (output is not None and output.members):
        raise ResponseParserError(f"the answer to {operation_model.name} is not a JSON object")
