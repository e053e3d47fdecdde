"""Headers that AWS or a tracing backend reads: as the SDK sends them, signed where the SDK signs them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiobotocore.endpoint import AioEndpoint
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.loaders import Loader

from bulkprof.aws import AwsSessions
from bulkprof.aws.credentials.keys import Grant, Keys, SharedCredentials
from bulkprof.aws.sdk import SIGNING_NAMES, Sdk
from bulkprof.config import Organization, Run
from bulkprof.engine.retry import retried
from bulkprof.errors import AwsError, ThrottledError
from tests.aws import wire
from tests.aws.both import CALLS, grant, noting, ours, theirs


@pytest.mark.parametrize("call", CALLS)
async def test_headers_about_the_call_are_the_sdks(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda's trace, the call's own id, and its attempt; signed are those that the SDK signs."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "nightly")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988;Parent=53995c3f;Sampled=1\n")
    service, method, values, answer = CALLS[call]
    requests: list[bytes] = []
    async with wire.serving(noting(requests, answer)) as port:
        await ours(port, service, method, values)
        await theirs(port, service, method, values)
    mine, plain = (wire.headers(request) for request in requests)
    assert mine["x-amzn-trace-id"] == plain["x-amzn-trace-id"] == "Root=1-5759e988;Parent=53995c3f;Sampled=1%0A"
    assert len(mine["amz-sdk-invocation-id"]) == len(plain["amz-sdk-invocation-id"])
    assert (mine["amz-sdk-request"], plain["amz-sdk-request"]) == ("attempt=1; max=1", "attempt=1")
    signed = [headers["authorization"].split(", ")[1] for headers in (mine, plain)]
    assert signed[0] == signed[1]
    assert mine.keys() == plain.keys() - {"accept"}


async def test_calls_that_the_sdk_sends_hand_on_lambdas_trace_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "nightly")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988;Parent=53995c3f;Sampled=1")
    requests: list[bytes] = []
    async with (
        wire.serving(noting(requests, wire.response(403, b""))) as port,
        AwsSessions(Organization(), Run(), environment=wire.environment(port)) as sessions,
    ):
        with pytest.raises(AwsError):
            await sessions.identity()
    (headers,) = map(wire.headers, requests)
    assert headers["x-amzn-trace-id"] == "Root=1-5759e988;Parent=53995c3f;Sampled=1"


async def test_each_attempt_of_a_call_says_which_it_is() -> None:
    """One id for a call however often it is sent, also where throttles make it more often than failures may."""
    requests: list[bytes] = []
    answers = [wire.response(429, b"{}")] * 3 + [wire.response(200, b'{"modelSummaries":[]}')] * 2

    async def throttling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await noting(requests, answers[len(requests)])(reader, writer)

    async def no_pause(_: float) -> None:
        return None

    async with wire.serving(throttling) as port, wire.api_at(port) as api:
        for _ in range(2):
            await retried(api.foundation_models, 2, (ThrottledError,), no_pause)
    headers = [wire.headers(request) for request in requests]
    assert [each["amz-sdk-request"] for each in headers] == [
        "attempt=1; max=2",
        "attempt=2; max=2",
        "attempt=3; max=3",
        "attempt=4; max=4",
        "attempt=1; max=2",
    ]
    first, *again, other = (each["amz-sdk-invocation-id"] for each in headers)
    assert set(again) == {first}
    assert other != first


async def test_calls_side_by_side_are_calls_of_their_own() -> None:
    requests: list[bytes] = []
    answer = wire.response(200, b'{"modelSummaries":[]}')
    async with wire.serving(noting(requests, answer)) as port, wire.api_at(port) as api:
        await asyncio.gather(*(retried(api.foundation_models, 1, (ThrottledError,), asyncio.sleep) for _ in range(5)))
    headers = [wire.headers(request) for request in requests]
    assert len({each["amz-sdk-invocation-id"] for each in headers}) == 5
    assert {each["amz-sdk-request"] for each in headers} == {"attempt=1; max=1"}


async def test_what_others_hang_on_a_request_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracing libraries wrap the endpoint's method; others ask for events. What comes before it is signed."""
    plainly = AioEndpoint.prepare_request

    def traced(self: Any, request: Any) -> Any:
        request.headers["traceparent"] = "00-trace-span-01"
        request.headers["X-Amzn-Trace-Id"] = "Root=of-the-library"
        return plainly(self, request)

    monkeypatch.setattr(AioEndpoint, "prepare_request", traced)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "nightly")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=of-lambda")
    requests: list[bytes] = []

    def called(params: Any, **_: Any) -> None:
        params["headers"]["X-Before-Call"] = "1"

    def created(request: Any, **_: Any) -> None:
        request.headers["X-Request-Created"] = "2"

    async def signing(request: Any, signing_name: str, region_name: str, **_: Any) -> None:
        request.headers.add_header("X-Before-Sign", f"{signing_name} {region_name}")

    def sending(request: Any, **_: Any) -> None:
        request.headers["X-Before-Send"] = "4"

    async with wire.serving(noting(requests, wire.response(200, b'{"modelSummaries":[]}'))) as port:
        sdk = Sdk(wire.environment(port), timeout_s=5.0)
        calls = await sdk.client("bedrock", "us-east-1", SharedCredentials(grant))
        events = calls.client.meta.events
        events.register("before-call.bedrock.ListFoundationModels", called)
        events.register("request-created.bedrock", created)
        events.register("before-sign.bedrock.ListFoundationModels", signing)
        events.register("before-send", sending)
        await calls.call("list_foundation_models")
        await sdk.http.close()
    (headers,) = map(wire.headers, requests)
    added = {name: value for name, value in headers.items() if name.startswith(("x-before", "x-request-c"))}
    assert added == {
        "x-before-call": "1",
        "x-request-created": "2",
        "x-before-sign": "bedrock us-east-1",
        "x-before-send": "4",
    }
    assert headers["traceparent"] == "00-trace-span-01"
    assert headers["x-amzn-trace-id"] == "Root=of-the-library"
    assert requests[0].lower().count(b"x-amzn-trace-id") == 1
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert set(added) - set(signed) == {"x-before-send"}
    assert not {"traceparent", "x-amzn-trace-id", "amz-sdk-request"} & set(signed)


@pytest.mark.parametrize("path", ["/gate/../v1/.", "//gate//v1", "/v1/..", "/%2e%2e/v1"])
async def test_an_endpoints_odd_path_is_sent_and_signed_like_the_sdks(path: str) -> None:
    requests: list[bytes] = []
    service, method, values, answer = CALLS["a deletion"]
    async with wire.serving(noting(requests, answer)) as port:
        await ours(port, service, method, values, path)
        await theirs(port, service, method, values, path)
    mine, plain = requests
    assert mine.splitlines()[0] == plain.splitlines()[0]
    headers = wire.headers(mine)
    assert headers["authorization"] == _signature(mine, headers)


async def test_an_endpoints_host_is_sent_as_it_is_signed() -> None:
    requests: list[bytes] = []
    async with wire.serving(noting(requests, wire.response(200, b'{"modelSummaries":[]}'))) as port:
        sdk = Sdk(wire.environment(port) | {"AWS_ENDPOINT_URL": f"http://LocalHost:{port}"}, timeout_s=5.0)
        calls = await sdk.client("bedrock", "us-east-1", SharedCredentials(grant))
        await calls.call("list_foundation_models")
        await sdk.http.close()
    headers = wire.headers(requests[0])
    assert headers["host"] == f"localhost:{port}"
    assert headers["authorization"] == _signature(requests[0], headers)


async def test_renewed_keys_sign_the_next_call_and_send_their_token() -> None:
    requests: list[bytes] = []
    renewals = iter((Keys("ONE", wire.SECRET, "token-1"), Keys("TWO", "other", "token-2"), Keys("THREE", "s", None)))

    async def renewed(_: Keys | None) -> Grant:
        return Grant(next(renewals))

    async with wire.serving(noting(requests, wire.response(200, b'{"modelSummaries":[]}'))) as port:
        sdk = Sdk(wire.environment(port), timeout_s=5.0)
        credentials = SharedCredentials(renewed)
        calls = await sdk.client("bedrock", "us-east-1", credentials)
        for _ in range(3):
            await calls.call("list_foundation_models")
            credentials.expired(credentials.generation)
        await sdk.http.close()
    sent = [wire.headers(request) for request in requests]
    names = [headers["authorization"].partition("Credential=")[2].partition("/")[0] for headers in sent]
    assert names == ["ONE", "TWO", "THREE"]
    assert [headers.get("x-amz-security-token") for headers in sent] == ["token-1", "token-2", None]
    assert len({headers["authorization"][-64:] for headers in sent}) == 3


@pytest.mark.parametrize("service", SIGNING_NAMES)
def test_signing_names_are_the_service_models(service: str) -> None:
    metadata = Loader().load_service_model(service, "service-2")["metadata"]
    assert SIGNING_NAMES[service] == metadata.get("signingName", metadata["endpointPrefix"])


def _signature(request: bytes, headers: Mapping[str, str]) -> str:
    """What the SDK's signer says of a request that was sent."""
    method, path, _ = request.splitlines()[0].decode().split(" ")
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    again: Any = AWSRequest(
        method=method,
        url=f"http://{headers['host']}{path}",
        headers={name: headers[name] for name in signed if name not in {"x-amz-date", "x-amz-security-token"}},
        data=request.partition(b"\r\n\r\n")[2],
    )
    auth: Any = SigV4Auth(Keys("AKIACANARY", wire.SECRET, wire.TOKEN), "bedrock", "us-east-1")
    again.context["timestamp"] = headers["x-amz-date"]
    auth._modify_request_before_signing(again)
    text = auth.string_to_sign(again, auth.canonical_request(again))
    auth._inject_signature_to_request(again, auth.signature(text, again))
    return str(again.headers["Authorization"])
