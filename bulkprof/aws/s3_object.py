"""One S3 object that is written only under conditions (`If-Match`, `If-None-Match`): a lock between machines.

A condition that doesn't hold is a return value here, not an error. Anything else that goes wrong is a `ConfigError`
(the bucket can't be used for locks) or an `AwsError`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from bulkprof.aws.errors.mapping import aws_errors, sdk_alone
from bulkprof.aws.errors.sdk import ELSEWHERE
from bulkprof.aws.operations import S3Operation
from bulkprof.aws.transport.responses import at_most, checked
from bulkprof.config import split_s3_uri
from bulkprof.errors import AccessDeniedError, AwsError, BulkprofError, ConfigError
from bulkprof.system.retry_after import http_date

if TYPE_CHECKING:
    from bulkprof.plugins import ClientFactory

_LONGEST: Final = 64 * 1024
"""Bytes that are read of an object, or a little more: no lock is longer."""
GONE: Final = frozenset({"NoSuchKey"})
"""S3's code for a missing object; a 404 without this code isn't from S3."""
CONDITION_FAILED: Final = frozenset(
    {"PreconditionFailed", "ConditionalRequestConflict", "OperationAborted", "HTTP409", "HTTP412", *GONE}
)
"""S3's codes for a condition that doesn't hold. 409: another write was under way; reading tells which was first."""
UNSUPPORTED: Final = frozenset({"NotImplemented", "HTTP501"})
"""S3's codes for a store without conditional writes."""
WRONG_REGION: Final = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)
"""S3's codes for a bucket that is in another Region than it was asked in."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it was read."""

    body: bytes
    etag: str
    age_s: float
    """Seconds since it was written, by the clock of S3 at both ends, to the second."""


class S3Object:
    """The object at `uri` (`s3://bucket/key`), through a client that lives as long as the `async with` block."""

    def __init__(
        self, client: ClientFactory, uri: str, *, region: str | None = None, now: Callable[[], float] = time.time
    ) -> None:
        """`now` gives epoch seconds; used only if responses have no date. Raises `ConfigError` for a bad URI."""
        try:
            bucket, key = split_s3_uri(uri)
        except ValueError as error:
            raise ConfigError(f"lock.s3: {error}") from None
        self.uri = uri
        self._bucket = bucket
        self._address = {"Bucket": bucket, "Key": key}
        self._factory = client
        self._region = region
        self._opened: AbstractAsyncContextManager[Any] | None = None
        self._s3: Any = None
        self._now = now

    async def __aenter__(self) -> Self:
        """Open the client. Raises `AwsError`."""
        with self._errors(None):
            self._opened = self._factory("s3", region=self._region)
            self._s3 = await self._opened.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the client."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            await opened.__aexit__(kind, error, traceback)

    async def read(self) -> Stored | None:
        """Return the object; None if there is none."""
        try:
            with self._errors(S3Operation.GET):
                response = await self._s3.get_object(**self._address)
                found = checked("s3", S3Operation.GET, response)
                # Not the object that `async with` returns: that is aiohttp's response, which can't read just a part.
                async with (stream := response["Body"]):
                    body = await at_most(partial(stream.read, _LONGEST), _LONGEST)
        except AwsError as error:
            if error.code in GONE:
                return None
            raise
        return Stored(body, found["ETag"], self._age(response, found["LastModified"]))

    async def create(self, body: bytes) -> str | None:
        """Write it if there is none, and return its ETag; None if there is one."""
        return await self._put(body, IfNoneMatch="*")

    async def replace(self, body: bytes, etag: str) -> str | None:
        """Overwrite it if its ETag is still `etag`, and return the new ETag; None if it isn't."""
        return await self._put(body, IfMatch=etag)

    async def delete(self, etag: str) -> bool:
        """Delete it if its ETag is still `etag`; return whether it was."""
        try:
            with self._errors(S3Operation.DELETE):
                await self._s3.delete_object(**self._address, IfMatch=etag)
        except AwsError as error:
            if error.code in CONDITION_FAILED:
                return False
            raise
        except UnsupportedError:
            # Some stores have conditional writes, but no conditional deletes.
            stored = await self.read()
            if stored is None or stored.etag != etag:
                return False
            with self._errors(S3Operation.DELETE):
                await self._s3.delete_object(**self._address)
        return True

    async def _put(self, body: bytes, **condition: str) -> str | None:
        try:
            with self._errors(S3Operation.PUT):
                response = await self._s3.put_object(
                    **self._address, **condition, Body=body, ContentType="application/json"
                )
                # The ETag is needed later, to tell whether the object is still this one.
                etag: str = checked("s3", S3Operation.PUT, response)["ETag"]
        except AwsError as error:
            if error.code in CONDITION_FAILED:
                return None
            raise
        return etag

    def _age(self, response: dict[str, Any], written: datetime) -> float:
        date = http_date(str(response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")))
        return (date.timestamp() if date else self._now()) - written.timestamp()

    @contextmanager
    def _errors(self, operation: S3Operation | None) -> Iterator[None]:
        try:
            with aws_errors(operation or "", self.uri), sdk_alone(responses=bool(operation)):
                yield
        except AwsError as error:
            raise self._explained(error) from None

    def _explained(self, error: AwsError) -> BulkprofError:
        if error.code in UNSUPPORTED:
            return UnsupportedError(self.uri)
        if error.code == "NoSuchBucket":
            return ConfigError(f"lock.s3: there is no bucket {self._bucket!r}; create it, or correct {self.uri}")
        if error.code in WRONG_REGION:
            return ConfigError(f"lock.s3: {self._bucket!r} is in another Region; set `region` under [lock] to its own")
        if isinstance(error, AccessDeniedError):
            return AccessDeniedError(
                f"{error.message}; the lock needs s3:GetObject, s3:PutObject and s3:DeleteObject on the object, and "
                "s3:ListBucket on its bucket",
                code=error.code,
                operation=error.operation,
                where=error.where,
            )
        if error.code == "BrokenAnswer":
            message = f"{error.message}: {ELSEWHERE}"
            return type(error)(message, code=error.code, operation=error.operation, where=error.where)
        return error


class UnsupportedError(ConfigError):
    """The store has no conditional writes, so it can't hold a lock."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            f"lock.s3: the store of {uri} doesn't keep conditions on writes (If-None-Match, If-Match), without which "
            "there is no lock; use a bucket of Amazon S3, or take `s3` out of [lock]"
        )
