# ruff: noqa: N803 - the arguments are the SDK's
"""An S3 of one process with a clock that only the test moves, conditions that hold at once, and scripted trouble."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import anyio
from anyio.lowlevel import checkpoint
from botocore.exceptions import ClientError

START = 1_750_000_000.0


async def settle() -> None:
    """Let all tasks go on until they wait for something that only the test can bring about."""
    # Nothing here waits for I/O, so each wait ends within a turn of the event loop; anyio's own way takes 0.1 s.
    for _ in range(50):
        await checkpoint()


class FakeClock:
    """Sleeps that end when the test says so."""

    def __init__(self) -> None:
        self.time = START
        self._sleepers: list[tuple[float, anyio.Event]] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        event = anyio.Event()
        sleeper = (self.time + seconds, event)
        self._sleepers.append(sleeper)
        try:
            await event.wait()
        finally:
            self._sleepers.remove(sleeper)

    async def advance(self, seconds: float) -> None:
        """Go on, moment by moment, letting whoever wakes do all it can before the next one."""
        end = self.time + seconds
        await settle()
        while due := [sleeper for sleeper in self._sleepers if sleeper[0] <= end and not sleeper[1].is_set()]:
            self.time, event = min(due, key=lambda sleeper: sleeper[0])
            event.set()
            await settle()
        self.time = end


class Body(io.BytesIO):
    async def __aenter__(self) -> None:
        """The SDK's answers something else than the body here, too."""

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def read(self, size: int = -1) -> bytes:
        return super().read(size)


def refusal(code: str, status: int, message: str = "no") -> ClientError:
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "Any")  # type: ignore[typeddict-item]


class FakeS3:
    """The client and its factory in one. `before` and `after` see each call's name, and may raise or wait."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.skew_s = 0.0
        self.objects: dict[tuple[str, str], tuple[bytes, str, float]] = {}
        self.calls: list[str] = []
        self.conditional = True
        self.before: Callable[[str], Awaitable[None]] = self._nothing
        self.after: Callable[[str], Awaitable[None]] = self._nothing
        self.open = 0

    @asynccontextmanager
    async def __call__(self, service: str, *, region: str | None = None) -> AsyncIterator[Any]:
        assert service == "s3"
        self.open += 1
        try:
            yield self
        finally:
            await checkpoint()
            self.open -= 1

    async def get_object(self, *, Bucket: str, Key: str) -> Any:
        await self.before("get")
        self.calls.append("get")
        body, etag, written = self._found(Bucket, Key)
        now = datetime.fromtimestamp(int(self.clock.time + self.skew_s), UTC)
        await self.after("get")
        return {
            "Body": Body(body),
            "ETag": etag,
            "LastModified": datetime.fromtimestamp(int(written), UTC),
            "ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(now, usegmt=True)}},
        }

    async def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        ContentType: str,
        IfNoneMatch: str | None = None,
        IfMatch: str | None = None,
    ) -> Any:
        await self.before("put")
        self.calls.append("put")
        self._check(Bucket, Key, IfNoneMatch, IfMatch)
        etag = f'"{hashlib.md5(Body).hexdigest()}"'
        self.objects[Bucket, Key] = (Body, etag, self.clock.time + self.skew_s)
        await self.after("put")
        return {"ETag": etag}

    async def delete_object(self, *, Bucket: str, Key: str, IfMatch: str | None = None) -> Any:
        await self.before("delete" if IfMatch else "plain delete")
        self.calls.append("delete")
        self._check(Bucket, Key, None, IfMatch)
        self.objects.pop((Bucket, Key), None)
        await self.after("delete")
        return {}

    def _check(self, bucket: str, key: str, if_none_match: str | None, if_match: str | None) -> None:
        if not self.conditional:
            return
        if if_none_match and (bucket, key) in self.objects:
            raise refusal("PreconditionFailed", 412)
        if if_match and self._found(bucket, key)[1] != if_match:
            raise refusal("PreconditionFailed", 412)

    def _found(self, bucket: str, key: str) -> tuple[bytes, str, float]:
        if (bucket, key) not in self.objects:
            raise refusal("NoSuchKey", 404)
        return self.objects[bucket, key]

    async def _nothing(self, call: str) -> None:
        await checkpoint()
