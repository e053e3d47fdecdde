"""Objects as files: in parts where the connection breaks, and never of two versions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import bulkprof.errors as e
from bulkprof.aws import AwsSessions
from bulkprof.aws.s3_download import Listed, download
from bulkprof.config import Organization, Run
from tests.aws import wire

DATED = {"Last_Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
WHOLE = b"name\nsearch\ndocs\n"


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    # The SDK's own, with its waits: they are not what is looked at here.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


class Store:
    """Sends at most `piece` bytes of an object, and breaks the connection then."""

    def __init__(self, piece: int = len(WHOLE), *, ranges: bool = True) -> None:
        self.piece = piece
        self.ranges = ranges
        self.etag = '"one"'
        self.asked: list[dict[str, str]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = wire.headers(await wire.request(reader))
        self.asked.append(asked)
        if asked.get("if-match", self.etag) != self.etag:
            writer.write(wire.response(412, b"<Error><Code>PreconditionFailed</Code></Error>"))
        else:
            begin = int(asked.get("range", "bytes=0-")[6:-1]) if self.ranges else 0
            rest = WHOLE[begin:]
            status = 206 if begin else 200
            writer.write(wire.response(status, rest[: self.piece], length=len(rest), ETag=self.etag, **DATED))
        await writer.drain()
        writer.close()


async def fetched(answer: wire.Handler, path: Path, wanted: Listed | str = "a.csv") -> str:
    async with (
        wire.serving(answer) as port,
        AwsSessions(Organization(), Run(timeout_s=5), environment=wire.environment(port)) as sessions,
        sessions.client("s3") as s3,
    ):
        return await download(s3, "example", wanted, path)


async def test_it_goes_on_where_it_broke(tmp_path: Path) -> None:
    store = Store(piece=6)
    assert await fetched(store, tmp_path / "a.csv") == "one"
    assert (tmp_path / "a.csv").read_bytes() == WHOLE
    asked = [(each.get("range"), each.get("if-match")) for each in store.asked]
    assert asked == [(None, None), ("bytes=6-", '"one"'), ("bytes=12-", '"one"')]


@pytest.mark.parametrize("ranges", [True, False])
async def test_an_object_that_changes_meanwhile(tmp_path: Path, ranges: bool) -> None:
    store = Store(piece=6, ranges=ranges)

    async def changing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await store(reader, writer)
        if ranges:
            store.etag = '"two"'

    with pytest.raises(e.ConfigError) as refused:
        await fetched(changing, tmp_path / "a.csv")
    assert str(refused.value) == "s3://example/a.csv: changed while it was fetched; try again when nothing writes it"


async def test_another_version_than_was_listed(tmp_path: Path) -> None:
    with pytest.raises(e.ConfigError, match="changed while it was fetched"):
        await fetched(Store(), tmp_path / "a.csv", Listed("a.csv", len(WHOLE), '"zero"'))


async def test_one_that_breaks_too_often(tmp_path: Path) -> None:
    with pytest.raises(e.AmbiguousError):
        await fetched(Store(piece=0), tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (
            403,
            "AccessDenied",
            "to read it takes s3:GetObject on the object, s3:ListBucket on the bucket (without",
        ),
        (400, "AuthorizationHeaderMalformed", "the bucket is in another Region; set AWS_REGION to its own"),
        (404, "NoSuchKey", "there is no such object"),
        (404, "NoSuchBucket", "there is no bucket 'example'"),
    ],
)
async def test_refusals(tmp_path: Path, status: int, code: str, said: str) -> None:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    with pytest.raises(e.BulkprofError) as refused:
        await fetched(wire.saying(wire.response(status, body), then_close=True), tmp_path / "a.csv")
    assert said in str(refused.value)
    assert "s3://example/a.csv" in str(refused.value)


async def test_a_file_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(e.ConfigError, match=r"s3://example/a\.csv: can't be kept as .*: File exists"):
        await fetched(Store(), tmp_path / "a.csv")
