"""One S3 object as a file: read whole, in bounded memory, and never half of one version and half of another.

What breaks while it is read goes on where it broke, under the condition that the object is still the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import anyio.to_thread

from bulkprof.aws.errors.mapping import aws_errors, sdk_alone
from bulkprof.aws.operations import S3Operation
from bulkprof.aws.s3_object import GONE, WRONG_REGION
from bulkprof.aws.transport.responses import checked
from bulkprof.errors import AccessDeniedError, AmbiguousError, AwsError, BulkprofError, ConfigError
from bulkprof.system.temporary import write_all

_PIECE: Final = 1 << 18
_MOST_BREAKS: Final = 20
_UNKNOWN: Final = -1
"""A size that isn't known."""
_CHANGED: Final = frozenset({"PreconditionFailed", "HTTP412"})
_SPOILT: Final = frozenset({"ChecksumError", "FlexibleChecksumError"})


class MissingObjectError(ConfigError):
    """There is no such object, or no such bucket."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a list has it."""

    key: str
    size: int
    etag: str = ""
    """Empty where the store doesn't say."""


async def download(s3: Any, bucket: str, wanted: Listed | str, path: Path) -> str:
    """Read an object, one of a list or of this key, into the new file `path`. Return its version id, else its ETag.

    Raises `ConfigError` where there is no such object, or another one by now; `AwsError`; `StateError` for a full disk.
    """
    listed = Listed(wanted, _UNKNOWN) if isinstance(wanted, str) else wanted
    where = f"s3://{bucket}/{listed.key}"
    file = await anyio.to_thread.run_sync(_opened, path, where)
    try:
        with explained(where, bucket):
            return await _Download(s3, bucket, listed, where, file).whole()
    finally:
        # At once: a thread would not be waited for when the run is cancelled.
        file.close()


class _Download:
    def __init__(self, s3: Any, bucket: str, listed: Listed, where: str, file: BinaryIO) -> None:
        self._s3 = s3
        self._address = {"Bucket": bucket, "Key": listed.key}
        self._where = where
        self._file = file
        self._etag = listed.etag
        self._size = listed.size
        self._version = ""
        self._read = 0

    async def whole(self) -> str:
        """Read it to its end. Return its version."""
        for _ in range(_MOST_BREAKS):
            before = self._read
            try:
                await self._rest()
            except AmbiguousError as error:
                # The SDK has tried again already where nothing came.
                if self._read == before or error.code in _SPOILT:
                    raise
                continue
            if self._size not in (_UNKNOWN, self._read):
                raise changed(self._where)
            return self._version
        raise AmbiguousError("the connection broke too often", operation=S3Operation.GET, where=self._where)

    async def _rest(self) -> None:
        how = {"IfMatch": self._etag} if self._etag else {}
        if self._read:
            how["Range"] = f"bytes={self._read}-"
        with aws_errors(S3Operation.GET, self._where), sdk_alone():
            response = await self._s3.get_object(**self._address, **how)
            # Not the object that `async with` returns: that is aiohttp's response, which can't read just a part.
            async with (stream := response["Body"]):
                self._check(checked("s3", S3Operation.GET, response))
                # An object that has grown is left where it is longer than it was.
                while self._size == _UNKNOWN or self._read <= self._size:
                    if not (piece := await stream.read(_PIECE)):
                        break
                    await anyio.to_thread.run_sync(write_all, self._file, piece)
                    self._read += len(piece)

    def _check(self, found: Mapping[str, Any]) -> None:
        """Raise `ConfigError` where an answer is of another object than what is known of it."""
        size = self._read + found["ContentLength"] if "ContentLength" in found else self._size
        if self._etag not in ("", found["ETag"]) or self._size not in (_UNKNOWN, size):
            raise changed(self._where)
        version = found.get("VersionId", "null")
        self._etag, self._size = found["ETag"], size
        self._version = found["ETag"].strip('"') if version == "null" else version


class ChangedObjectError(ConfigError):
    """An object isn't what it was a moment ago: another process wrote it."""


def changed(where: str) -> ChangedObjectError:
    """Return the error for an object that isn't what it was."""
    return ChangedObjectError(f"{where}: changed while it was fetched; try again when nothing writes it")


def _opened(path: Path, where: str) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb", buffering=0)
    except OSError as error:
        raise ConfigError(f"{where}: can't be kept as {path}: {error.strerror}") from None


@contextmanager
def explained(where: str, bucket: str) -> Iterator[None]:
    """Say of S3's refusals what to do."""
    try:
        yield
    except AwsError as error:
        raise _meant(error, where, bucket) from None


def _meant(error: AwsError, where: str, bucket: str) -> BulkprofError:
    if error.code == "NoSuchBucket":
        return MissingObjectError(f"{where}: there is no bucket {bucket!r}; correct the address, or create it")
    if error.code in GONE:
        return MissingObjectError(f"{where}: there is no such object; check its key, or end a folder's in a slash")
    if error.code in _CHANGED:
        return changed(where)
    if error.code in WRONG_REGION:
        return ConfigError(f"{where}: the bucket is in another Region; set AWS_REGION to its own")
    if isinstance(error, AccessDeniedError):
        return AccessDeniedError(
            f"{error.message}; to read it takes s3:GetObject on the object, s3:ListBucket on the bucket (without it, "
            "S3 denies what doesn't exist, too), and kms:Decrypt where it has a key",
            code=error.code,
            operation=error.operation,
            where=error.where,
        )
    return error
