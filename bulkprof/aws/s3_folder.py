"""Fetches the objects under an S3 prefix into a folder: manifests and config for machines without a disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bulkprof.aws.errors.mapping import aws_errors, sdk_alone
from bulkprof.aws.operations import S3Operation
from bulkprof.aws.s3_download import Listed, download, explained
from bulkprof.aws.transport.responses import checked
from bulkprof.config import split_s3_prefix
from bulkprof.errors import ConfigError
from bulkprof.pages import whole_list

if TYPE_CHECKING:
    from bulkprof.plugins import ClientFactory

T = TypeVar("T")

MOST_BYTES: Final = 256 * 1024 * 1024
"""Most bytes that are fetched: a prefix with more is no folder of manifests, and would fill a small disk."""


def split_s3_folder(uri: str) -> tuple[str, str]:
    """Return bucket and prefix of `s3://bucket/prefix`, the prefix with a slash or empty. Raises `ConfigError`."""
    try:
        return split_s3_prefix(uri)
    except ValueError as error:
        raise ConfigError(f"{uri!r}: {error}") from None


async def fetch_folder(client: ClientFactory, uri: str, into: Path) -> int:
    """Fetch all objects under `uri` (`s3://bucket/prefix/`) into the folder `into`, and return their number.

    Raises `AwsError` or `ConfigError`; what was fetched before that stays in the folder.
    """
    bucket, prefix = split_s3_folder(uri)
    count = size = 0
    async with AsyncExitStack() as stack:
        with aws_errors("", uri):
            s3 = await stack.enter_async_context(client("s3"))
        for each in await list_folder(s3, uri):
            size += each.size
            if size > MOST_BYTES:
                raise ConfigError(f"{uri}: holds more than {MOST_BYTES >> 20} MiB; name a prefix of manifests only")
            await download(s3, bucket, each, _path_of(into, each.key.removeprefix(prefix), uri))
            count += 1
    return count


async def list_folder(s3: Any, uri: str) -> list[Listed]:
    """Return all objects under `uri`, in the order of their keys. Raises `AwsError` or `ConfigError`."""
    bucket, prefix = split_s3_folder(uri)
    with explained(uri, bucket), aws_errors(S3Operation.LIST, uri), sdk_alone():
        listed = await whole_list(unpaced, S3Operation.LIST, partial(_page, s3, bucket, prefix), itemgetter("Key"))
    found = [Listed(each["Key"], each["Size"], each.get("ETag") or "") for each in listed]
    # Without the empty objects that the console makes for folders.
    return sorted((each for each in found if not each.key.endswith("/")), key=lambda each: each.key.encode())


async def _page(s3: Any, bucket: str, prefix: str, token: str | None) -> tuple[list[Any], str | None]:
    more = {"ContinuationToken": token} if token else {}
    response = await s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
    listed = checked("s3", S3Operation.LIST, response)
    return listed.get("Contents", []), listed.get("NextContinuationToken") or None


async def unpaced(operation: str, send: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG001 - the signature of lanes
    """Send a call at once: the SDK retries this client's calls itself, and nothing paces them."""
    return await send()


def _path_of(into: Path, name: str, uri: str) -> Path:
    """Return the path of an object. Its key may be any text, and must not lead out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not name.isprintable():
        raise ConfigError(f"{uri}: the key {name!r} can't be a file's name; rename or remove the object")
    return into / path
