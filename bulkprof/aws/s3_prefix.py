"""The objects below an S3 prefix that runners share: listed, read, and written only under conditions.

A write under `If-Match` or `If-None-Match` that doesn't hold is a return value. Anything else is a `ConfigError` (the
bucket can't be used) or an `AwsError`, which say what to do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread

from bulkprof.aws.errors.mapping import aws_errors, sdk_alone
from bulkprof.aws.operations import S3Operation
from bulkprof.aws.s3_download import Listed, download
from bulkprof.aws.s3_folder import split_s3_folder, unpaced
from bulkprof.aws.s3_object import CONDITION_FAILED, GONE, UNSUPPORTED, WRONG_REGION
from bulkprof.aws.transport.responses import at_most, checked
from bulkprof.errors import AccessDeniedError, AwsError, BulkprofError, ConfigError, StateError
from bulkprof.pages import whole_list
from bulkprof.system.retry_after import http_date

if TYPE_CHECKING:
    from bulkprof.plugins import ClientFactory

_LONGEST: Final = 64 * 1024 * 1024
"""Bytes that are read of an object into memory."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object of a list."""

    name: str
    """Its key, without the prefix."""
    size: int
    etag: str
    age_s: float
    """Seconds since it was written, by the clock of S3 at both ends."""


class S3Prefix:
    """The objects below `uri` (`s3://bucket/prefix/`), by an open client of the SDK. Make one with `open_prefix`."""

    def __init__(self, s3: Any, uri: str) -> None:
        """Raises `ConfigError` for a bad URI."""
        self._s3 = s3
        self._bucket, self._prefix = split_s3_folder(uri)

    def uri(self, name: str) -> str:
        """Return the address of an object."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    async def all(self, below: str) -> list[Found]:
        """Return the objects whose names begin with `below`: a call for each 1,000."""
        with self._errors(S3Operation.LIST, below):
            return await whole_list(unpaced, S3Operation.LIST, partial(self._page, below), attrgetter("name"))

    async def _page(self, below: str, token: str | None) -> tuple[list[Found], str | None]:
        more = {"ContinuationToken": token} if token else {}
        response = await self._s3.list_objects_v2(Bucket=self._bucket, Prefix=f"{self._prefix}{below}", **more)
        listed = checked("s3", S3Operation.LIST, response)
        date = http_date(str(response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")))
        page = []
        for each in listed.get("Contents") or []:
            written = each.get("LastModified")
            age_s = max(0.0, (date - written).total_seconds()) if date and written else 0.0
            name = each["Key"].removeprefix(self._prefix)
            page.append(Found(name, each["Size"], each.get("ETag") or "", age_s))
        return page, listed.get("NextContinuationToken") or None

    async def download(self, found: Found, path: Path) -> None:
        """Read an object of a list into the new file `path`."""
        await download(self._s3, self._bucket, Listed(f"{self._prefix}{found.name}", found.size, found.etag), path)

    async def read(self, name: str) -> tuple[bytes, str] | None:
        """Return an object's content and ETag; None if there is none."""
        try:
            with self._errors(S3Operation.GET, name):
                response = await self._s3.get_object(Bucket=self._bucket, Key=f"{self._prefix}{name}")
                async with (stream := response["Body"]):
                    etag: str = checked("s3", S3Operation.GET, response)["ETag"]
                    body = await at_most(partial(stream.read, 1 << 18), _LONGEST)
        except AwsError as error:
            if error.code in GONE:
                return None
            raise
        if len(body) > _LONGEST:
            raise ConfigError(f"{self.uri(name)}: is longer than {_LONGEST >> 20} MiB; look at what it is")
        return body, etag

    async def about(self, name: str) -> tuple[Mapping[str, str], str]:
        """Return an object's metadata and ETag, at the price of one byte of it."""
        with self._errors(S3Operation.GET, name):
            response = await self._s3.get_object(Bucket=self._bucket, Key=f"{self._prefix}{name}", Range="bytes=0-0")
            async with response["Body"]:
                etag: str = checked("s3", S3Operation.GET, response)["ETag"]
                return {str(key): str(value) for key, value in (response.get("Metadata") or {}).items()}, etag

    async def write(
        self, name: str, body: bytes | Path, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> str | None:
        """Write an object where its ETag is still `etag`, or for None where there is none. Return the new ETag.

        Returns None where another one is there. The content of a file is sent in pieces.
        """
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        how = {**condition, "Metadata": dict(metadata or {})}
        try:
            with self._errors(S3Operation.PUT, name):
                if isinstance(body, bytes):
                    return await self._put(name, body, how)
                file = await anyio.to_thread.run_sync(body.open, "rb")
                try:
                    return await self._put(name, file, how)
                finally:
                    file.close()
        except OSError as error:
            raise StateError(f"{body!r}: can't be read: {error.strerror or error}") from None
        except AwsError as error:
            if error.code in CONDITION_FAILED:
                return None
            raise

    async def _put(self, name: str, body: Any, how: Mapping[str, Any]) -> str:
        response = await self._s3.put_object(Bucket=self._bucket, Key=f"{self._prefix}{name}", Body=body, **how)
        # It is needed later, to tell whether the object is still this one.
        etag: str = checked("s3", S3Operation.PUT, response)["ETag"]
        return etag

    async def delete(self, name: str) -> None:
        """Delete an object, also one that is gone already."""
        with self._errors(S3Operation.DELETE, name):
            await self._s3.delete_object(Bucket=self._bucket, Key=f"{self._prefix}{name}")

    @contextmanager
    def _errors(self, operation: S3Operation, name: str) -> Iterator[None]:
        where = self.uri(name)
        try:
            with aws_errors(operation, where), sdk_alone():
                yield
        except AwsError as error:
            raise self._explained(error, where) from None

    def _explained(self, error: AwsError, where: str) -> BulkprofError:
        if error.code == "NoSuchBucket":
            return ConfigError(f"{where}: there is no bucket {self._bucket!r}; create it, or correct `s3` in [state]")
        if error.code in WRONG_REGION:
            return ConfigError(f"{where}: the bucket is in another Region; set `region` under [state] to its own")
        if error.code in UNSUPPORTED:
            return ConfigError(
                f"{where}: the store keeps no conditions on writes (If-None-Match, If-Match), without which runners "
                "would overwrite each other's; use a bucket of Amazon S3"
            )
        if isinstance(error, AccessDeniedError):
            return AccessDeniedError(
                f"{error.message}; [state] s3 needs s3:GetObject, s3:PutObject and s3:DeleteObject on its objects, and "
                "s3:ListBucket on the bucket (`bulkprof iam-policy` prints them)",
                code=error.code,
                operation=error.operation,
                where=error.where,
            )
        return error


@asynccontextmanager
async def open_prefix(client: ClientFactory, uri: str, region: str | None = None) -> AsyncIterator[S3Prefix]:
    """Open the objects below `uri`, in the bucket's `region` or the SDK's default one. Raises `AwsError`."""
    async with AsyncExitStack() as stack:
        with aws_errors("", uri):
            s3 = await stack.enter_async_context(client("s3", region=region))
        yield S3Prefix(s3, uri)
