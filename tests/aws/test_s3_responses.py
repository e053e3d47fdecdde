"""Responses of S3 through the SDK's own session: of any shape, in pieces, and without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import bulkprof.errors as e
from bulkprof.aws import AwsSessions
from bulkprof.aws.s3_folder import fetch_folder
from bulkprof.aws.s3_object import S3Object
from bulkprof.aws.transport.responses import LONGEST
from bulkprof.config import Organization, Run
from tests.aws import wire

PORTAL = b"<!DOCTYPE html><html><body><p>Sign in</p></body></html>"
SOUND = {"ETag": '"a"', "Last_Modified": "Wed, 21 Oct 2015 07:28:00 GMT", "Date": "Wed, 21 Oct 2015 07:29:00 GMT"}


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    # The SDK's own, with its waits: they are not what is looked at here.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@asynccontextmanager
async def opened(answer: wire.Handler) -> AsyncIterator[S3Object]:
    async with (
        wire.serving(answer) as port,
        AwsSessions(Organization(), Run(timeout_s=5), environment=wire.environment(port)) as sessions,
        S3Object(sessions.client, "s3://locks/a.lock") as stored,
    ):
        yield stored


async def test_an_object_that_comes_in_pieces_is_read_whole() -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await wire.request(reader)
        writer.write(wire.response(200, b'{"a', length=9, **SOUND))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b'":"b"}')
        await writer.drain()

    async with opened(slowly) as stored:
        read = await stored.read()
    assert read is not None
    assert (read.body, read.etag, read.age_s) == (b'{"a":"b"}', '"a"', 60.0)


@pytest.mark.parametrize(
    "headers",
    [
        {key: value for key, value in SOUND.items() if key != "ETag"},
        {**SOUND, "Last_Modified": "soon"},
        {**SOUND, "Last_Modified": "Wed, 21 Oct 100000000000000000000 07:28:00 GMT"},
        {**SOUND, "ETag": ""},
    ],
    ids=["no tag", "no time", "a time of another age", "an empty tag"],
)
async def test_an_object_of_which_nothing_is_known_is_an_error(headers: dict[str, str]) -> None:
    async with opened(wire.saying(wire.response(200, b"{}", **headers), then_close=True)) as stored:
        with pytest.raises(e.AmbiguousError):
            await stored.read()


async def test_a_write_without_a_tag_is_an_error() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The SDK asks before it sends the body.
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await wire.request(reader)
        writer.write(wire.response(200, PORTAL))
        await writer.drain()
        writer.close()

    async with opened(answer) as stored:
        with pytest.raises(e.AmbiguousError):
            await stored.create(b"{}")


async def test_a_date_of_another_age_is_no_date() -> None:
    headers = {**SOUND, "Date": "Wed, 21 Oct 100000000000000000000 07:28:00 GMT"}
    async with opened(wire.saying(wire.response(200, b"{}", **headers), then_close=True)) as stored:
        read = await stored.read()
    assert read is not None
    assert read.age_s > 0


@pytest.mark.parametrize(
    ("status", "body"), [(403, PORTAL), (400, b""), (400, b"\xff"), (500, b"<a>" * 50_000), (302, PORTAL), (404, b"{}")]
)
async def test_odd_errors(status: int, body: bytes) -> None:
    async with opened(wire.saying(wire.response(status, body), then_close=True)) as stored:
        with pytest.raises(e.BulkprofError) as caught:
            await stored.read()
    assert str(caught.value).isprintable()


async def test_an_error_without_end_is_left() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await wire.request(reader)
        writer.write(b"HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"100000\r\n%b\r\n" % (b"x" * (1 << 20)))
            await writer.drain()

    async with opened(endless) as stored:
        with pytest.raises(e.AwsError, match=f"longer than {LONGEST >> 20} MiB"):
            await stored.read()


LISTS: dict[str, tuple[bytes, str]] = {
    "a portal": (PORTAL, "no IsTruncated"),
    "no keys": (
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents></ListBucketResult>",
        "Contents.0.Key",
    ),
    "a size that is none": (
        b"<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>",
        "can't be read",
    ),
    "a token that comes again": (
        b"<ListBucketResult><NextContinuationToken>t</NextContinuationToken><IsTruncated>true</IsTruncated>"
        b"</ListBucketResult>",
        "circle",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LISTS)
async def test_folders(tmp_path: Path, case: str) -> None:
    body, named = LISTS[case]

    async def always(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await wire.request(reader)
            writer.write(wire.response(200, body))
            await writer.drain()

    with pytest.raises(e.BulkprofError, match=named):
        await _fetch(always, tmp_path)


@pytest.mark.parametrize("sent", [b"ab", b"abcdef"])
async def test_an_object_of_another_size_than_listed_is_told(tmp_path: Path, sent: bytes) -> None:
    listed = (
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a.csv</Key><Size>3</Size></Contents>"
        b"</ListBucketResult>"
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked = await wire.request(reader)
            writer.write(wire.response(200, listed if b"list-type" in asked else sent, **SOUND))
            await writer.drain()

    with pytest.raises(e.ConfigError, match="changed while it was fetched"):
        await _fetch(answer, tmp_path)


async def _fetch(answer: Any, into: Path) -> int:
    async with (
        wire.serving(answer) as port,
        AwsSessions(Organization(), Run(timeout_s=5), environment=wire.environment(port)) as sessions,
    ):
        return await fetch_folder(sessions.client, "s3://manifests/a/", into)
