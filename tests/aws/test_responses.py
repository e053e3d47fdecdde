"""Responses of another shape than AWS's: each becomes an error that says what is wrong, and can be stored and shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import bulkprof.errors as e
from bulkprof.aws import BedrockApi
from bulkprof.aws.transport.responses import LONGEST, read, require_own_arn
from bulkprof.model import Target
from tests.aws import wire
from tests.aws.storable import can_be_stored

DEEP = 100_000
PROFILE = {"inferenceProfileArn": wire.ARN, "inferenceProfileId": "abcdefghijkl", "inferenceProfileName": "team-a"}
LISTED = {"inferenceProfileSummaries": [PROFILE]}

BROKEN: dict[str, bytes] = {
    "a portal": wire.PORTAL,
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "cut": b'{"inferenceProfileArn":"arn:aws',
    "followed by more": b"{} {}",
    "a hundred thousand levels": b'{"tags":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "objects a hundred thousand levels deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "half a character": b'{"inferenceProfileArn":"\\ud800","tags":[],"status":"\\ud800"}',
    "half a character in UTF-8": b'{"status":"\xed\xa0\x80"}',
    "not UTF-8": b'{"status":"\xff"}',
    "UTF-16": '{"tags":[]}'.encode("utf-16"),
    "compressed": b"\x1f\x8b\x08\x00\x00",
    "a number of ten thousand digits": b'{"tags":[],"n":' + b"9" * 10_000 + b"}",
    "an error": b'{"__type":"ThrottlingException","message":"slow"}',
}


async def _tags(api: BedrockApi) -> Any:
    return await api.tags_of(wire.ARN)


CALLS: dict[str, Callable[[BedrockApi], Awaitable[Any]]] = {
    "create": wire.create,
    "delete": lambda api: api.delete(wire.ARN),
    "tag": lambda api: api.tag(wire.ARN, {"a": "b"}),
    "untag": lambda api: api.untag(wire.ARN, ["a"]),
    "get": lambda api: api.get(wire.ARN),
    "list": lambda api: api.list_page(),
    "system profiles": lambda api: api.system_profiles_page(),
    "tags": _tags,
    "index": lambda api: api.tagged_page(),
    "models": lambda api: api.foundation_models(),
    "quota": lambda api: api.profile_quota(),
}
WITHOUT_A_BODY = {"delete", "tag", "untag"}


@pytest.mark.parametrize("what", BROKEN)
async def test_no_operation_takes_what_is_no_answer(what: str) -> None:
    async with wire.serving(_all(wire.response(200, BROKEN[what]))) as port, wire.api_at(port) as api:
        for name, call in CALLS.items():
            if what == "nothing" and name in WITHOUT_A_BODY:
                await call(api)
                continue
            with pytest.raises(e.AmbiguousError) as caught:
                await call(api)
            can_be_stored(caught.value)
            assert caught.value.where == "(caller)/us-east-1"
            assert caught.value.operation


WRONG: dict[str, tuple[str, object, str]] = {
    "an ARN that is a number": ("create", {"inferenceProfileArn": 5}, "inferenceProfileArn"),
    "an empty ARN": ("create", {"inferenceProfileArn": ""}, "inferenceProfileArn"),
    "an ARN with a line end": ("create", {"inferenceProfileArn": wire.ARN + "\n"}, "inferenceProfileArn"),
    "an ARN of nothing": ("create", {"inferenceProfileArn": wire.ARN[:-12]}, "the new profile's ARN"),
    "a system profile's ARN": (
        "create", {"inferenceProfileArn": wire.ARN.replace("application-", "")}, "the new profile's ARN",
    ),
    "another Region's ARN": (
        "create", {"inferenceProfileArn": wire.ARN.replace("us-east-1", "eu-west-1")}, "the new profile's ARN",
    ),
    "no ARN": ("create", {"status": "ACTIVE"}, "no inferenceProfileArn"),
    "another profile": ("get", {**PROFILE, "inferenceProfileArn": wire.ARN[:-1] + "x"}, "another profile"),
    "no summaries": ("list", {"inferenceProfileSummaries": None}, "inferenceProfileSummaries"),
    "summaries that are text": ("list", {"inferenceProfileSummaries": "abc"}, "inferenceProfileSummaries"),
    "summaries that are an object": ("list", {"inferenceProfileSummaries": PROFILE}, "inferenceProfileSummaries"),
    "a summary that is null": ("list", {"inferenceProfileSummaries": [PROFILE, None]}, "inferenceProfileSummaries.1"),
    "a name that is a number": ("list", {"inferenceProfileSummaries": [PROFILE | {"inferenceProfileName": 7}]}, "Name"),
    "models that are text": ("list", {"inferenceProfileSummaries": [{**PROFILE, "models": "arn"}]}, "models"),
    "a model that is text": ("list", {"inferenceProfileSummaries": [{**PROFILE, "models": ["arn"]}]}, "models.0"),
    "an ARN of three parts": ("get", PROFILE | {"inferenceProfileArn": "arn:aws:abcdefghij"}, "inferenceProfileArn"),
    "a token that is a number": ("list", {**LISTED, "nextToken": 2}, "nextToken"),
    "a tag without a value": ("tags", {"tags": [{"key": "a"}]}, "tags.0.value"),
    "a tag that is a list": ("tags", {"tags": [["a", "b"]]}, "tags.0"),
    "a system profile without an id": ("system profiles", {"inferenceProfileSummaries": [{"x": 1}]}, "no inference"),
    "types that are text": (
        "models",
        {"modelSummaries": [{"modelId": "m", "modelArn": wire.SOURCE, "inferenceTypesSupported": "ON_DEMAND"}]},
        "inferenceTypesSupported",
    ),
    "a resource that is a number": ("index", {"ResourceTagMappingList": [{"ResourceARN": 1}]}, "ResourceARN"),
    "a quota that is text": ("quota", {"Quota": {"Value": "1000"}}, "Quota.Value"),
    "a quota without end": ("quota", {"Quota": {"Value": float("inf")}}, "Quota.Value"),
    "a quota that is no number": ("quota", {"Quota": {"Value": float("nan")}}, "Quota.Value"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_is_named(case: str) -> None:
    name, body, named = WRONG[case]
    answer = wire.response(200, json.dumps(body).encode())
    async with wire.serving(_all(answer)) as port, wire.api_at(port) as api:
        with pytest.raises(e.AmbiguousError, match=named) as caught:
            await CALLS[name](api)
    assert caught.value.code == "BrokenAnswer"


async def test_what_aws_adds_or_leaves_out_is_fine() -> None:
    """Its ARNs have no Region or account at times, and null stands for what isn't there."""
    model = "arn:aws-eusc:bedrock:::foundation-model/a.b-v1:0"
    more = {**PROFILE, "description": None, "models": [{"modelArn": model}, {}], "new": [[{}]], "createdAt": 5}
    body = json.dumps({"inferenceProfileSummaries": [more, {**PROFILE, "models": None}], "nextToken": None}).encode()
    async with wire.serving(_all(wire.response(200, body))) as port, wire.api_at(port) as api:
        (one, other), token = await api.list_page()
    assert (one.model_arns, one.description, other.model_arns, token) == ((model,), None, (), None)


def test_the_arn_of_a_new_profile_agrees_with_its_target_as_far_as_both_are_known() -> None:
    for account, region in (("123456789012", "us-east-1"), ("", "us-east-1"), ("123456789012", ""), ("", "")):
        assert require_own_arn(wire.ARN, Target(account, region)) == wire.ARN
    with pytest.raises(e.AmbiguousError):
        require_own_arn(wire.ARN, Target("111122223333", "us-east-1"))


def test_a_response_of_an_undeclared_operation_is_an_object() -> None:
    assert read("some-service", "SomeOperation", b'{"a":1}') == {"a": 1}
    with pytest.raises(e.AmbiguousError):
        read("some-service", "SomeOperation", b"[1]")


ERRORS: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "half a character": (400, b'{"message":"a \\ud800 b"}', {"X_Amzn_ErrorType": "ValidationException"}),
    "control characters": (400, b'{"message":"\\u001b[2J\\u0000\\n"}', {"X_Amzn_ErrorType": "ValidationException"}),
    "a message of a megabyte": (400, b'{"message":"%b"}' % (b"x" * 1_000_000), {"X_Amzn_ErrorType": "Oops"}),
    "a message that is a list": (400, b'{"message":[1]}', {"X_Amzn_ErrorType": "ValidationException"}),
    "a type that is a list": (400, b'{"__type":["a"]}', {}),
    "a type that is an object": (500, b'{"__type":{"a":1},"code":5}', {}),
    "a hundred thousand levels": (400, b'{"message":' + b"[" * DEEP + b"]" * DEEP + b"}", {}),
    "a portal": (403, wire.PORTAL, {}),
    "noise": (404, b"\xff\xfe\x00", {}),
    "nothing": (418, b"", {}),
}


@pytest.mark.parametrize("case", ERRORS)
async def test_odd_errors_can_be_kept_and_printed(case: str) -> None:
    status, body, headers = ERRORS[case]
    async with wire.serving(_all(wire.response(status, body, **headers))) as port, wire.api_at(port) as api:
        for call in CALLS.values():
            with pytest.raises(e.AwsError) as caught:
                await call(api)
            can_be_stored(caught.value)


@pytest.mark.parametrize("status", [302, 400, 403, 404, 405, 413])
async def test_a_refusal_that_is_not_aws_s_says_nothing_of_what_was_done(status: int) -> None:
    """A proxy that lets a call through and blocks its answer; and no profile is gone because a portal says 404."""
    async with wire.serving(_all(wire.response(status, wire.PORTAL))) as port, wire.api_at(port) as api:
        for name in ("create", "delete", "tag", "untag"):
            with pytest.raises(e.AmbiguousError):
                await CALLS[name](api)
        for name in ("tags", "get"):
            with pytest.raises(e.AwsError) as caught:
                await CALLS[name](api)
            assert not isinstance(caught.value, e.NotFoundError)


async def test_an_answer_without_end_is_left() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await wire.request(reader)
        writer.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"x" * (1 << 20)
        while True:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            sent += len(piece)

    async with wire.serving(endless) as port, wire.api_at(port, timeout_s=60) as api:
        with pytest.raises(e.AmbiguousError, match="longer than 16 MiB") as caught:
            await api.list_page()
    assert caught.value.code == "AnswerTooLong"
    # What is on its way, in buffers of both ends, comes on top.
    assert LONGEST < sent + (1 << 20) < 2 * LONGEST


async def test_an_answer_that_says_how_long_it_is_is_not_even_begun() -> None:
    head = f"HTTP/1.1 200 X\r\nContent-Length: {LONGEST + 1}\r\n\r\n".encode()
    async with wire.serving(wire.saying(head)) as port, wire.api_at(port) as api:
        with pytest.raises(e.AmbiguousError, match="longer than 16 MiB"):
            await api.list_page()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/9.9 abc X\r\n\r\n",
        b"HTTP/1.1 200 X\r\n" + b"A: b\r\n" * 100_000 + b"\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\nzz",
    ],
    ids=["no size", "a huge size", "negative", "huge", "no status", "headers without end", "not compressed"],
)  # fmt: skip
async def test_broken_http(answer: bytes) -> None:
    async with wire.serving(wire.saying(answer, then_close=True)) as port, wire.api_at(port) as api:
        with pytest.raises(e.AmbiguousError):
            await wire.create(api)


def _all(answer: bytes) -> wire.Handler:
    """The same answer to every request of a connection."""

    async def always(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await wire.request(reader)
            writer.write(answer)
            await writer.drain()

    return always
