"""Our signature is the SDK's, bit for bit."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest import mock

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.aws.credentials.keys import Keys
from bulkprof.aws.sdk import SIGNING_NAMES
from bulkprof.aws.transport.signing import Signer, host_of

NOW = 1_700_000_000
STAMP = "20231114T221320Z"


def by_us(method: str, url: str, headers: dict[str, str], body: bytes, keys: Keys) -> str:
    async def held() -> Keys:
        return keys

    signed = dict(headers)
    signer = Signer("bedrock", "eu-west-1", held, clock=lambda: NOW)
    asyncio.run(signer.sign(method, url, signed, body))
    return signed["Authorization"]


def by_the_sdk(method: str, url: str, headers: dict[str, str], body: bytes, keys: Keys) -> str:
    request: Any = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
    auth: Any = SigV4Auth(keys, "bedrock", "eu-west-1")
    request.context["timestamp"] = STAMP
    auth._modify_request_before_signing(request)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))
    return str(request.headers["Authorization"])


@pytest.mark.parametrize("token", [None, "session-token"])
@pytest.mark.parametrize(
    ("method", "url", "headers", "body"),
    [
        ("POST", "https://bedrock.eu-west-1.amazonaws.com/inference-profiles", {"Content-Type": "a/b"}, b'{"a":1}'),
        ("GET", "https://h/inference-profiles?typeEquals=APPLICATION&maxResults=1000", {}, b""),
        ("GET", "http://127.0.0.1:8080/inference-profiles?nextToken=a%2Fb%3D%3D&maxResults=1", {}, b""),
        ("DELETE", "https://h/inference-profiles/arn%3Aaws%3Abedrock%3Ar%3A1%3Ax%2Fy", {}, b""),
        ("POST", "https://h:443/", {"X-Amz-Target": "T.GetResources", "Content-Type": "x"}, b"{}"),
        ("POST", "https://h/gate/../v1/./x/inference-profiles", {}, b"{}"),
        ("GET", "https://h//gate//inference-profiles/..", {}, b""),
        ("GET", "https://h/../../", {}, b""),
        ("GET", "https://h", {}, b""),
        (
            "POST",
            "https://h/inference-profiles",
            {"X-Team": " a   b ", "User-Agent": "u", "X-Amzn-Trace-Id": "Root=1", "Host": "gate.example.com"},
            b"{}",
        ),
    ],
)
def test_like_the_sdk(method: str, url: str, headers: dict[str, str], body: bytes, token: str | None) -> None:
    keys = Keys("AKIA", "secret", token)
    assert by_us(method, url, headers, body, keys) == by_the_sdk(method, url, headers, body, keys)


@given(body=st.binary(max_size=40), path=st.text("abc:/%20~-_.", max_size=20).map(lambda s: s.replace("%", "%25")))
def test_like_the_sdk_for_any_path_and_body(body: bytes, path: str) -> None:
    keys = Keys("AKIA", "secret", None)
    url = f"https://h/{path}"
    assert by_us("POST", url, {}, body, keys) == by_the_sdk("POST", url, {}, body, keys)


def test_a_signature_that_is_there_already_is_replaced() -> None:
    keys = Keys("AKIA", "secret", "session-token")
    fresh = by_us("GET", "https://h/", {}, b"", keys)
    stale = {"Authorization": "old", "X-Amz-Date": "old", "X-Amz-Security-Token": "old"}
    assert by_us("GET", "https://h/", stale, b"", keys) == fresh


def test_new_keys_are_used_at_once() -> None:
    keys = [Keys("A1", "one", None), Keys("A2", "two", None)]
    signer = Signer("bedrock", "r", mock.AsyncMock(side_effect=keys), clock=lambda: NOW)

    async def both() -> list[str]:
        found = []
        for _ in keys:
            headers: dict[str, str] = {}
            await signer.sign("GET", "https://h/", headers, b"")
            found.append(headers["Authorization"])
        return found

    first, second = asyncio.run(both())
    assert "Credential=A1/" in first
    assert "Credential=A2/" in second
    assert first[-64:] != second[-64:]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://h/", "h"),
        ("https://h:443/", "h"),
        ("http://h:443/", "h:443"),
        ("http://[::1]:80/", "[::1]"),
        ("http://[::1]:81/", "[::1]:81"),
        ("https://user:pw@h/", "h"),
    ],
)
def test_host(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize("service", SIGNING_NAMES)
def test_signing_names_are_the_service_models(service: str) -> None:
    metadata = Loader().load_service_model(service, "service-2")["metadata"]
    assert SIGNING_NAMES[service] == metadata.get("signingName", metadata["endpointPrefix"])
