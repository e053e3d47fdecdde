"""A client's calls past the SDK's endpoint code: from the request that the client serialized straight to the response.

What the SDK does between the two (request objects, a dozen events, retries) costs as much as all the rest of a call,
and bulkprof does itself what it needs of it, but for the signature. A handler of the event `before-call` that returns
a response is the SDK's way to replace that; its own Stubber uses it, too. Code that others attach to requests still
runs, at the same moments as in the SDK: its events, and `prepare_request` of its endpoint, in which tracing libraries
add headers. This module loads the SDK: import it late.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.handlers import add_recursion_detection_header
from botocore.parsers import ResponseParserFactory
from multidict import CIMultiDict
from yarl import URL

from bulkprof.aws.credentials.keys import Keys
from bulkprof.aws.transport.attempts import CURRENT, Attempts
from bulkprof.aws.transport.http import Connection, SharedHttp
from bulkprof.aws.transport.parsers import ERRORS_FROM, error_of, metadata_of
from bulkprof.aws.transport.responses import read

ANSWER = "bulkprof-answer"
"""The handler's name among a client's events."""


class Signer(NamedTuple):
    """Signs requests to one service in one Region, each with the keys that are good when it goes out."""

    service: str
    region: str
    keys: Callable[[], Awaitable[Keys]]

    async def sign(self, request: AWSRequest) -> None:
        """Add `Host`, the date, the session token and the signature to the headers of `request`.

        Headers that are added afterwards are sent unsigned. Raises `AwsError` when there are no keys to sign with.
        """
        keys = await self.keys()
        # The SDK signs the host in lower case, aiohttp sends it as the URL has it: so here it is set for both.
        host = URL(request.url, encoded=True).host_port_subcomponent or ""
        request.headers.setdefault("Host", host.lower())
        SigV4Auth(keys, self.service, self.region).add_auth(request)


_SIGNER: ContextVar[Signer] = ContextVar("signer")
"""Signs the call that the current task makes."""


class SignedCalls:
    """The calls of one account to one service in one Region.

    All accounts share a Region's client: making one takes the SDK longer than ten calls.
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
    """Makes the calls of one client of a JSON service: sends each once, signed, and reads the response.

    `attach` is used in place of aiobotocore's session class and only keeps the settings; `serve` takes over the calls,
    which have to be made through `SignedCalls` then.
    """

    def __init__(self, http: SharedHttp) -> None:
        self._http = http
        self._settings: dict[str, Any] = {}
        self._connection = http.attach()
        self._client: Any = None
        self._service = ""
        """As events name it."""
        self._parser: Any = None

    def attach(self, **settings: Any) -> Connection:
        """Take over the client's settings."""
        self._settings = settings
        self._connection = self._http.attach(**settings)
        return _Bypassed(self._http, None, None)

    def move(self, http: SharedHttp) -> None:
        """Send through other connections from now on: those of another event loop, once the former ones are closed."""
        self._http = http
        self._connection = http.attach(**self._settings)

    def serve(self, client: Any) -> None:
        """Handle every call of `client`, which was opened with `attach`."""
        self._client = client
        self._service = client.meta.service_model.service_id.hyphenize()
        events = client.meta.events
        # The client is unsigned: its own handler would only cost two more events a call.
        events.unregister(f"request-created.{self._service}", client._request_signer.handler)  # noqa: SLF001
        if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
            # The client has none of the SDK's own handlers; this one hands on the trace of the function's invocation.
            events.register("before-call", add_recursion_detection_header)
        events.register_last("before-call", self._send, unique_id=ANSWER)
        rules = client._ruleset_resolver  # noqa: SLF001
        rules.construct_endpoint = _once(rules.construct_endpoint)

    async def _send(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        """Send what the client serialized; return the response and its members. Raises transport errors."""
        request = await self._request(model, params)
        url = request.url
        status, headers, content = await self._connection.exchange(request.method, url, request.headers, request.body)
        response = {"headers": headers, "status_code": status, "body": content}
        if (attempts := CURRENT.get()) is not None:
            attempts.request_id = headers.get("x-amzn-requestid", "")
        if status < ERRORS_FROM:
            # By bulkprof's own declarations: the SDK's parser checks no types, and takes ten times as long for a list.
            parsed = read(model.service_model.service_name, model.name, content)
            parsed["ResponseMetadata"] = metadata_of(response)
        else:
            if self._parser is None:
                self._parser = ResponseParserFactory().create_parser(model.service_model.resolved_protocol)
            parsed = error_of(self._parser, response, model.output_shape)
        return AWSResponse(url, status, headers, None), parsed

    async def _request(self, model: Any, params: dict[str, Any]) -> AWSPreparedRequest:
        """Return the request, signed and complete, by the SDK's steps in the SDK's order.

        Headers about attempts and traces are added after the signature: proxies may rewrite them.
        """
        events, operation, signer = self._client.meta.events, model.name, _SIGNER.get()
        call = f"{self._service}.{operation}"
        request = _Request(params)
        await events.emit(f"request-created.{call}", request=request, operation_name=operation)
        await events.emit(
            f"before-sign.{call}",
            request=request,
            signing_name=signer.service,
            region_name=signer.region,
            signature_version="v4",
            request_signer=self._client._request_signer,  # noqa: SLF001
            operation_name=operation,
        )
        await signer.sign(request)
        request.headers.update((CURRENT.get() or Attempts()).next())
        # Tracing libraries use no event: they wrap this method of the SDK's endpoint.
        prepared: AWSPreparedRequest = self._client._endpoint.prepare_request(request)  # noqa: SLF001
        await events.emit(f"before-send.{call}", request=prepared)
        return prepared


def _once(construct: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Find a client's endpoint by the SDK's rules at its first call only.

    For the services that are called here, the rules read the Region and the client's settings, nothing of a call, and
    they take a fifth of the time that the SDK spends on one.
    """
    found: list[Any] = []

    async def endpoint(**call: Any) -> Any:
        if not found:
            found.append(await construct(**call))
        return found[0]

    return endpoint


class _Headers(CIMultiDict[str]):
    """Headers as aiohttp takes them, with the methods that handlers of the SDK's events use."""

    def __setitem__(self, name: str, value: str | bytes) -> None:
        if isinstance(value, bytes):
            value = value.decode()
            # The SDK encodes all of them, as aiohttp does, in a loop over the headers: they must not change meanwhile.
            if self.get(name) == value:
                return
        super().__setitem__(name, value)

    replace_header = __setitem__

    def add_header(self, name: str, value: str) -> None:
        """Add to the headers of that name."""
        self.add(name, value)


class _Request(AWSRequest):  # type: ignore[misc]  # the SDK has no types
    """The SDK's request, prepared for aiohttp at a tenth of what the SDK's copies of the headers cost."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params["method"], params["url"], data=params["body"])
        self.headers = _Headers(params["headers"])
        self.context = params["context"]

    def prepare(self) -> AWSPreparedRequest:
        return AWSPreparedRequest(self.method, self.url, self.headers, self.data or None, stream_output=False)


class _Bypassed(Connection):
    """A connection that nothing may be sent through: if the SDK ignored the handler's response, it would send again."""

    async def send(self, request: Any) -> Any:
        raise RuntimeError(f"the SDK sends by itself what was answered already: {request.method} {request.url}")
