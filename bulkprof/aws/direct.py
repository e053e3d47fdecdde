"""A client's calls without the SDK's engine room: from the request that the client serialized straight to its answer.

What the SDK does between the two (request objects, a dozen events, signing, retries) costs as much as all the rest of
a call, and bulkprof does its own of what it needs. Answering the event `before-call` is the SDK's way to stand in for
that, and what its own Stubber does. This module loads the SDK: import it late.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.parsers import ResponseParserFactory
from multidict import CIMultiDict

from bulkprof.aws.answers import read
from bulkprof.aws.http import Connection, SharedHttp
from bulkprof.aws.parsers import ERRORS_FROM, error_of, metadata_of
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
    """Makes the calls of one client of a JSON service: sends each once, signed, and reads the answer.

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
        response = {"headers": answered, "status_code": status, "body": content}
        if status < ERRORS_FROM:
            # By bulkprof's own declarations: the SDK's parser checks no types, and takes ten times as long for a list.
            said = read(model.service_model.service_name, model.name, content)
            said["ResponseMetadata"] = metadata_of(response)
        else:
            if self._parser is None:
                self._parser = ResponseParserFactory().create_parser(model.service_model.resolved_protocol)
            said = error_of(self._parser, response, model.output_shape)
        return AWSResponse(url, status, answered, None), said


class _Bypassed(Connection):
    """What nothing may be sent through: were the event's answer ever disregarded, a call would go out twice."""

    async def send(self, request: Any) -> Any:
        raise RuntimeError(f"the SDK sends by itself what was answered already: {request.method} {request.url}")
