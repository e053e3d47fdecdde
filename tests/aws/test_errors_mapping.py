"""What AWS and the network can do, and the error that each becomes."""

from __future__ import annotations

import asyncio
import socket
import traceback
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader

import bulkprof.errors as e
from bulkprof.aws.errors.codes import CODES
from bulkprof.aws.errors.mapping import aws_errors, from_sdk
from bulkprof.system.retry_after import retry_after
from tests.aws import wire

CALLED = {
    "bedrock": [
        "CreateInferenceProfile",
        "DeleteInferenceProfile",
        "GetInferenceProfile",
        "ListFoundationModels",
        "ListInferenceProfiles",
        "ListTagsForResource",
        "TagResource",
        "UntagResource",
    ],
    "organizations": [
        "ListAccounts",
        "ListAccountsForParent",
        "ListOrganizationalUnitsForParent",
        "ListTagsForResource",
    ],
    "sts": ["AssumeRole", "GetCallerIdentity"],
    "resourcegroupstaggingapi": ["GetResources"],
    "service-quotas": ["GetServiceQuota"],
}


def declared() -> set[str]:
    codes = set()
    for service, operations in CALLED.items():
        model = Loader().load_service_model(service, "service-2")
        for operation in operations:
            for error in model["operations"][operation].get("errors", ()):
                shape = error["shape"]
                codes.add(model["shapes"][shape].get("error", {}).get("code", shape))
    return codes


@pytest.mark.parametrize("code", sorted(declared()))
def test_every_declared_error_is_mapped(code: str) -> None:
    assert code in CODES


def answered(code: str, status: int = 400, message: str = "m", **headers: str) -> e.AwsError:
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    return from_sdk(ClientError(response, "CreateInferenceProfile"), operation="Op", where="1/r")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ThrottlingException", 429, e.ThrottledError),
        ("ThrottlingException", 400, e.ThrottledError),
        ("SomethingThrottled", 400, e.ThrottledError),
        ("Whatever", 429, e.ThrottledError),
        ("SlowDown", 503, e.ThrottledError),
        ("InternalServerException", 500, e.AmbiguousError),
        ("ServiceUnavailableException", 503, e.AmbiguousError),
        ("502", 502, e.AmbiguousError),
        ("Nobody", 599, e.AmbiguousError),
        ("ConflictException", 400, e.ConflictError),
        ("ServiceQuotaExceededException", 400, e.QuotaError),
        ("TooManyTagsException", 400, e.TooManyTagsError),
        ("ValidationException", 400, e.InvalidRequestError),
        ("AccessDenied", 403, e.AccessDeniedError),
        ("UnauthorizedOperation", 403, e.AccessDeniedError),
        ("403", 403, e.AccessDeniedError),
        ("ResourceNotFoundException", 404, e.NotFoundError),
        ("ExpiredToken", 400, e.ExpiredCredentialsError),
        ("ExpiredTokenException", 403, e.ExpiredCredentialsError),
        ("RequestExpired", 400, e.ExpiredCredentialsError),
        ("UnrecognizedClientException", 403, e.CredentialsError),
        ("InvalidClientTokenId", 403, e.CredentialsError),
        ("SignatureDoesNotMatch", 403, e.CredentialsError),
        ("RegionDisabledException", 403, e.RegionError),
        ("ns#ThrottlingException:http://x", 400, e.ThrottledError),
        ("Brandnew", 400, e.InvalidRequestError),
        ("", 302, e.InvalidRequestError),
    ],
)
def test_answers(code: str, status: int, expected: type[e.AwsError]) -> None:
    error = answered(code, status)
    assert type(error) is expected
    assert (error.operation, error.where) == ("Op", "1/r")


def test_signature_errors_never_quote_the_request() -> None:
    for code in ("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "ExpiredToken"):
        assert wire.TOKEN not in str(answered(code, 403, f"x-amz-security-token:{wire.TOKEN}"))


def test_a_code_that_is_only_a_status_is_named_so() -> None:
    assert answered("502", 502).code == "HTTP502"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:05 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 5.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:05 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_cancellation_and_our_own_mistakes_pass() -> None:
    for mistake in (asyncio.CancelledError(), KeyError("x"), AssertionError()):
        with pytest.raises(type(mistake)) as caught, aws_errors("Op"):
            raise mistake
        assert caught.value is mistake


def sdk_errors() -> list[tuple[Any, type[e.AwsError]]]:
    import aiohttp
    from botocore import exceptions as sdk
    from botocore.parsers import ResponseParserError

    url = "https://user:canary-secret-key@host:1/"
    return [
        (sdk.NoCredentialsError(), e.CredentialsError),
        (sdk.PartialCredentialsError(provider="env", cred_var="x"), e.CredentialsError),
        (sdk.ProfileNotFound(profile="p"), e.CredentialsError),
        (sdk.SSOTokenLoadError(error_msg="x"), e.CredentialsError),
        (sdk.UnauthorizedSSOTokenError(), e.CredentialsError),
        (sdk.TokenRetrievalError(provider="sso", error_msg="x"), e.CredentialsError),
        (sdk.CredentialRetrievalError(provider="p", error_msg="x"), e.CredentialsError),
        (sdk.NoRegionError(), e.RegionError),
        (sdk.EndpointResolutionError(msg="x"), e.RegionError),
        (sdk.InvalidRegionError(region_name="x y"), e.RegionError),
        (sdk.ParamValidationError(report="x"), e.InvalidRequestError),
        (sdk.EndpointConnectionError(endpoint_url=url), e.UnreachableError),
        (sdk.EndpointConnectionError(endpoint_url=url, error=aiohttp.ClientOSError(104, "reset")), e.AmbiguousError),
        (sdk.EndpointConnectionError(endpoint_url=url, error=socket.gaierror(-2, "no name")), e.UnreachableError),
        (sdk.ConnectTimeoutError(endpoint_url=url, error=TimeoutError()), e.UnreachableError),
        (sdk.ProxyConnectionError(proxy_url=url, error=OSError()), e.UnreachableError),
        (sdk.SSLError(endpoint_url=url, error=OSError()), e.UnreachableError),
        (sdk.ReadTimeoutError(endpoint_url=url, error=TimeoutError()), e.AmbiguousError),
        (sdk.ConnectionClosedError(endpoint_url=url, error=OSError()), e.AmbiguousError),
        (sdk.HTTPClientError(error=ValueError()), e.AmbiguousError),
        (sdk.IncompleteReadError(actual_bytes=1, expected_bytes=2), e.AmbiguousError),
        (ResponseParserError("x"), e.AmbiguousError),
        (aiohttp.ServerDisconnectedError(), e.AmbiguousError),
        (aiohttp.ClientPayloadError(), e.AmbiguousError),
        (aiohttp.ConnectionTimeoutError(), e.UnreachableError),
        (aiohttp.SocketTimeoutError(), e.AmbiguousError),
        (ConnectionRefusedError(), e.UnreachableError),
        (ConnectionResetError(), e.AmbiguousError),
        (TimeoutError(), e.AmbiguousError),
    ]


@pytest.mark.parametrize(("raised", "expected"), sdk_errors(), ids=lambda value: getattr(value, "__name__", None))
def test_no_answer(raised: Exception, expected: type[e.AwsError]) -> None:
    with pytest.raises(e.AwsError) as caught, aws_errors("Op", "1/r"):
        raise raised
    assert type(caught.value) is expected
    assert wire.SECRET not in str(caught.value)


def test_every_sdk_error_becomes_one_of_ours() -> None:
    """A class that botocore adds tomorrow still ends as an AwsError, never as a traceback."""
    from botocore import exceptions as sdk

    for kind in vars(sdk).values():
        if isinstance(kind, type) and issubclass(kind, sdk.BotoCoreError):
            error = kind.__new__(kind)
            error.kwargs = {}
            assert isinstance(from_sdk(error), e.AwsError)


CASES = {
    "cut": (wire.cutting, e.AmbiguousError),
    "reset": (wire.resetting, e.AmbiguousError),
    "stalled": (wire.stalling, e.AmbiguousError),
    "cut in the body": (wire.saying(wire.response(201, b'{"inf', length=99), then_close=True), e.AmbiguousError),
    "truncated": (wire.saying(wire.response(201, b'{"inferenceProfileArn":"arn')), e.AmbiguousError),
    "truncated after a brace": (wire.saying(wire.response(201, b'{"a":{"b":1}')), e.AmbiguousError),
    "no ARN": (wire.saying(wire.response(201, b'{"status":"ACTIVE"}')), e.AmbiguousError),
    "empty": (wire.saying(wire.response(201)), e.AmbiguousError),
    "not an object": (wire.saying(wire.response(201, b"[]")), e.AmbiguousError),
    "not HTTP": (wire.saying(b"SSH-2.0-OpenSSH\r\n\r\n", then_close=True), e.AmbiguousError),
    "a proxy's page": (wire.saying(wire.response(502, b"<html>bad gateway</html>")), e.AmbiguousError),
    "an error that isn't an object": (wire.saying(wire.response(403, b'"no"')), e.AmbiguousError),
    "an error that isn't text": (wire.saying(wire.response(400, b"\xff\xfe")), e.AmbiguousError),
    "a redirect": (wire.saying(wire.response(307, b"", Location="http://127.0.0.1:1/")), e.AmbiguousError),
    "throttled": (wire.saying(wire.response(429, b"{}", Retry_After="2")), e.ThrottledError),
}


@pytest.mark.parametrize("case", CASES)
async def test_over_a_real_connection(case: str) -> None:
    answer, expected = CASES[case]
    async with wire.serving(answer) as port, wire.api_at(port, timeout_s=0.1 if case == "stalled" else 5.0) as api:
        with pytest.raises(e.AwsError) as caught:
            await wire.create(api)
    assert type(caught.value) is expected
    assert caught.value.operation == "CreateInferenceProfile"
    assert caught.value.where == "(caller)/us-east-1"
    shown = "".join(traceback.format_exception(caught.value))
    assert wire.SECRET not in shown
    assert wire.TOKEN not in shown
    if case == "throttled":
        assert caught.value.retry_after == 2.0


@pytest.mark.parametrize("body", [b'{"inferenceProfileSummaries":[{"inferencePro', b"{}", b""])
async def test_a_broken_list_is_no_empty_account(body: bytes) -> None:
    async with wire.serving(wire.saying(wire.response(200, body))) as port, wire.api_at(port) as api:
        with pytest.raises(e.AmbiguousError):
            await api.list_page()


async def test_an_empty_list_is_an_empty_account() -> None:
    body = b'{"inferenceProfileSummaries":[]}'
    async with wire.serving(wire.saying(wire.response(200, body))) as port, wire.api_at(port) as api:
        assert await api.list_page() == ([], None)


async def test_answers_without_content_are_enough_where_none_is_due() -> None:
    async with wire.serving(wire.saying(wire.response(200))) as port, wire.api_at(port) as api:
        await api.delete(wire.ARN)


async def test_refused_means_that_nothing_was_sent() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    async with wire.api_at(port) as api:
        with pytest.raises(e.UnreachableError, match=f"127.0.0.1:{port}.*AWS_ENDPOINT_URL"):
            await wire.create(api)


async def test_tls_to_a_server_without_it_means_that_nothing_was_sent() -> None:
    async with (
        wire.serving(wire.saying(wire.response(201, b"{}"), then_close=True)) as port,
        wire.api_at(port, timeout_s=0.2, AWS_ENDPOINT_URL=f"https://127.0.0.1:{port}") as api,
    ):
        with pytest.raises(e.UnreachableError):
            await wire.create(api)


async def test_one_call_is_one_attempt() -> None:
    seen = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        await wire.saying(wire.response(503, b"{}"), then_close=True)(reader, writer)

    async with wire.serving(count) as port, wire.api_at(port) as api:
        with pytest.raises(e.AmbiguousError):
            await wire.create(api)
    assert seen == 1
